"""What speaks for each candidate, as far as the prompt shows: the stand-in's senses."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median

from re2llm.llm.standin.reading import Line, Scene, stems

SIGNALS = (
    *("words", "brand", "category", "platform", "genres", "era", "price"),
    *("cheap", "new", "popular", "next", "repeat", "request"),
)
"""Names of the signals; each is 0 to 1 within the candidates, 0 where nothing is known."""
_NOTHING: frozenset[str] = frozenset()
_KINDS = ("brand", "category", "platform", "genres")
_POPULAR = re.compile(r"popular|best.?sell|trend")
_NEXT = re.compile(r"next|together|follow|goes with")
_LIMIT = re.compile(
    r"\b(?:under|below|less than|at most|up to|max(?:imum)?)\s*\D{0,3}(\d+(?:\.\d+)?)"
)
_UNWANTED = re.compile(r"\b(?:not|no|without|except|never)\s+(?:a |an |the |any )?(\w+(?: \w+)?)")


def weigh_session(count: int, fade: float) -> list[float]:
    """Return what each session item counts, oldest first; fade 1 counts all alike."""
    return [fade ** (count - 1 - place) for place in range(count)]


def signals(scene: Scene, fade: float) -> dict[str, list[float]]:
    """Return every signal for every candidate.

    Args:
        scene: what the prompt shows.
        fade: what each step back in the session counts beside the one after it.
    """
    session, candidates = scene.session, scene.candidates
    shares = weigh_session(len(session), fade)
    found = {"words": _shared(candidates, session, shares, lambda one: one.words)}
    for kind in _KINDS:
        found[kind] = _shared(candidates, session, shares, _values(kind))
    found["era"] = _near(candidates, session, shares, "year", lambda value: value / 4)
    found["price"] = _near(
        candidates, session, shares, "price", lambda value: 3 * math.log1p(value)
    )
    found["cheap"] = [-value for value in _numbers(candidates, "price", math.log1p)]
    found["new"] = _numbers(candidates, "year", float)
    found["popular"] = [float(bool(_POPULAR.search(one.notes))) for one in candidates]
    found["next"] = [float(bool(_NEXT.search(one.notes))) for one in candidates]
    owned = {past.title for past in session}
    found["repeat"] = [float(one.title in owned) for one in candidates]
    found["request"] = [_wished(one, scene.request) for one in candidates]
    return {name: _scaled(values) for name, values in found.items()}


def _values(kind: str) -> Callable[[Line], frozenset[str]]:
    return lambda one: one.kinds.get(kind, _NOTHING)


def _shared(
    candidates: Sequence[Line],
    session: Sequence[Line],
    shares: Sequence[float],
    values: Callable[[Line], frozenset[str]],
) -> list[float]:
    """Return each candidate's mean likeness to the session: cosine of the sets of values."""
    credit: dict[str, float] = defaultdict(float)
    for past, share in zip(session, shares, strict=True):
        held = values(past)
        for value in held:
            credit[value] += share / math.sqrt(len(held))
    if not credit:
        return [0.0] * len(candidates)
    found: list[float] = []
    for one in candidates:
        held = values(one)
        total = sum(credit[value] for value in held if value in credit)
        found.append(total / math.sqrt(len(held)) if total else 0.0)
    return found


def _near(
    candidates: Sequence[Line],
    session: Sequence[Line],
    shares: Sequence[float],
    name: str,
    scale: Callable[[float], float],
) -> list[float]:
    known = [
        (scale(past.numbers[name]), share)
        for past, share in zip(session, shares, strict=True)
        if name in past.numbers
    ]
    if not known:
        return [0.0] * len(candidates)
    centre = sum(value * share for value, share in known) / sum(share for _, share in known)
    near = [
        math.exp(-abs(scale(one.numbers[name]) - centre)) if name in one.numbers else None
        for one in candidates
    ]
    return _filled(near)


def _numbers(candidates: Sequence[Line], name: str, scale: Callable[[float], float]) -> list[float]:
    return _filled(
        [scale(one.numbers[name]) if name in one.numbers else None for one in candidates]
    )


def _filled(values: Sequence[float | None]) -> list[float]:
    """Put the middle where nothing is known."""
    known = [value for value in values if value is not None]
    middle = median(known) if known else 0.0
    return [middle if value is None else value for value in values]


def _wished(one: Line, request: str) -> float:
    if not request:
        return 0.0
    said = request.casefold()
    words = _all_words(one)
    score = len(stems(_UNWANTED.sub(" ", said)) & words) / 3
    score -= sum(len(stems(phrase) & words) > 0 for phrase in _UNWANTED.findall(said))
    for limit in _LIMIT.findall(said):
        score -= 2.0 * (one.numbers.get("price", 0.0) > float(limit))
    return score


def _all_words(one: Line) -> frozenset[str]:
    return one.words.union(*(stems(value) for values in one.kinds.values() for value in values))


def _scaled(values: list[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    if high - low < 1e-9:
        return [0.0] * len(values)
    return [(value - low) / (high - low) for value in values]


def contrast(
    found: Mapping[str, Sequence[float]], answer: int, above: Sequence[int]
) -> dict[str, float]:
    """Return, per signal, how far the answer stands above those that were ranked before it."""
    if not above:
        return {}
    return {
        name: values[answer] - fmean(values[place] for place in above)
        for name, values in found.items()
    }
