"""How far cheap evidence goes without a language model: orders by one source, and blends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from re2llm.catalog.candidates import Candidate
from re2llm.evals.metrics import order_by_score

Evidence = Mapping[str, Mapping[str, float]]
"""Item id to score by source; z-scored within one session's candidates."""

SINGLE_SOURCES = {
    "popularity": "popularity",
    "co-occurrence": "together",
    "session-kNN": "neighbours",
    "text similarity": "text",
    "SASRec": "sasrec",
    "GRU4Rec": "gru4rec",
}
"""Row to the source of evidence that it orders by; sequence models are where one was trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A session's evidence and the item that came next."""

    evidence: Evidence
    target: str


@dataclass(frozen=True, slots=True)
class Blend:
    """A weighted sum of evidence.

    Attributes:
        weights: by source; a source without a weight does not count.
    """

    weights: Mapping[str, float]

    def order(self, evidence: Evidence, *, salt: str = "") -> tuple[str, ...]:
        """Order the candidates by the weighted sum, best first."""
        return order_by_score(
            {
                item_id: sum(self.weights.get(name, 0.0) * score for name, score in found.items())
                for item_id, found in evidence.items()
            },
            salt=salt,
        )


def evidence_of(candidates: Sequence[Candidate]) -> dict[str, dict[str, float]]:
    """Take the evidence out of retrieval's candidates."""
    return {candidate.item.item_id: dict(candidate.evidence) for candidate in candidates}


def sources(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """List the sources that say anything in any session, by name."""
    return tuple(sorted({name for one in evidence for found in one.values() for name in found}))


def random_order(evidence: Evidence, *, salt: str, seed: int = 0) -> tuple[str, ...]:
    """Order the candidates by lot; the same session and seed give the same order."""
    return order_by_score(dict.fromkeys(evidence, 0.0), salt=f"{seed}\0{salt}")


def equal_blend(names: Sequence[str]) -> Blend:
    """Blend the sources with weight 1 each: nothing is fitted."""
    return Blend(dict.fromkeys(names, 1.0))


def fit_blend(examples: Sequence[Example], *, shrink: float = 1.0) -> Blend:
    """Fit the weights on validation sessions by maximum likelihood.

    The target is modelled as drawn from a softmax over the candidates' weighted sums (McFadden's
    conditional logit, 1974).

    Args:
        examples: those in which the target is no candidate are left out.
        shrink: weight of the squared length of the weights; the prior of so many sessions.

    Raises:
        ValueError: no example has its target among its candidates, or there is no evidence.
    """
    usable = [example for example in examples if example.target in example.evidence]
    names = sources([example.evidence for example in usable])
    if not names:
        raise ValueError("no validation session has evidence and its target among the candidates")
    features, chosen, absent = _stack(usable, names)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = features @ weights
        scores[absent] = -np.inf
        total = logsumexp(scores, axis=1)
        shares = np.exp(scores - total[:, None])
        gradient = np.einsum("nc,ncf->f", shares, features) - chosen.sum(axis=0)
        value = total.sum() - (chosen @ weights).sum() + shrink / 2 * weights @ weights
        return float(value), gradient + shrink * weights

    found = minimize(loss, np.ones(len(names)), jac=True, method="L-BFGS-B")
    return Blend({name: float(weight) for name, weight in zip(names, found.x, strict=True)})


def _stack(
    examples: Sequence[Example], names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return features (examples, candidates, sources), those of the targets, and the padding."""
    longest = max(len(example.evidence) for example in examples)
    features = np.zeros((len(examples), longest, len(names)))
    absent = np.ones((len(examples), longest), dtype=bool)
    chosen = np.zeros((len(examples), len(names)))
    for row, example in enumerate(examples):
        for place, (item_id, found) in enumerate(example.evidence.items()):
            features[row, place] = [found.get(name, 0.0) for name in names]
            absent[row, place] = False
            if item_id == example.target:
                chosen[row] = features[row, place]
    return features, chosen, absent
