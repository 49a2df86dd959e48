"""What speaks for each candidate, as far as the prompt shows: the stand-in's senses."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median

from re2llm.llm.standin.reading import Line, Scene, stems

SIGNALS = (
    *("words", "brand", "category", "platform", "genres", "era", "price"),
    *("cheap", "new", "popular", "next", "repeat", "request"),
)
"""Names of the signals; each is 0 to 1 within the candidates, 0 where nothing is known."""
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
    total = sum(shares) or 1.0

    def mean(likeness: Callable[[Line, Line], float]) -> list[float]:
        return [
            sum(w * likeness(one, past) for w, past in zip(shares, session, strict=True)) / total
            for one in candidates
        ]

    found = {"words": mean(lambda one, past: _overlap(one.words, past.words))}
    for kind in _KINDS:
        found[kind] = mean(_sharing(kind))
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


def _sharing(kind: str) -> Callable[[Line, Line], float]:
    def likeness(one: Line, past: Line) -> float:
        return _overlap(one.kinds.get(kind, frozenset()), past.kinds.get(kind, frozenset()))

    return likeness


def _overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / math.sqrt(len(a) * len(b)) if a and b else 0.0


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
