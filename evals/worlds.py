"""Planted worlds: sessions of latent kinds, hints that help some kinds, and the truth at hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.policy.hint_side import RECORD_NAMES, HintSide
from re2llm.policy.training import Pair, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldKind:
    """How a world is drawn.

    Attributes:
        effect: deviation of a hint's gain between kinds of session.
        mean: mean gain of a hint; below 0, most hints harm most sessions.
        jitter: deviation of a single reward around its expectation.
        apart: distance of the kinds' centres, in deviations of a state within its kind.
        curved: whether the kind is told by the signs of features taken together (no straight line
            through the states separates the kinds) instead of by a centre.
        islands: how many centres each kind has; with several, no straight line tells a kind.
        sessions: for training.
        held_out: for judging.
        hints: how many.
        kinds: how many latent kinds of session.
        features: length of a state.
        dim: length of a hint's vector; vectors are random, so that what a hint says tells nothing.
    """

    effect: float
    mean: float
    jitter: float
    apart: float = 2.0
    curved: bool = False
    islands: int = 1
    sessions: int = 500
    held_out: int = 2000
    hints: int = 20
    kinds: int = 8
    features: int = 32
    dim: int = 32


WORLDS: dict[str, WorldKind] = {
    "strong": WorldKind(effect=0.15, mean=-0.01, jitter=0.1),
    "weak": WorldKind(effect=0.1, mean=-0.02, jitter=0.2),
    "blurred": WorldKind(effect=0.15, mean=-0.01, jitter=0.2, apart=0.75),
    "non-linear": WorldKind(effect=0.15, mean=-0.01, jitter=0.1, islands=4),
    "exclusive or": WorldKind(effect=0.15, mean=-0.01, jitter=0.1, curved=True, features=8),
    "nothing helps": WorldKind(effect=0.0, mean=0.0, jitter=0.2),
}
"""`strong` and `weak` are set so that uniform logging with ridge regression gets the shares that
were measured for it when the calls were first planned (.74 to .95, and .39 to .84)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One draw.

    Attributes:
        problem: what a trainer sees.
        rewards: (sessions, hints) what a trainer is paid.
        held_out: (held out, features) float32 states of other sessions.
        truth: (held out, hints) their expected rewards.
        attainable: (held out, hints) expected rewards given the state alone; the oracle of the
            policy class acts on these.
    """

    problem: Problem
    rewards: NDArray[np.float64]
    held_out: NDArray[np.float32]
    truth: NDArray[np.float64]
    attainable: NDArray[np.float64]

    def oracle(self) -> float:
        """Return the mean held-out reward of the best policy on states; 0 where nothing helps."""
        best = self.attainable.argmax(axis=1)
        worth = np.take_along_axis(self.attainable, best[:, None], axis=1)[:, 0] > 0
        return float((worth * np.take_along_axis(self.truth, best[:, None], axis=1)[:, 0]).mean())


def draw_world(kind: WorldKind, seed: int, *, changed: float = 0.0) -> World:
    """Draw a world; the same seed, the same world.

    Args:
        kind: how.
        seed: of the draws.
        changed: share of the kinds of session whose effects are drawn anew; all else stays as it
            is without.
    """
    draws = np.random.default_rng(seed)
    effects = kind.mean + kind.effect * draws.standard_normal((kind.kinds, kind.hints))
    fresh = np.random.default_rng([seed, 1]).standard_normal(effects.shape)
    other = round(changed * kind.kinds)
    effects[:other] = kind.mean + kind.effect * fresh[:other]
    count = kind.sessions + kind.held_out
    if kind.curved:
        states, member = _curved(kind, count, draws)
    else:
        states, member = _clustered(kind, count, draws)
    belongs = member.argmax(axis=1) if kind.curved else _drawn(member, draws)
    truth = effects[belongs]
    rewards = truth + kind.jitter * draws.standard_normal(truth.shape)
    vectors = draws.standard_normal((kind.hints, kind.dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hints = HintSide(
        ids=tuple(f"h{i:03d}" for i in range(kind.hints)),
        vectors=vectors.astype(np.float32),
        records=np.zeros((kind.hints, len(RECORD_NAMES)), dtype=np.float32),
    )
    n = kind.sessions
    return World(
        problem=Problem(states=states[:n].astype(np.float32), hints=hints),
        rewards=rewards[:n],
        held_out=states[n:].astype(np.float32),
        truth=truth[n:],
        attainable=(member @ effects)[n:],
    )


def _clustered(
    kind: WorldKind, count: int, draws: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return states around their kinds' centres, and (count, kinds) chances given the state."""
    centres = kind.apart * draws.standard_normal((kind.kinds * kind.islands, kind.features))
    member = draws.integers(len(centres), size=count)
    states = centres[member] + draws.standard_normal((count, kind.features))
    logits = -0.5 * ((states[:, None, :] - centres[None]) ** 2).sum(axis=2)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    return states, chances.reshape(count, kind.islands, kind.kinds).sum(axis=1)


def _drawn(chances: NDArray[np.float64], draws: np.random.Generator) -> NDArray[np.intp]:
    """Draw each session's kind given its state: the joint law is that of the kind drawn first."""
    levels = chances.cumsum(axis=1)
    at = draws.random((len(chances), 1))
    drawn = np.minimum((levels < at).sum(axis=1), chances.shape[1] - 1)
    return np.asarray(drawn, dtype=np.intp)


def _curved(
    kind: WorldKind, count: int, draws: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return states and kinds that are told by pairs of signs (exclusive or)."""
    states = draws.standard_normal((count, kind.features))
    bits = (states[:, :4] > 0).astype(np.intp)
    told = 2 * (bits[:, 0] ^ bits[:, 1]) + (bits[:, 2] ^ bits[:, 3])
    return states, np.eye(kind.kinds)[told % kind.kinds]


class TableRewards:
    """A reward source that reads a table; counts what it was asked."""

    def __init__(self, hint_ids: Sequence[str], rewards: NDArray[np.float64]) -> None:
        """Serve (sessions, hints) rewards."""
        self._columns = {hint_id: column for column, hint_id in enumerate(hint_ids)}
        self._rewards = rewards
        self.asked = 0
        self._sessions: set[int] = set()

    @property
    def bases(self) -> int:
        """Count the sessions asked about; each costs one call more, for its plain order."""
        return len(self._sessions)

    async def rewards(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return the table's entries; 0 for no hint."""
        self.asked += len(pairs)
        self._sessions.update(session for session, hint_id in pairs if hint_id is not None)
        return np.array(
            [
                0.0 if hint_id is None else self._rewards[session, self._columns[hint_id]]
                for session, hint_id in pairs
            ]
        )
