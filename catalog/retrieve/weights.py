"""What each source's evidence counts in the fused score, by default and as learnt."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.filters import Filters
from re2llm.catalog.sessions import Session
from re2llm.errors import UserError

SOURCES = ("neighbours", "together", "popularity", "text", "attributes")
REQUEST = "request"
"""What the shopper's words say; sessions on record hold none, so its weight is not learnt."""
_REQUEST_WEIGHT = 6.0
_SHRINK = 10.0
"""How many sessions' worth of doubt there is that the sources count alike."""
_FEWEST = 20


class Scorer(Protocol):
    """What evidence is taken from."""

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        """Find candidates."""

    def score(self, query: Query, item_ids: list[str]) -> list[Candidate]:
        """Score given ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the z-scored sources.

    Attributes:
        by_source: a source without a weight does not count.
        sessions: how many sessions they were learnt on; 0 for the default.
    """

    by_source: Mapping[str, float]
    sessions: int = 0

    def of(self, source: str) -> float:
        """Return a source's weight."""
        return self.by_source.get(source, 0.0)

    def save(self, path: Path) -> None:
        """Write as JSON, in one step."""
        text = json.dumps({"weights": dict(self.by_source), "sessions": self.sessions}, indent=1)
        staged = path.with_name(f".{path.name}.new")
        staged.write_text(text + "\n", encoding="utf-8")
        staged.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Weights":
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or not what `save` writes.
        """
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            by_source = {str(name): float(value) for name, value in raw["weights"].items()}
            return cls(by_source=by_source, sessions=int(raw["sessions"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"the retrieval weights {str(path)!r} cannot be read ({error}); "
                "run `re2llm ingest` again, or delete the file to weigh all sources alike"
            ) from error


EQUAL = Weights(by_source={**dict.fromkeys(SOURCES, 1.0), "text": 1.5, REQUEST: _REQUEST_WEIGHT})
"""Before there is data: every source counts alike, but text, being three measures, a bit more."""


def fit_fusion_weights(
    retriever: Scorer, sessions: Iterable[Session], *, pool: int = 300
) -> Weights:
    """Learn the weights on sessions that the retriever has not seen.

    The target is modelled as drawn from a softmax over the candidates' weighted evidence
    (McFadden's conditional logit, 1974), shrunk towards equal weights. Weights are never below
    zero: evidence that speaks against an item by chance does so no longer tomorrow.

    Args:
        retriever: with any weights.
        sessions: those with candidates are scored as given; for others `pool` items are retrieved,
            without the session's own. Where the target is not among them, a session teaches
            nothing.
        pool: how many: many more than are served, since those that equal weights would serve are
            alike in what these weights reward.

    Returns:
        Equal weights where fewer than 20 sessions teach anything.
    """
    rows: list[NDArray[np.float64]] = []
    names: tuple[str, ...] = SOURCES
    targets: list[int] = []
    for session in sessions:
        if session.target is None:
            continue
        if session.candidates:
            found = retriever.score(Query(session=session.items), list(session.candidates))
        else:
            # Own items are what every source likes best, and not what is asked for.
            new = Query(session=session.items, filters=Filters(exclude_seen=True))
            found = retriever.retrieve(new, pool)
        place = next((i for i, one in enumerate(found) if one.item.item_id == session.target), None)
        if place is not None:
            names = names if rows else (*SOURCES, *_others(found[0].evidence))
            rows.append(
                np.array([[one.evidence.get(name, 0.0) for name in names] for one in found])
            )
            targets.append(place)
    if len(rows) < _FEWEST:
        others = dict.fromkeys(names[len(SOURCES) :], 1.0)
        return Weights(by_source={**EQUAL.by_source, **others}) if others else EQUAL
    fitted = _fit(rows, targets)
    by_source = {name: float(weight) for name, weight in zip(names, fitted, strict=True)}
    total = sum(by_source.values())
    by_source[REQUEST] = _REQUEST_WEIGHT * (total / len(SOURCES) if total > 0 else 1.0)
    return Weights(by_source=by_source, sessions=len(rows))


def _others(evidence: Mapping[str, float]) -> list[str]:
    """Name the sources that only some workspaces have."""
    return sorted(name for name in evidence if name not in SOURCES and name != REQUEST)


def _fit(rows: list[NDArray[np.float64]], targets: list[int]) -> NDArray[np.float64]:
    longest = max(len(row) for row in rows)
    features = np.zeros((len(rows), longest, rows[0].shape[1]))
    absent = np.ones((len(rows), longest), dtype=bool)
    for place, row in enumerate(rows):
        features[place, : len(row)] = row
        absent[place, : len(row)] = False
    chosen = features[np.arange(len(rows)), targets]
    prior = np.full(rows[0].shape[1], 0.5)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = features @ weights
        scores[absent] = -np.inf
        total = logsumexp(scores, axis=1)
        shares = np.exp(scores - total[:, None])
        away = weights - prior
        value = float(total.sum() - (chosen @ weights).sum() + _SHRINK / 2 * away @ away)
        slope = np.einsum("nc,ncf->f", shares, features) - chosen.sum(axis=0) + _SHRINK * away
        return value, slope

    bounds = [(0.0, None)] * rows[0].shape[1]
    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, dtype=np.float64)
