"""Whether a hint says what a shopper typed: words in a row, a name, or a word of their own."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from re2llm.kb_store.common import COMMON
from re2llm.kb_store.form import REDACTED
from re2llm.kb_store.names import Names, Word, tokens
from re2llm.kb_store.runs import runs_shared
from re2llm.kb_store.starter import STARTER
from re2llm.kb_store.words import BEFORE_CLAUSE, BEFORE_VERB, PEOPLE, STOP, TURNS, VERBS

_SHAPES = str.maketrans("013457l|ƶłøđħŧı", "oieastiiziodhti")
"""Signs that stand for letters."""
_LEAST = 3
"""Words of fewer letters tell nothing of anybody."""
_PART = 4
"""So long a word is known again within another one."""
_JOINED = 6
"""So long a word is known again as several typed ones without their spaces."""
_ENDINGS = (
    ("s", ("",)),
    ("es", ("",)),
    ("ies", ("y",)),
    ("ly", ("", "le")),
    ("ily", ("y",)),
    ("ier", ("y",)),
    ("iest", ("y",)),
    *((ending, ("", "e")) for ending in ("ed", "ing", "ings", "er", "ers", "est", "ity", "ness")),
)
"""Endings, and what may stand there without them."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Knows which words are nobody's: of plain English, of the shop, and of our own prompts.

    Attributes:
        run: so many words in a row are a copy, or all of a shorter request.
    """

    names: Names
    run: int
    prompts: Sequence[Sequence[str]] = ()
    _ours: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Gather the words once."""
        ours = {word for text in STARTER for word in tokens(text)}
        ours.update(word for prompt in self.prompts for word in prompt)
        known = VERBS | STOP | TURNS | PEOPLE | BEFORE_VERB | BEFORE_CLAUSE | COMMON
        object.__setattr__(self, "_ours", known | ours)

    def repeated(self, words: Sequence[Word], request: str | None) -> bool:
        """Say whether a hint of these words repeats what somebody typed."""
        said = tokens(request or "")
        if not said:
            return False
        if any(word.capital and word.folded in said for word in words):
            return True
        hint = [word.folded for word in words]
        if runs_shared(hint, said, min(self.run, len(said))):
            return True
        return any(map(self._theirs(said), hint))

    def masked(self, text: str, request: str | None) -> str:
        """Return a text that is refused, without the words that are the shopper's own."""
        theirs = self._theirs(tokens(request or ""))

        def mask(found: re.Match[str]) -> str:
            return REDACTED if any(map(theirs, tokens(found.group()))) else found.group()

        return re.sub(r"[^\W_]+", mask, text)

    def tells(self, words: Sequence[Word], own: Iterable[str]) -> bool:
        """Say whether a hint tells one of these words: whole, bent, in two, or with another one.

        Plain English tells nothing, nor does what names a kind of item, unless it is written like a
        name.
        """
        telling = [word for word in own if len(word) >= _PART and not self._plain(word)]
        low = [_shape(word) for word in telling if not self.names.kind(word)]
        high = [_shape(word) for word in telling]
        hint = [(_shape(word.folded), word) for word in words]
        for shape, word in hint:
            if not self._plain(word.folded) and _begins(shape, high if word.capital else low):
                return True
        return any(first + second in low for (first, _), (second, _) in pairwise(hint))

    def _plain(self, word: str) -> bool:
        return any(form in self._ours for form in _forms(word))

    def foreign(self, words: Sequence[Word]) -> bool:
        """Say whether a hint holds a word in another alphabet that no item of the shop has."""
        return any(
            not word.folded.isascii() and not self.names.has(word.folded)
            for word in words
            if any(letter.isalpha() and ord(letter) > _LATIN for letter in word.folded)
        )

    def _theirs(self, said: Sequence[str]) -> Callable[[str], bool]:
        """Return what tells whether a word is one of the typed ones that are nobody else's."""
        own = [_shape(word) for word in said if not self._general(word)]
        joined = _shape("".join(said))
        return lambda word: not self._general(word) and _is_of(_shape(word), own, joined)

    def _general(self, word: str) -> bool:
        if len(word) < _LEAST and word.isascii():
            return True
        return any(form in self._ours or self.names.common(form) for form in _forms(word))


_LATIN = 0x24F
"""The last letter of the Latin alphabets, accents taken off or not."""


def _is_of(word: str, own: Sequence[str], joined: str) -> bool:
    if any(word == one or (len(one) >= _PART and one in word) for one in own):
        return True
    return (len(word) >= _JOINED or not word.isascii()) and word in joined


def _begins(word: str, own: Sequence[str]) -> bool:
    return any(word == one or (len(one) > _PART and word.startswith(one)) for one in own)


def _forms(word: str) -> Iterator[str]:
    """Yield a word, and what it may be a form of."""
    yield word
    for ending, instead in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _LEAST:
            yield from (stem + one for one in instead)


def _shape(word: str) -> str:
    """Fold what looks alike; of several words, their shape without the gaps."""
    return word.removesuffix("s").translate(_SHAPES)
