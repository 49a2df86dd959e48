"""Slips of the pen: mended where that names something of the shop, and left alone elsewhere."""

import pytest

from re2llm.catalog.items import Item
from re2llm.catalog.lexical import words
from re2llm.service.chat.gathered import Gathered
from re2llm.service.chat.lexicon import Lexicon
from re2llm.service.chat.spelling import mended

SHOP = (
    ("Junia Kettle", "Kettle", "Junia"),
    ("Dano Sleeping Bag", "Sleeping Bag", "Dano"),
    ("Dano Cable Tray", "Cable Tray", "Dano"),
    ("Junia Tent", "Tent", "Junia"),
    ("Dano Lens", "Lens", "Dano"),
)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    gathered = Gathered()
    for number, (title, kind, brand) in enumerate(SHOP):
        attributes = {"category": ("Shop", kind), "brand": brand, "price": 10.0 * number}
        gathered.add(Item(item_id=f"I{number}", title=title, attributes=attributes))
    return gathered.lexicon()


@pytest.mark.parametrize(
    ("said", "meant", "taken"),
    [
        ("kettel", "kettle", {"kettel": "Kettle"}),
        ("ketle", "kettle", {"ketle": "Kettle"}),
        ("kettlee", "kettle", {"kettlee": "Kettle"}),
        ("sleping bag", "sleeping bag", {"sleping": "Sleeping Bag"}),
        ("tnet", "tent", {"tnet": "Tent"}),
        ("dnao", "dano", {"dnao": "Dano"}),
        ("lenses", "lens", {}),
        ("test", "test", {}),
        ("table", "table", {}),
        ("cablee", "cablee", {}),
        ("bottle", "bottle", {}),
        ("kettle", "kettle", {}),
        ("mp3", "mp3", {}),
    ],
)
def test_a_slip_is_mended_where_that_names_something(
    said: str, meant: str, taken: dict[str, str], lexicon: Lexicon
) -> None:
    found = mended(words(said), lexicon)
    assert list(found.words) == words(meant)
    assert dict(found.taken) == taken
