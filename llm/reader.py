"""What a model's answer says about the candidates' order: any text in, places out."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from re2llm.llm.forms import json_lists, json_objects, label_chains, strip_thoughts
from re2llm.llm.labels import labels
from re2llm.llm.ranking import Repairs
from re2llm.llm.sanitise import sanitise
from re2llm.llm.titles import Kind, TitleMatcher, is_listed

_LONGEST = 64_000
_MOST_LINES = 2_000
_MOST_PIECES = 400
_JOINED = 7
_LINE = 400
_FEWEST = 3
_REASON = 200
_LINE_LABEL = re.compile(
    r"^\s*(?:[-*•]\s+)?(?:[(\[]?\d{1,3}[.):\]]\s*)?[*_`\"']{0,3}"
    r"(?:\[\s*(?P<sure>[A-Za-z]{1,2}[1-9])\s*\]"
    r"|(?P<bare>[A-Z]{1,2}[1-9])(?=[*_`\"']{0,3}\s*(?:$|[:|.)–-])))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an answer names.

    Attributes:
        places: positions of candidates, best first, each once.
        unknown: entries that name no candidate.
        repeated: entries that name a candidate again.
        kinds: how the entries in `places` were recognised.
        reasons: position to the model's words.
    """

    places: tuple[int, ...] = ()
    unknown: int = 0
    repeated: int = 0
    kinds: Mapping[Kind, int] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)


def read_answer(text: str, titles: Sequence[str], others: Sequence[str] = ()) -> Reading:
    """Read an answer to a question about candidates labelled `labels(len(titles))`.

    JSON goes first, then a chain of labels, then lines that begin with a label, then lines that are
    a candidate's title and certainly no other. Prose is not searched for labels, numbers or titles.

    Args:
        text: whatever the model wrote.
        titles: the candidates' titles, in the prompt's order.
        others: titles that are no candidates but may be named, such as the session's.
    """
    reader = _Reader(titles, others)
    answer = strip_thoughts(text[:_LONGEST])
    readings = [reader.entries(entries) for entries in json_lists(answer)]
    best = _fullest(readings)
    if not best.places:
        best = _fullest(
            [best, *(reader.entries(chain) for chain in label_chains(answer, reader.names))]
        )
    if not best.places:
        best = _fullest([best, reader.lines(answer)])
    reasons = reader.reasons(answer) if best.places else {}
    return Reading(
        places=best.places,
        unknown=best.unknown,
        repeated=best.repeated,
        kinds=best.kinds,
        reasons=reasons,
    )


def complete(reading: Reading, ids: Sequence[str]) -> tuple[tuple[str, ...], Repairs]:
    """Return every id once, the named ones first and the others in the order given."""
    named = set(reading.places)
    rest = [place for place in range(len(ids)) if place not in named]
    repairs = Repairs(unknown=reading.unknown, repeated=reading.repeated, missing=len(rest))
    return tuple(ids[place] for place in (*reading.places, *rest)), repairs


