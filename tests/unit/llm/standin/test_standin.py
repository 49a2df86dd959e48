"""What the stand-in makes of hints: it follows them by their meaning, whoever wrote them."""

import json
from dataclasses import replace

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.kb_store.form import form_fault
from re2llm.llm.client import ModelClient
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.rank_prompt import rank_messages
from re2llm.llm.ranking import RankTask
from re2llm.llm.reflection import Failure
from re2llm.llm.reflector import ThreeTurnReflector
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.standin.model import StandInModel

OFF = {"brand": "Zed", "category": ("Tools", "Saw"), "year": 1998, "price": 400.0}
"""What no item of the session is like."""


def thing(name: str, title: str = "", **attributes: object) -> Item:
    """Return an item that is like the session in what is given alone."""
    told = {**OFF, "platform": "Orbit", "genres": ("Noir",), **attributes}
    return Item(item_id=name, title=title or f"Item {name.title()}", attributes=told)  # type: ignore[arg-type]


def viewed(name: str, title: str, **attributes: object) -> Item:
    own = {"brand": "Acme", "category": ("Home", "Kettle"), "year": 2015, "price": 50.0}
    return thing(name, title, **{**own, "platform": "Nova", "genres": ("Comedy",), **attributes})


SESSION = (
    viewed("s1", "Aurora Kettle Red"),
    viewed("s2", "Aurora Kettle Blue"),
    viewed("s3", "Aurora Kettle Green"),
)
CANDIDATES = tuple(
    Candidate(item=item, score=-float(place), notes=notes)
    for place, (item, notes) in enumerate(
        [
            (thing("plain"), ()),
            (thing("brand", brand="Acme"), ()),
            (thing("category", category=("Home", "Kettle")), ()),
            (thing("platform", platform="Nova"), ()),
            (thing("genres", genres=("Comedy",)), ()),
            (thing("era", year=2015), ()),
            (thing("new", year=2025), ()),
            (thing("old", year=1961), ()),
            (thing("price", price=50.0), ()),
            (thing("cheap", price=2.0), ()),
            (thing("dear", price=9000.0), ()),
            (thing("words", "Aurora Kettle Yellow"), ()),
            (thing("popular"), ("popular now",)),
            (thing("next"), ("often bought next",)),
        ]
    )
)
TASK = RankTask(session=SESSION, candidates=CANDIDATES, k=5)

MEANINGS = {
    "brand": ("Prefer candidates of the brand that was chosen before.", "Stay with the maker."),
    "category": ("Keep to the session's category.", "Favour the same department."),
    "platform": ("Prefer candidates for the same platform.", "Rank the same console first."),
    "genres": ("Prefer candidates that share genres.", "Match the mood of the session."),
    "era": ("Prefer candidates from the same era.", "Favour items of similar years."),
    "new": ("Prefer newer candidates.", "Put new releases first."),
    "old": ("Prefer older classics.", "Favour vintage candidates."),
    "price": ("Prefer the same price range.", "Favour what is near in price."),
    "cheap": ("Prefer cheaper candidates.", "Put bargains before all else."),
    "dear": ("Prefer premium candidates.", "Favour expensive items."),
    "words": ("Prefer the same series.", "Match the words in the titles."),
    "popular": ("Give more weight to popularity.", "Favour best sellers."),
    "next": ("Trust what is often bought next.", "Favour what goes well with the session."),
}
EITHER = [(name, text) for name, texts in MEANINGS.items() for text in texts]


def client() -> ModelClient:
    return ModelClient(StandInModel(), identity="stand-in")


async def rank(hint: str | None, task: RankTask = TASK) -> list[str]:
    answer = await ListwiseReranker(client=client()).rerank(replace(task, hint=hint))
    assert answer.degraded is None
    return list(answer.order)


@pytest.mark.parametrize(("name", "hint"), EITHER)
async def test_a_hint_lifts_what_it_is_about(name: str, hint: str) -> None:
    before, after = await rank(None), await rank(hint)
    assert after.index(name) < max(before.index(name), 1)
    assert after.index(name) <= 2, after


