"""What the stand-in reads off a prompt: tagged parts, and items line by line."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

_PART = re.compile(
    r"<(session|candidates|request|hint|ranking|answer|first|second|others|success)>(.*?)</\1>",
    re.S,
)
_LINE = re.compile(r"(?:\[(?P<label>[^\]]{1,8})\]|(?P<number>\d+)\.)\s+(?P<rest>.*)")
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_DULL = frozenset(
    ["the", "a", "an", "of", "and", "for", "with", "in", "to", "on", "by", "or", "at", "from"]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item as the prompt shows it.

    Attributes:
        words: stems of the title.
        kinds: attribute name to its values, folded; a category path to its two narrowest steps.
        numbers: price and year, where they are given.
        notes: what stands after `notes:`, folded.
    """

    label: str
    title: str
    words: frozenset[str]
    kinds: dict[str, frozenset[str]] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a prompt says of one shopper."""

    session: tuple[Line, ...] = ()
    candidates: tuple[Line, ...] = ()
    request: str = ""
    hint: str = ""


def read_parts(text: str) -> dict[str, str]:
    """Return what stands between the tags; the first of each name counts."""
    parts: dict[str, str] = {}
    for name, inside in _PART.findall(text):
        parts.setdefault(name, inside.strip())
    return parts


def outside(text: str) -> str:
    """Return what no tag holds: the instruction, and no data."""
    return _PART.sub(" ", text)


def read_scene(parts: dict[str, str]) -> Scene:
    """Read session, candidates, request and hint; lines of another form are passed over."""
    return Scene(
        session=_lines(parts.get("session", "")),
        candidates=_lines(parts.get("candidates", "")),
        request=parts.get("request", ""),
        hint=parts.get("hint", ""),
    )


def read_success(text: str) -> Scene:
    """Read the part on a ranking that was right: numbered lines, then labelled ones."""
    lines = text.splitlines()
    numbered = [line for line in lines if line[:1].isdigit()]
    labelled = [line for line in lines if line.startswith("[")]
    return Scene(session=_lines("\n".join(numbered)), candidates=_lines("\n".join(labelled)))


def _lines(text: str) -> tuple[Line, ...]:
    return tuple(line for raw in text.splitlines() if (line := read_line(raw)) is not None)


@lru_cache(maxsize=1 << 12)  # lines come again within a session; notes make most others new
def read_line(raw: str) -> Line | None:
    """Read `[A1] Title | brand: X | ...` or `1. Title | ...`."""
    found = _LINE.match(raw.strip())
    if found is None:
        return None
    title, *fields = found["rest"].split(" | ")
    kinds: dict[str, frozenset[str]] = {}
    numbers: dict[str, float] = {}
    notes = ""
    for one in fields:
        name, _, value = one.partition(": ")
        name = name.casefold()
        if name == "notes":
            notes = value.casefold()
        elif name in ("price", "year") and (number := _NUMBER.search(value)):
            numbers[name] = float(number.group())
        elif name == "category":
            kinds[name] = frozenset(step.casefold() for step in value.split(" > ")[-2:])
        elif name != "description":
            kinds[name] = frozenset(part.casefold() for part in value.split(", "))
    return Line(
        label=found["label"] or found["number"],
        title=title,
        words=stems(title),
        kinds=kinds,
        numbers=numbers,
        notes=notes,
    )


@lru_cache(maxsize=1 << 13)
def stems(text: str) -> frozenset[str]:
    """Return the words of a text without endings and fillers."""
    return frozenset(stem(word) for word in _WORD.findall(text.casefold()) if word not in _DULL)


def stem(word: str) -> str:
    """Take a plural or verb ending off."""
    for ending in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word
