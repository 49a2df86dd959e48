"""A shop of films: kinds that are words of titles, words for all goods, films by their title."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from shop_settings import settings_for

from re2llm import Re2LLM, chat_graph
from re2llm.catalog.dataset import write_dataset
from re2llm.catalog.dataset_frames import DatasetMeta
from re2llm.catalog.items import Item
from re2llm.catalog.sessions import Session
from re2llm.service.chat.named import like_named
from re2llm.workspace import Workspace

FILMS = (
    ("Sky Wars", 1977, ("Sci-Fi", "Adventure")),
    ("Sky Wars: The Second Flight", 1980, ("Sci-Fi", "Adventure")),
    ("Sky Wars: Home Again", 1983, ("Sci-Fi", "Adventure")),
    ("The Sky Is Low", 1990, ("Drama",)),
    ("Trench", 1998, ("War", "Drama")),
    ("Letters Home", 2001, ("War",)),
    ("The Bridge at Dawn", 1965, ("War", "Action")),
    ("Lantern, Ladder and Lark", 2004, ("Comedy", "Romance")),
    ("The Baker's Holiday", 1999, ("Comedy",)),
    ("Two Umbrellas", 2003, ("Romance", "Drama")),
    ("One Movie Too Many", 2006, ("Drama",)),
    ("The Movie of My Life", 2007, ("Crime",)),
    ("Paper Fox", 2002, ("Animation", "Children")),
    ("Paper Fox and the Moon", 2005, ("Animation", "Children")),
    ("Action in the Attic", 1995, ("Children",)),
    ("Steel Night", 2000, ("Action",)),
)
YEARS = {title: year for title, year, _ in FILMS}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Re2LLM]:
    root: Path = tmp_path_factory.mktemp("films")
    items = [
        Item(item_id=f"f{n}", title=title, attributes={"year": year, "genres": genres})
        for n, (title, year, genres) in enumerate(FILMS)
    ]
    sessions = [
        Session(
            session_id=f"s{n}", items=(f"f{n % 16}", f"f{(n + 1) % 16}"), target=f"f{(n + 2) % 16}"
        )
        for n in range(48)
    ]
    write_dataset(
        Workspace(root).data,
        items=items,
        train=sessions,
        valid=[],
        test=[],
        meta=DatasetMeta(name="films", source_format="made", split="none", candidates="none"),
    )
    async with await Re2LLM.open(settings_for(root)) as opened:
        yield opened


async def talk(app: Re2LLM, *messages: str) -> tuple[str, list[str]]:
    """Say this in one conversation; return the last text and the titles shown."""
    chat = chat_graph(app).compile(checkpointer=InMemorySaver())
    thread: RunnableConfig = {"configurable": {"thread_id": "one"}}
    for message in messages:
        said = await chat.ainvoke({"messages": [HumanMessage(message)]}, thread)
    titles = [app.parts.catalog[card].title for card in said.get("cards", [])]
    return str(said["messages"][-1].text), titles


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("message", "first"),
    [
        ("sky wars", {"Sky Wars", "Sky Wars: The Second Flight", "Sky Wars: Home Again"}),
        ("a war movie", {"Trench", "Letters Home", "The Bridge at Dawn"}),
        ("war films from the 1990s", {"Trench"}),
        ("romantic comedy", {"Lantern, Ladder and Lark"}),
        ("animated movies", {"Paper Fox", "Paper Fox and the Moon"}),
        ("action movies", {"Steel Night", "The Bridge at Dawn"}),
    ],
)
async def test_a_wish_is_met_by_kind_and_not_by_chance_words(
    app: Re2LLM, message: str, first: set[str]
) -> None:
    text, titles = await talk(app, message)
    assert set(titles[: len(first)]) == first, text
    assert "movie" not in text.lower().replace("one movie too many", ""), text


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("message", ["recommend me a good movie", "show me some films"])
async def test_what_the_shop_sells_is_no_word_of_a_title(app: Re2LLM, message: str) -> None:
    text, titles = await talk(app, message)
    assert len(titles) == 5
    assert text.startswith("Here are 5 items:"), text


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "message",
    [
        "something like Paper Fox",
        "movies like “Paper Fox”, please",
        "anything similar to paper fox?",
    ],
)
async def test_an_item_may_be_named_by_its_title(app: Re2LLM, message: str) -> None:
    text, titles = await talk(app, message)
    assert "like Paper Fox" in text
    assert "Paper Fox" not in titles
    assert len(titles) == 5


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_said_beside_the_title_holds(app: Re2LLM) -> None:
    text, titles = await talk(app, "something like Sky Wars but newer than 1985", "not sci-fi")
    assert "like Sky Wars" in text
    assert titles
    assert all(YEARS[title] > 1985 for title in titles)


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("something like Sky Wars", "Sky Wars", "something"),
        ("like Lantern, Ladder and Lark, under 9", "Lantern, Ladder and Lark", ", under 9"),
        ("films along the lines of Trench but not war", "Trench", "films   but not war"),
        ("I like Trench", None, None),
        ("i'd like Trench", None, None),
        ("something like a ladder", None, None),
        ("I would not like Sky Wars", None, None),
    ],
)
def test_a_title_is_the_longest_that_is_there(
    text: str, title: str | None, rest: str | None
) -> None:
    shelf = {name.casefold(): Item(item_id="f", title=name) for name, *_ in FILMS}
    found = like_named(text, lambda said: shelf.get(said.casefold()))
    assert (found and found.item.title) == title
    assert (found and found.rest) == rest


@pytest.mark.asyncio(loop_scope="module")
async def test_a_card_says_what_of_the_wish_it_meets(app: Re2LLM) -> None:
    text, _ = await talk(app, "war films from the 1990s", "why the first one?")
    assert "genres War, Drama" in text
    assert "you asked for War, year 1990 to 1999" in text