class _Reader:
    def __init__(self, titles: Sequence[str], others: Sequence[str]) -> None:
        self.names = {name: place for place, name in enumerate(labels(len(titles)))}
        self._titles = titles
        self._others = others
        self._matcher: TitleMatcher | None = None

    @property
    def matcher(self) -> TitleMatcher:
        if self._matcher is None:
            self._matcher = TitleMatcher(self._titles, self._others)
        return self._matcher

    def entries(self, entries: Sequence[str]) -> Reading:
        """Read entries that each name one candidate, by label or by title."""
        tally = _Tally()
        for entry in entries:
            place = self.names.get(entry)
            if place is None:
                place = self.names.get(entry.strip(" []()*`\"'").upper())
            if place is not None:
                tally.take(place, "label")
                continue
            tally.note(self._line(entry, tally.seen))
        return tally.reading()

    def lines(self, text: str) -> Reading:
        """Read lines, or, where the list stands on one line, its pieces."""
        lines = [line for line in text.splitlines()[:_MOST_LINES] if line.strip()]
        listed = [line for line in lines if is_listed(line)]
        tally = _Tally()
        for line in listed if len(listed) > 1 else lines:
            found = self._line(line, tally.seen)
            if found is not None or (listed and is_listed(line)):
                tally.note(found)
            elif not listed:
                self._pieces(line, tally)
        return tally.reading()

    def _line(self, line: str, seen: set[int]) -> tuple[int | None, Kind] | None:
        label = _LINE_LABEL.match(line)
        if label is not None:
            name = (label["sure"] or label["bare"]).upper()
            titled = None if label["sure"] else self.matcher.match(line, seen)
            if titled is None and name in self.names:
                return self.names[name], "label"
        if len(line) > _LINE:
            return None
        found = self.matcher.match(line, seen)
        return None if found is None else (found.position, found.kind)

    def _pieces(self, line: str, tally: "_Tally") -> None:
        """Read a line like `First, The (1999), Second (2001)`: the longest joined pieces count."""
        listed = line.partition(": ")[2] if ": " in line[:60] else line
        pieces = re.split(r"([;,])\s+", listed)[: 2 * _MOST_PIECES]
        found: list[tuple[int | None, Kind] | None] = []
        at, count = 0, (len(pieces) + 1) // 2
        while at < count and count >= _FEWEST:
            for end in range(min(count, at + _JOINED), at, -1):
                joined = " ".join(_rejoined(pieces[2 * at : 2 * end - 1]))
                match = self.matcher.whole(joined.rstrip("."), tally.seen)
                if match is not None:
                    found.append((match.position, match.kind))
                    at = end
                    break
            else:
                found.append(None)
                at += 1
        if 2 * sum(one is not None for one in found) >= max(len(found), 2 * _FEWEST):
            for one in found:
                tally.note(one)

    def reasons(self, text: str) -> dict[int, str]:
        """Return the reasons that the answer's JSON gives, by position."""
        given: dict[int, str] = {}
        for value in json_objects(text):
            reasons = value.get("reasons") if isinstance(value, dict) else None
            pairs = reasons.items() if isinstance(reasons, dict) else _labelled(reasons)
            for name, words in pairs:
                place = self.names.get(str(name).strip(" []").upper())
                if place is not None and isinstance(words, str) and words.strip():
                    given.setdefault(place, sanitise(words, _REASON))
        return given


class _Tally:
    def __init__(self) -> None:
        self.seen: set[int] = set()
        self._places: list[int] = []
        self._unknown = 0
        self._repeated = 0
        self._kinds: Counter[Kind] = Counter()

    def note(self, found: tuple[int | None, Kind] | None) -> None:
        if found is None or found[0] is None:
            self._unknown += 1
        else:
            self.take(found[0], found[1])

    def take(self, place: int, kind: Kind) -> None:
        if place in self.seen:
            self._repeated += 1
            return
        self.seen.add(place)
        self._places.append(place)
        self._kinds[kind] += 1

    def reading(self) -> Reading:
        return Reading(
            places=tuple(self._places),
            unknown=self._unknown,
            repeated=self._repeated,
            kinds=dict(self._kinds),
        )


def _fullest(readings: Sequence[Reading]) -> Reading:
    """Return the reading that names most; of equals the last, where models put their answer."""
    best = Reading()
    for reading in readings:
        if (len(reading.places), -reading.unknown) >= (len(best.places), -best.unknown):
            best = reading
    return best


def _rejoined(pieces: Sequence[str]) -> list[str]:
    """Put each mark back behind its word."""
    marks = [*pieces[1::2], ""]
    return [word + mark for word, mark in zip(pieces[::2], marks, strict=True)]


def _labelled(reasons: object) -> list[tuple[object, object]]:
    """Return pairs out of a list of `{"label": ..., "why": ...}`."""
    rows = reasons if isinstance(reasons, list) else []
    return [(row.get("label"), row.get("why")) for row in rows if isinstance(row, dict)]