@pytest.mark.parametrize("name", MEANINGS)
async def test_paraphrases_act_alike(name: str) -> None:
    first, second = [await rank(hint) for hint in MEANINGS[name]]
    assert first == second


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cheap", "Do not prefer cheaper candidates."),
        ("new", "Avoid new releases."),
        ("popular", "Give less weight to popularity."),
        ("words", "Give less weight to shared title words."),
        ("brand", "Never favour the brand."),
        ("cheap", "Prefer premium candidates over cheap ones."),
        ("new", "Prefer older classics over new releases."),
    ],
)
async def test_a_hint_against_something_does_not_lift_it(name: str, hint: str) -> None:
    before, after = await rank(None), await rank(hint)
    assert after != before
    assert after.index(name) >= before.index(name)


@pytest.mark.parametrize(
    "hint", ["Be polite and think of the weather.", "Count the vowels twice.", "zzqx blorp"]
)
async def test_what_is_not_about_ranking_moves_nothing(hint: str) -> None:
    assert await rank(hint) == await rank(None)


async def test_a_misleading_hint_does_harm() -> None:
    """The next item is of the session's series; advice against series hides it."""
    assert (await rank("Give less weight to shared title words.")).index("words") > 5
    assert (await rank(None)).index("words") == 0


async def test_a_condition_that_the_session_does_not_meet_switches_a_hint_off() -> None:
    mixed = replace(
        TASK, session=(*SESSION[:1], viewed("s4", "Desk", brand="Other", platform="Luna"))
    )
    hint = "When the session keeps to one brand, prefer cheaper candidates."
    assert await rank(hint, mixed) == await rank(None, mixed)
    assert (await rank(hint)).index("cheap") == 0


async def test_recency_in_a_hint_lets_the_latest_item_count() -> None:
    late = viewed("s5", "Garden Hose", brand="Grün", category=("Garden", "Hose"))
    task = replace(
        TASK,
        session=(*SESSION, late),
        candidates=(
            Candidate(item=thing("early", category=("Home", "Kettle")), score=1.0),
            Candidate(item=thing("late", category=("Garden", "Hose")), score=0.0),
        ),
    )
    assert await rank(None, task) == ["early", "late"]
    hint = "Weigh the most recent items of the session more than earlier ones."
    assert await rank(hint, task) == ["late", "early"]


def test_the_same_messages_get_the_same_answer_and_only_the_messages_count() -> None:
    messages = rank_messages(TASK)
    first, second = (StandInModel().invoke(messages) for _ in range(2))
    assert (first.text, first.usage_metadata) == (second.text, second.usage_metadata)
    renamed = [
        type(message)(str(message.content).replace("Aurora Kettle Yellow", "Iron Saw"))
        for message in messages
    ]
    assert StandInModel().invoke(renamed).text != first.text


def test_reasons_are_told_of_what_the_lines_show() -> None:
    told = json.loads(StandInModel().invoke(rank_messages(replace(TASK, reasons=True))).text)
    assert len(told["reasons"]) == TASK.k
    assert told["reasons"][0]["label"] == told["ranking"].split()[0]
    assert "title" in told["reasons"][0]["why"]


async def test_one_token_gives_the_order_of_the_whole_list() -> None:
    short = replace(TASK, candidates=CANDIDATES[:9])
    answer = await FirstTokenReranker(client=client()).rerank(short)
    assert answer.degraded is None
    assert answer.usage.output_tokens <= 2
    assert list(answer.order) == await rank(None, short)


@pytest.mark.parametrize("target", ["next", "genres", "era", "brand", "popular", "dear", "old"])
async def test_reflecting_on_a_miss_proposes_a_hint_that_mends_it(target: str) -> None:
    order = await rank(None)
    failure = Failure(task=replace(TASK, k=3), order=tuple(order), target=target)
    reflection = await ThreeTurnReflector(client=client()).reflect(failure)
    assert reflection.drafts
    title = next(one.item.title for one in CANDIDATES if one.item.item_id == target)
    places = []
    for draft in reflection.drafts:
        assert form_fault(draft.text) is None
        assert title.casefold() not in draft.text.casefold()
        places.append((await rank(draft.text)).index(target))
    assert min(places) < order.index(target)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [HumanMessage("")],
        [SystemMessage("x"), AIMessage("y")],
        [HumanMessage("What is the capital of France?")],
        [HumanMessage("<candidates>\n</candidates>\nName the 3 candidates")],
    ],
)
def test_what_it_cannot_make_out_it_says(messages: list) -> None:  # type: ignore[type-arg]
    said = StandInModel().invoke(messages or [HumanMessage(" ")]).text
    assert "cannot make out" in said
