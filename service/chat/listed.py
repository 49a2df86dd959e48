"""Which named values hold: all of a list, of a description the narrowest, of a part the whole."""

import re
from collections.abc import Sequence

from re2llm.catalog.lexical import words
from re2llm.catalog.said import KINDS
from re2llm.service.chat.lexicon import Lexicon
from re2llm.service.chat.memory import Facet, Memory

_BETWEEN = re.compile(r"[,;/&+.]|\band\b|\bor\b|\bnor\b", re.IGNORECASE)


def binding(
    text: str, facets: Sequence[Facet], lexicon: Lexicon
) -> tuple[list[Facet], list[Facet]]:
    """Split the values that a text names into those that bind and those that only describe.

    "Kettle or tripod" names two kinds; "gaming monitor" names one, and so does "for the kitchen, a
    kettle", since kettles are of the kitchen.
    """
    describing: list[Facet] = []
    for piece in _BETWEEN.split(text):
        said = lexicon.find(words(piece))[0]
        together = [facet for facet in facets if facet in said]
        describing.extend(lexicon.narrowest(together)[1])
    left = [facet for facet in facets if facet not in describing]
    describing.extend(
        above for above in left if any((one, above) in lexicon.inside for one in left)
    )
    return [facet for facet in facets if facet not in describing], list(dict.fromkeys(describing))


def completed(
    text: str, facets: Sequence[Facet], left: Sequence[str], memory: Memory, lexicon: Lexicon
) -> tuple[list[Facet], list[str]]:
    """Add the kinds that a part stands for: "racing or puzzle games", "a bag" for the camera.

    Args:
        text: the message.
        facets: the values that it names in full.
        left: its other words.
        memory: the wish so far, whose kind a word may make narrower.
        lexicon: what the shop calls things.
    """
    kinds = [tuple(words(facet.value)) for facet in facets if facet.attribute in KINDS]
    ends = {kind[-1] for kind in kinds if len(kind) > 1 and _BETWEEN.search(text)}
    before = [tuple(words(facet.value)) for facet in memory.facets if facet.attribute in KINDS]
    found = list(facets)
    kept: list[str] = []
    for word in left:
        tried: list[tuple[str, ...]] = [(word, end) for end in ends]
        if not kinds:
            tried += [whole for kind in before for whole in ((*kind, word), (word, *kind))]
        values = (lexicon.values.get(whole) for whole in tried)
        value = next((each for each in values if each and each.attribute in KINDS), None)
        if value is None:
            kept.append(word)
        elif value not in found:
            found.append(value)
    return found, kept
