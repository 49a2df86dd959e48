"""Which words and names of a catalogue single an item out."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from re2llm.catalog.items import Item
from re2llm.kb_store.words import PEOPLE, STOP


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a hint; `capital` where it is written large though no sentence begins."""

    folded: str
    capital: bool


def tokens(text: str) -> list[str]:
    """Split into words without case, accents and signs."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))


def words_of(text: str) -> list[Word]:
    """Split a hint into words, and keep which are written like names."""
    words: list[Word] = []
    starts = True
    for match in re.finditer(r"[^\W_]+|[.!?:]\s", unicodedata.normalize("NFKC", text)):
        surface = match.group()
        if not surface[0].isalnum():
            starts = True
            continue
        capital = surface[0].isupper() and not starts
        words.extend(Word(token, capital) for token in tokens(surface))
        starts = False
    return words


def values(item: Item) -> Iterator[tuple[str, str]]:
    """Walk an item's attributes as name and text, lists entry by entry."""
    for name, value in item.attributes.items():
        for entry in value if isinstance(value, tuple) else (value,):
            if isinstance(entry, str):
                yield name, entry


def content(words: Iterable[str]) -> int:
    """Count the words that could be part of a name."""
    return sum(word not in STOP for word in words)


class Names:
    """What the items of a catalogue are called, and how common each word is in their titles."""

    def __init__(self, items: Iterable[Item], *, share: float = 0.002, floor: int = 3) -> None:
        """Read the catalogue.

        Args:
            items: all of it.
            share: a word in at most this share of all titles can single an item out.
            floor: and so can one in at most this many titles, however small the catalogue.
        """
        self._titles: set[str] = set()
        self._makers: set[str] = set()
        self._counts: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        size = 0
        for item in items:
            size += 1
            title = tokens(item.title)
            self._titles.add(" ".join(title))
            self._counts.update(set(title))
            for name, value in values(item):
                if name in PEOPLE:
                    self._makers.add(" ".join(tokens(value)))
                elif len(value) <= 40:
                    kinds.update(set(tokens(value)))
            kinds.update(set(tokens(" ".join(item.attributes))))
        self._size = size
        self._limit = max(floor, share * size)
        self._kinds = {word for word, count in kinds.items() if count > 1}

    def rare(self, word: str) -> bool:
        """Say whether a word of a title can single its item out."""
        return (
            len(word) > 2
            and word not in STOP
            and word not in self._kinds
            and self._counts[word] <= self._limit
        )

    def common(self, word: str) -> bool:
        """Say whether so many items share a word that it tells of none."""
        return word in self._kinds or self._counts[word] > self._limit

    def kind(self, word: str, *, often: float = 0.01) -> bool:
        """Say whether a word names a kind of item, or is in more than such a share of titles."""
        return word in self._kinds or self._counts[word] > often * self._size

    def has(self, word: str) -> bool:
        """Say whether any item's title or attribute has a word."""
        return word in self._kinds or self._counts[word] > 0

    def mentioned(self, words: list[Word]) -> str | None:
        """Say what kind of name a hint mentions, or None.

        A title or maker counts in any case from three telling words on, and shorter ones where they
        are written like names; so does a single rare word of a title.
        """
        for start, first in enumerate(words):
            if first.capital and self._counts[first.folded] and self.rare(first.folded):
                return "a word of an item's title"
            run: list[str] = []
            for word in words[start : start + 10]:
                run.append(word.folded)
                telling = [w for w in words[start : start + len(run)] if w.folded not in STOP]
                written = telling and all(w.capital or w.folded.isdigit() for w in telling)
                if len(telling) < 3 and not written:
                    continue
                name = " ".join(run)
                if name in self._titles and (len(telling) > 1 or self.rare(name)):
                    return "an item by its title"
                if name in self._makers and not set(run) <= self._kinds | STOP:
                    return "a brand or a person"
        return None
