"""What meets a wish: the arrays' answer is the memory's own, item by item."""

import random

from re2llm.catalog.filters import Filters, Range
from re2llm.graph.app import Re2LLM
from re2llm.service.chat.gathered import read_lexicon
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.shelf import Shelf


async def test_the_arrays_say_what_the_memory_says(app: Re2LLM) -> None:
    catalog = app.parts.catalog
    shelf = Shelf.of(app.parts.retriever)
    lexicon = read_lexicon(catalog)
    chance = random.Random(5)
    facets, known = sorted(lexicon.counts), sorted(lexicon.known)
    ids = [item.item_id for item in catalog]
    some = 0
    for _ in range(300):
        memory = Memory(
            facets=tuple(chance.sample(facets, chance.choice((0, 0, 1, 2)))),
            ranges=chance.choice(({}, {"price": Range(20, 80)}, {"year": Range(2019, None)})),
            avoid=tuple(chance.sample(facets, chance.choice((0, 1, 2)))),
            avoid_words=(*chance.sample(known, chance.choice((0, 1, 2))), "black kettle"),
            refused=tuple(chance.sample(ids, chance.choice((0, 3)))),
        )
        exclude = chance.sample(ids, chance.choice((0, 2)))
        filters = Filters.parse(memory.filters(exclude=tuple(exclude)))
        brought = [item for item in catalog if filters.allows(item)]
        wanted = [item.item_id for item in brought if memory.allows(item)]
        unwanted = [item.item_id for item in brought if not memory.allows(item)]
        assert [ids[n] for n in shelf.meeting(memory, exclude).nonzero()[0]] == wanted
        assert list(shelf.ruled_out(memory, exclude, 9)) == unwanted[:9]
        some += bool(wanted and unwanted)
    assert some > 50
