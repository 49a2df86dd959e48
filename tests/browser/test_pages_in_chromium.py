"""Both pages in a real browser: what a shopper and the shop's staff do, on any screen."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium, look
from live_service import live_service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
WIDE, PHONE = (1280, 900), (390, 844)
CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def address(
    shop_once: Path, tmp_path_factory: pytest.TempPathFactory, driver: Any
) -> Iterator[str]:
    shop = Path(shutil.copytree(shop_once, tmp_path_factory.mktemp("browser") / "shop"))
    with live_service(shop) as served:
        yield served


class Page:
    """What a person sees and does."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def all(self, css: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", css))

    def texts(self, css: str) -> list[str]:
        return [element.text for element in self.all(css)]

    def until(self, true: Callable[[], object], seconds: float = 40) -> None:
        from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        ignored = [StaleElementReferenceException]
        try:
            WebDriverWait(self.driver, seconds, ignored_exceptions=ignored).until(lambda _: true())
        except TimeoutException:
            pytest.fail(f"never came; the page says: {self.texts('body')} {self.complaints()}")

    def press(self, css: str, label: str, place: int = 0) -> None:
        found = [each for each in self.all(css) if each.text == label]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found[place])
        found[place].click()

    def say(self, words: str) -> None:
        """Send a message by the keyboard alone, and wait for the answer."""
        from selenium.webdriver.common.keys import Keys

        answers = len(self.all(".said.assistant"))
        self.driver.find_element("id", "message").send_keys(words, Keys.ENTER)
        self.until(lambda: len(self.all(".said.assistant")) > answers)
        self.until(lambda: self.driver.find_element("css selector", "#say button").is_enabled())

    def answer(self, words: str) -> None:
        """Fill the dialog and go on."""
        field = self.driver.find_element("id", "answer")
        self.until(field.is_displayed)
        field.clear()
        field.send_keys(words)
        self.press("#ask button", "Go on")
        self.until(lambda: not field.is_displayed())

    def complaints(self) -> list[str]:
        lines = self.driver.get_log("browser")
        bad = [line["message"] for line in lines if line["level"] == "SEVERE"]
        return [line for line in bad if "favicon.ico" not in line]  # asked for beside a style sheet


@pytest.fixture
def chat(driver: Any, address: str) -> Page:
    look(driver, width=WIDE[0], height=WIDE[1])
    page = Page(driver)
    driver.get(f"{address}/pages/style.css")  # the same origin, and no script that begins a session
    driver.execute_script("sessionStorage.clear()")
    driver.get(address)
    page.until(lambda: page.texts(".said.assistant") == ["Hello. What are you looking for?"])
    return page


@pytest.fixture
def hints(driver: Any, address: str) -> Page:
    look(driver, width=WIDE[0], height=WIDE[1])
    driver.get(f"{address}/hints")
    page = Page(driver)
    page.until(lambda: page.driver.find_element("id", "status").text)
    return page


def test_a_chat_with_cards_that_are_liked_skipped_and_bought(chat: Page) -> None:
    chat.say("a tripod under 60")
    titles, prices = chat.texts(".card h3"), chat.texts(".card .price")
    assert len(titles) == len(prices) > 2
    assert all(float(price) < 60 for price in prices)
    assert chat.texts(".said.assistant")[-1] == f"Here are {len(titles)} items (Tripod, under 60)."
    assert chat.texts("#remembered") == ["Tripod, under 60"]
    assert "offline stand-in" in chat.texts("#model")[0]
    assert chat.texts("#hint") == ["None: no hint surely helps this session."]
    chat.all(".card summary")[0].click()
    assert chat.texts(".card details li")[0]

    chat.press(".card button", "Like", 1)
    chat.until(lambda: any(line.startswith("liked") for line in chat.texts("#events li")))
    chat.press(".card button", "Not this", 0)
    chat.until(lambda: chat.all(".card.gone"))
    chat.press(".card button", "Buy", 2)
    chat.until(lambda: chat.texts("#status")[0].startswith("Bought: "))
    done = [b.accessible_name for b in chat.all(".card button") if not b.is_enabled()]
    wanted = zip(("Left out", "Liked", "Bought"), titles, strict=False)
    assert done == [f"{word}: {title.split('. ', 1)[1]}" for word, title in wanted]
    bought = titles[2].split(". ", 1)[1]
    assert chat.texts("#events li")[0] == f"bought {bought}"
    assert len(chat.all(".card.taken")) == 1

    chat.say("any price")
    shown = chat.texts("#log > li:last-child .card h3")
    assert shown
    skipped = titles[0].split(". ", 1)[1]
    assert skipped not in [title.split(". ", 1)[1] for title in shown]
    assert chat.complaints() == []


