"""How the stand-in orders candidates: generic evidence, weighed by hand, shifted by a hint."""

import math
from dataclasses import dataclass

from re2llm.llm.standin.advice import applies, understand
from re2llm.llm.standin.evidence import signals
from re2llm.llm.standin.reading import Scene

WEIGHTS = {
    "words": 1.0,
    "brand": 0.35,
    "category": 0.5,
    "platform": 0.35,
    "genres": 0.5,
    "era": 0.2,
    "price": 0.1,
    "cheap": 0.0,
    "new": 0.0,
    "popular": 0.4,
    "next": 0.3,
    "repeat": -0.2,
    "request": 2.0,
}
"""Set by hand and fitted to nothing: a reader of titles that trusts popularity too much."""
_STEP = 2.5
"""What a hint adds to a signal's weight, or takes from it."""
_EVEN, _RECENT, _EARLY = 0.9, 0.35, 1.15
"""What each step back in the session counts beside the one after it."""
_FIRST = 0.1
"""How much the first line of a list is liked beside the last one, as models do."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """Scores by candidate, in the order of the prompt, and the evidence behind them."""

    scores: list[float]
    evidence: dict[str, list[float]]


def judge(scene: Scene) -> Opinion:
    """Score the candidates of a scene."""
    weights, fade = dict(WEIGHTS), _EVEN
    advice = understand(scene.hint) if scene.hint else None
    if advice is not None and applies(advice, scene):
        for name, turn in advice.turns.items():
            if name in ("recent", "early"):
                up = (turn == "up") == (name == "recent")
                fade = _RECENT if up else _EARLY
            elif turn == "ignore":
                weights[name] = 0.0
            else:
                weights[name] += _STEP if turn == "up" else -_STEP
    found = signals(scene, fade)
    count = len(scene.candidates)
    scores = [
        sum(weights[name] * values[place] for name, values in found.items())
        - _FIRST * place / max(count, 1)
        for place in range(count)
    ]
    return Opinion(scores, found)


def order(scores: list[float]) -> list[int]:
    """Return places, best first; equal scores in the order of the prompt."""
    return sorted(range(len(scores)), key=lambda place: -scores[place])


def log_shares(scores: list[float]) -> list[float]:
    """Return log-probabilities of a soft choice by these scores."""
    top = max(scores, default=0.0)
    total = math.log(sum(math.exp(3 * (score - top)) for score in scores)) if scores else 0.0
    return [3 * (score - top) - total for score in scores]
