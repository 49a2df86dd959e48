"""`python tests/browser/pictures.py ADDRESS FOLDER`: pictures of both pages, for the docs."""

import base64
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from chromium import chromium, look

SAID = ("a tripod under 90", "a kettle under 60", "no, I meant a blender")
SIZES = {"": (1280, 900), "-phone": (390, 844)}


def shoot(driver: Any, path: Path) -> None:
    """Keep what the window shows."""
    told = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    path.write_bytes(base64.b64decode(told["data"]))


def talk(driver: Any, address: str) -> None:
    """Hold a conversation anew."""
    from selenium.webdriver.common.keys import Keys

    driver.get(address)
    driver.execute_script("sessionStorage.clear()")
    driver.get(address)
    time.sleep(2)
    for words in SAID:
        said = len(driver.find_elements("css selector", ".said.assistant"))
        driver.find_element("id", "message").send_keys(words, Keys.ENTER)
        for _ in range(100):
            time.sleep(0.3)
            if len(driver.find_elements("css selector", ".said.assistant")) > said:
                break
        time.sleep(1)
        if words != SAID[-1]:
            like = driver.find_elements("css selector", "ol.cards")[-1]
            like.find_element("css selector", "button").click()
            time.sleep(1)
    driver.find_elements("css selector", "ol.cards")[-1].find_element(
        "css selector", "summary"
    ).click()
    driver.find_elements("css selector", "ol.cards")[-1].find_elements("css selector", "button")[
        2
    ].click()
    time.sleep(8)


def main(address: str, folder: Path) -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as driver:
        look(driver, width=1280, height=900)
        for page, path in (("chat", "/"), ("hints", "/hints")):
            talk(driver, address) if page == "chat" else driver.get(address + path)
            for name, (width, height) in SIZES.items():
                for dark in (False, True):
                    look(driver, width=width, height=height, dark=dark)
                    time.sleep(1)
                    if page == "chat":
                        last = driver.find_element("css selector", "#log > li:last-child")
                        driver.execute_script("arguments[0].scrollIntoView({block: 'end'})", last)
                    time.sleep(1)
                    shoot(driver, folder / f"{page}{name}{'-dark' if dark else ''}.png")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
