"""What a model is told of a candidate: a few plain words per source that has something to say."""

from collections.abc import Mapping, Sequence

from re2llm.catalog.items import AttributeValue, Item

AT_MOST = 4
_WORDS = (
    ("request", 0.2, "fits the request"),
    ("together", 1.0, "often taken next"),
    ("neighbours", 1.0, "taken in similar sessions"),
    ("text", 1.0, "reads like the session's items"),
)
"""Source, deviations above the candidates' mean from which it is worth a word, and the word."""
_KINDS = ("brand", "platform", "category", "genres", "director")
_RECENT = 5


def notes(
    item: Item, session: Sequence[Item], evidence: Mapping[str, float], popular: float
) -> tuple[str, ...]:
    """Return the notes of one candidate, those that weigh most first.

    Args:
        item: the candidate.
        session: oldest first.
        evidence: z-scored, by source.
        popular: share of the catalogue that is less popular, 0 to 1.
    """
    said = [text for source, least, text in _WORDS if evidence.get(source, 0.0) >= least]
    if popular >= 0.99:
        said.append("among the most popular now")
    elif popular >= 0.95:
        said.append("popular now")
    if same := _same(item, session[-_RECENT:]):
        said.append(same)
    return tuple(said[:AT_MOST])


def _same(item: Item, session: Sequence[Item]) -> str:
    best, word = 0, ""
    for kind in _KINDS:
        own = _labels(item.attributes.get(kind), kind)
        if not own:
            continue
        count = sum(not own.isdisjoint(_labels(one.attributes.get(kind), kind)) for one in session)
        if count > best:
            best, word = count, "genre" if kind == "genres" else kind
    if not best:
        return ""
    return f"same {word} as {best} item{'s' if best > 1 else ''} of the session"


def _labels(value: AttributeValue | None, kind: str) -> frozenset[str]:
    if value is None or isinstance(value, (int, float)):
        return frozenset()
    entries = value if isinstance(value, tuple) else (value,)
    return frozenset(
        entry.casefold() for entry in (entries[-1:] if kind == "category" else entries)
    )