def test_what_was_learnt_from_a_miss_is_told_and_a_reload_keeps_all(chat: Page) -> None:
    chat.say("blender")
    chat.say("no, I meant a kettle")
    chat.say("I'll take the first one")
    chat.until(lambda: "Take something" not in chat.texts("#learnt")[0])
    assert chat.texts("#learnt")[0]
    said = chat.texts(".said")
    chat.driver.refresh()
    chat.until(lambda: len(chat.texts(".said")) == len(said) - 1)  # all but the greeting
    assert chat.texts(".card h3")
    chat.press("header button", "New conversation")
    chat.until(lambda: chat.texts(".said.assistant") == ["Hello. What are you looking for?"])
    assert chat.complaints() == []


def test_a_reload_before_a_word_greets_again(chat: Page) -> None:
    chat.until(lambda: chat.driver.execute_script("return sessionStorage.length"))
    chat.driver.refresh()
    chat.until(lambda: chat.texts(".said.assistant") == ["Hello. What are you looking for?"])


def test_markup_in_a_message_is_words(chat: Page) -> None:
    chat.say("<img src=x onerror=document.title='taken'> tripod")
    assert "<img src=x" in chat.texts(".said.user")[-1]
    assert chat.driver.title == "Shop assistant"
    assert chat.all("#log img") == []


def test_hints_are_added_approved_edited_disabled_and_rolled_back(hints: Page) -> None:
    def status(text: str) -> str:
        for card in hints.all("#hints .hint"):
            lines = card.text.split("\n")
            if lines[0] == text:
                return lines[1]
        return "not there"

    def press(text: str, label: str) -> None:
        name = f"{label}: {text}"
        (button,) = (b for b in hints.all("#hints button") if b.accessible_name == name)
        hints.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    first, second = "Prefer cheaper candidates.", "Prefer much cheaper candidates."
    hints.driver.find_element("id", "text").send_keys(first)
    hints.press("#add button", "Add")
    hints.until(lambda: status(first) != "not there")
    if status(first) != "active":
        press(first, "Approve")
        hints.answer("it is true here")
        hints.until(lambda: status(first) == "active")
    press(first, "Edit")
    hints.answer(second)
    hints.until(lambda: status(second) != "not there" and status(first) == "retired")
    before = len(hints.all("#log button"))
    press(second, "Disable")
    hints.answer("too cheap")
    hints.until(lambda: status(second) == "disabled")
    hints.until(lambda: len(hints.all("#log button")) > before)
    press(second, "History")
    hints.until(lambda: any("too cheap" in line for line in hints.texts("#hints .history li")))
    oldest = hints.all("#log button")[-1]
    hints.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", oldest)
    oldest.click()
    hints.answer("as it was")
    hints.until(lambda: status(first) in ("active", "shadow", "candidate"))
    hints.until(lambda: status(second) != "active")
    assert hints.complaints() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desktop", "phone"])
def test_everything_can_be_read_and_reached(
    chat: Page, address: str, size: tuple[int, int], dark: bool
) -> None:
    look(chat.driver, width=size[0], height=size[1], dark=dark)
    chat.say("a tripod under 60")
    check_readable(chat, size)
    chat.driver.get(f"{address}/hints")
    chat.until(lambda: chat.driver.find_element("id", "status").text)
    check_readable(chat, size)


def check_readable(page: Page, size: tuple[int, int]) -> None:
    """Nothing is wider than the screen, every control has a name, all text stands out."""
    overflow = page.driver.execute_script(
        "return document.documentElement.scrollWidth - window.innerWidth"
    )
    assert overflow <= 0
    for control in page.all("button, input, select, textarea, a, summary, [tabindex]"):
        if control.is_displayed():
            assert control.accessible_name, control.get_attribute("outerHTML")
            if size == PHONE and control.tag_name == "button":
                assert control.size["height"] >= 38, control.get_attribute("outerHTML")
    assert page.driver.execute_script(CONTRAST) == []
    assert page.driver.execute_script("return document.documentElement.lang") == "en"
    landmarks = {"header", "main", "aside", "nav"}
    assert all(page.all(name) for name in landmarks)


def test_the_keyboard_reaches_every_button_and_escape_leaves_a_dialog(
    chat: Page, address: str
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    chat.say("a tripod under 60")
    wanted = {button.accessible_name for button in chat.all("button") if button.is_displayed()}
    reached: set[str] = set()
    chat.driver.find_element("css selector", "body").click()
    for _ in range(60):
        ActionChains(chat.driver).send_keys(Keys.TAB).perform()
        reached.add(chat.driver.switch_to.active_element.accessible_name)
        if wanted <= reached:
            break
    assert wanted <= reached, wanted - reached

    chat.driver.get(f"{address}/hints")
    chat.until(lambda: chat.driver.find_element("id", "status").text)
    if not chat.all("#hints .hint"):
        chat.driver.find_element("id", "text").send_keys("Favour newer candidates.", Keys.ENTER)
        chat.until(lambda: chat.all("#hints .hint"))
    edit = next(b for b in chat.all("#hints button") if b.text == "Edit")
    edit.send_keys(Keys.ENTER)
    chat.until(lambda: chat.all("dialog[open]"))
    ActionChains(chat.driver).send_keys(Keys.ESCAPE).perform()
    chat.until(lambda: not chat.all("dialog[open]"))
    assert chat.driver.switch_to.active_element.text == "Edit"
