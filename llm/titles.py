"""Whether a line of an answer is one certain candidate's title; in doubt it is not."""

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["label", "exact", "form", "article", "year", "bracket", "suffix"]
"""How an entry was recognised: by its label, the verbatim title, the title but for case, accents,
punctuation, markdown and entities, with an article moved or dropped, a year added, dropped or one
off, a bracketed part added or dropped, or with more text behind it."""

_ARTICLES = "the|a|an|le|la|les|l'|il|lo|gli|i|der|die|das|el|los|las|un|une|una|ein|eine|o|os|as"
_MOVED = re.compile(rf"^(.+?),\s*({_ARTICLES})(?=\s*(?:[(\[]|$))", re.IGNORECASE)
_LEADING = re.compile(rf"^(?:{_ARTICLES})\s+", re.IGNORECASE)
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_YEAR = re.compile(r"^(?:18|19|20)\d\d$")
_NOT_WORD = re.compile(r"[^\w+#]+|_")
_NUMBERING = re.compile(
    r"^\s*(?:[-*•–—]\s+|#{1,4}\s+)?[*_]{0,2}[(\[]?#?\d{1,4}(?:[.):\]]+|\s*-)[*_]{0,2}\s+"
)
_BULLET = re.compile(r"^\s*(?:[-*•–—]|#{1,4})\s+")
_RATING = re.compile(r"\s+[(\[]?\d(?:\.\d)?\s*/\s*(?:5|10)[)\]]?$")
_BY = re.compile(
    r"^(?:(?:written|directed|created|developed|published)\s+)?by\s+[A-Z][\w.'’-]*"
    r"(?:,?\s+(?:and\s+|&\s+|de\s+|von\s+|van\s+)?[A-Z][\w.'’-]*){0,6}$"
)
_TAIL = re.compile(r"\s+[-–—|]\s*|\s*:\s+|\s+(?=(?:written |directed |created )?by\s)")
_KINDS_OF_WORK = frozenset(
    {"action", "adventure", "animated", "animation", "anime", "biography", "biopic", "children"}
    | {"comedy", "crime", "documentary", "drama", "family", "fantasy", "fi", "fiction", "film"}
    | {"historical", "horror", "independent", "indie", "musical", "mystery", "noir", "novel"}
    | {"psychological", "puzzle", "romance", "romantic", "rpg", "satire", "sci", "shooter"}
    | {"simulation", "strategy", "superhero", "thriller", "western", "and"}
)
_TELLING = frozenset(
    {"a", "an", "this", "it", "its", "because", "since", "as", "similar", "another", "also"}
    | {"starring", "featuring", "based", "directed", "written", "although", "while", "known"}
)
_SEQUEL = re.compile(
    r"\d|\b(?:[ivx]{2,}|part|episode|chapter|volume|vol|edition|season|book|sequel|remake|returns|"
    r"rises|reloaded|trilogy|collection|bundle|pack|remastered|deluxe)\b",
    re.IGNORECASE,
)
_TELLING_WORDS = 6


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that names a candidate (its position), or something known that is none (None)."""

    position: int | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Parts:
    base: str
    years: frozenset[int]
    brackets: frozenset[str]


class TitleMatcher:
    """Finds the one candidate that a line names."""

    def __init__(self, titles: Sequence[str], others: Sequence[str] = ()) -> None:
        """Index titles.

        Args:
            titles: the candidates', by position; of equal ones the first not yet named is meant.
            others: titles that a model may name by mistake, such as the session's own; a line that
                could be one of these is not taken for a candidate.
        """
        known: list[tuple[str, int | None]] = [(title, n) for n, title in enumerate(titles)]
        known += [(title, None) for title in others]
        self._exact: dict[str, list[int | None]] = defaultdict(list)
        self._form: dict[str, list[int | None]] = defaultdict(list)
        self._moved: dict[str, list[int | None]] = defaultdict(list)
        self._base: dict[str, list[tuple[_Parts, int | None]]] = defaultdict(list)
        self._bare: dict[str, list[tuple[_Parts, int | None]]] = defaultdict(list)
        for title, position in known:
            self._exact[title.strip()].append(position)
            self._form[plain(title)].append(position)
            self._moved[plain(move_article(title))].append(position)
            parts = _parts(title)
            self._base[parts.base].append((parts, position))
            self._bare[_LEADING.sub("", parts.base)].append((parts, position))

    def match(self, line: str, used: frozenset[int] | set[int] = frozenset()) -> Match | None:
        """Return what the line names, or None; `used` are positions named before."""
        return (
            self.whole(line, used)
            or self.whole(_unnumbered(line), used)
            or self._loose(_unnumbered(line))
            or self._with_suffix(_unnumbered(line), used)
        )

    def whole(self, line: str, used: frozenset[int] | set[int] = frozenset()) -> Match | None:
        """Return what the line names without any part of either left over, or None."""
        line = line.strip()
        tables: tuple[tuple[Kind, dict[str, list[int | None]], str], ...] = (
            ("exact", self._exact, line),
            ("form", self._form, plain(line)),
            ("article", self._moved, plain(move_article(line))),
        )
        for kind, table, key in tables:
            found = table.get(key) if key else None
            if found:
                return self._same(kind, found, used)
        return None

    def _same(
        self, kind: Kind, found: list[int | None], used: frozenset[int] | set[int]
    ) -> Match | None:
        places = [place for place in found if place is not None]
        if not places:
            return Match(None, kind)
        if kind != "exact" and len(places) > 1:
            return None
        fresh = [place for place in places if place not in used]
        return Match((fresh or places)[0], kind)

    def _loose(self, line: str) -> Match | None:
        said = _parts(line)
        if not said.base:
            return None
        bare = _LEADING.sub("", said.base)
        for table, key, kind in ((self._base, said.base, None), (self._bare, bare, "article")):
            found = table.get(key, [])
            if len(found) == 1:
                parts, position = found[0]
                how = _difference(said, parts)
                if how is None:
                    return None
                return Match(position, "article" if kind == "article" else how)
            if found:
                return None
        return None

    def _with_suffix(self, line: str, used: frozenset[int] | set[int]) -> Match | None:
        rated = _RATING.sub("", line)
        if rated != line and (found := self.whole(rated, used) or self._loose(rated)):
            return Match(found.position, "suffix")
        for cut in reversed(list(_TAIL.finditer(line))):
            head, tail = line[: cut.start()].strip(), line[cut.end() :].strip()
            if _says_no_more(tail) and (found := self.whole(head, used) or self._loose(head)):
                return Match(found.position, "suffix")
        return None


def plain(text: str) -> str:
    """Return the words alone: no case, accents, punctuation, markdown or entities."""
    if not text.isascii() or "&" in text:
        text = html.unescape(text)
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
        text = text.replace("&", " and ").replace("’", "").replace("‘", "").replace("ß", "ss")
    return _NOT_WORD.sub(" ", text.replace("'", "").casefold()).strip()


def move_article(title: str) -> str:
    """Return the title with an article from behind a comma put in front."""
    return _MOVED.sub(lambda found: f"{found.group(2)} {found.group(1)}", title.strip(), count=1)


def _parts(title: str) -> _Parts:
    title = html.unescape(title)
    inside = {plain(a or b) for a, b in _BRACKETS.findall(title)} - {""}
    years = frozenset(int(word) for word in inside if _YEAR.match(word))
    brackets = frozenset(word for word in inside if not _YEAR.match(word))
    base = plain(move_article(_BRACKETS.sub(" ", title).strip()))
    return _Parts(base, years, brackets)


def _difference(said: _Parts, known: _Parts) -> Kind | None:
    """Return how two titles of one base differ, or None where they may be two things."""
    if said.years and known.years and min(abs(a - b) for a in said.years for b in known.years) > 1:
        return None
    if said.brackets == known.brackets:
        return "form" if said.years == known.years else "year"
    if said.brackets and known.brackets and not said.brackets & known.brackets:
        return None
    if any(_SEQUEL.search(word) for word in said.brackets - known.brackets):
        return None
    return "bracket"


def _says_no_more(tail: str) -> bool:
    """Say whether what follows a title describes it, and cannot be the rest of a longer title."""
    if not tail or _BY.match(tail):
        return True
    words = plain(tail).split()
    if words and all(word in _KINDS_OF_WORK for word in words):
        return True
    if len(words) < _TELLING_WORDS or not tail[0].islower():
        return False
    return words[0] in _TELLING and _SEQUEL.search(" ".join(words[:3])) is None


def _unnumbered(line: str) -> str:
    line = _NUMBERING.sub("", line, count=1)
    line = _BULLET.sub("", line, count=1)
    return line.strip().strip('*_`"“”').strip()


def is_listed(line: str) -> bool:
    """Say whether a line looks like an entry of a list."""
    return _NUMBERING.match(line) is not None or _BULLET.match(line) is not None
