"""Which word of the shop a misspelt one is: one slip away, and the name of something there."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from re2llm.catalog.lexical import words
from re2llm.catalog.said import KINDS
from re2llm.service.chat.fillers import QUIET
from re2llm.service.chat.lexicon import Lexicon

_SHORTEST = 5
"""Letters of a word that may have any slip; of shorter ones, two neighbours may be swapped."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_NAMES = KINDS | {"brand", "platform"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """Words with slips mended.

    Attributes:
        words: as the shop writes them.
        taken: each misspelt word with the value of the shop that it was taken for.
    """

    words: tuple[str, ...]
    taken: tuple[tuple[str, str], ...] = ()


def mended(said: Sequence[str], lexicon: Lexicon) -> Mended:
    """Mend words that no item has where that names a kind, a brand or a platform.

    The first letter is never a slip: people see that one. Words that come to nothing are kept.

    Args:
        said: a wish's words, as `words` returns them.
        lexicon: what the shop calls things.
    """
    kept = list(said)
    taken: dict[str, str] = {}
    for place, word in enumerate(said):
        if word in lexicon.known or word in QUIET:
            continue
        singular = next((each for each in _singulars(word) if each in lexicon.known), None)
        if singular is not None:
            kept[place] = singular
            continue
        before = set(lexicon.find(kept)[0])
        for tried in _near(word):
            if tried not in lexicon.known:
                continue
            found = lexicon.find([*kept[:place], tried, *kept[place + 1 :]])[0]
            new = [each for each in found if each not in before and each.attribute in _NAMES]
            if new and tried in words(new[0].value):
                kept[place] = tried
                taken[word] = new[0].value
                break
    return Mended(words=tuple(kept), taken=tuple(taken.items()))


def nearly(word: str, known: Collection[str]) -> bool:
    """Say whether a word is one of some words, or one slip away from one."""
    return word in known or any(tried in known for tried in _near(word))


def _singulars(word: str) -> Iterator[str]:
    """Yield what a plural is of that `words` does not see through: lenses, boxes, batteries."""
    if word.endswith("ie"):
        yield word[:-2] + "y"
    if word.endswith(("se", "xe", "che", "she", "ze")):
        yield word[:-1]
        yield word[:-2]


def _near(word: str) -> Iterator[str]:
    """Yield the words that are one slip away, the likeliest slips first."""
    if not word.isalpha():
        return
    cuts = range(1, len(word))
    for cut in range(1, len(word) - 1):
        yield word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
    if len(word) < _SHORTEST:
        return
    yield from (word[:cut] + word[cut + 1 :] for cut in cuts)
    for cut in range(1, len(word) + 1):
        yield from (word[:cut] + letter + word[cut:] for letter in _LETTERS)
    for cut in cuts:
        yield from (word[:cut] + letter + word[cut + 1 :] for letter in _LETTERS)
