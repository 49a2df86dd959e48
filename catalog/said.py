"""What shoppers say, in a shop's words: kinds by their names there, and words for all its goods."""

from collections.abc import Callable, Iterable, Sequence

from re2llm.catalog.lexical import words

KINDS = frozenset({"category", "genres", "type", "department"})
"""Attributes that say what kind of thing an item is."""
TRADES = {
    "director": words("movies films"),
    "genres": words("movies films"),
    "platform": words("games"),
    "author": words("books novels"),
    "artist": words("songs albums tracks"),
}
"""What a shop sells, by an attribute that at least half of its items have: films have directors."""
_ALIASES = {
    "romantic": "Romance",
    "animated": "Animation",
    "science fiction": "Sci-Fi",
    "scifi": "Sci-Fi",
    "kids": "Children",
    "children's": "Children",
}
ALIASES = {tuple(words(said)): name for said, name in _ALIASES.items()}
"""Words for a kind, and its name in catalogues that have it so."""
_LONGEST = max(map(len, ALIASES))


def goods(share: Callable[[str], float], attributes: Iterable[str]) -> frozenset[str]:
    """Return the words for all that a shop sells, which tell nothing apart.

    Args:
        share: of the items that have an attribute.
        attributes: the names of those that are texts; where none is a kind, titles alone are
            known, and any trade may be meant.
    """
    titles_alone = KINDS.isdisjoint(attributes)
    named = (own for name, own in TRADES.items() if titles_alone or share(name) >= 0.5)
    return frozenset(word for own in named for word in own)


def in_shops_words(
    said: Sequence[str], *, is_kind: Callable[[str], bool], known: Callable[[str], bool]
) -> list[str]:
    """Put words into those that the shop uses.

    Args:
        said: words, as `words` returns them.
        is_kind: whether the shop has a kind of this name.
        known: whether some item has a word.
    """
    found: list[str] = []
    place = 0
    while place < len(said):
        for length in range(min(_LONGEST, len(said) - place), 0, -1):
            name = ALIASES.get(tuple(said[place : place + length]))
            if name is not None and is_kind(name):
                found.extend(words(name))
                place += length
                break
        else:
            found.append(_singular(said[place], known))
            place += 1
    return list(dict.fromkeys(found))


def _singular(word: str, known: Callable[[str], bool]) -> str:
    """Return "comedy" for the "comedie" of "comedies", where only that is a word of the shop."""
    other = f"{word[:-2]}y"
    return other if word.endswith("ie") and not known(word) and known(other) else word
