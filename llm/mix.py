"""How the orders under several hints become one: later askings count less, by a learnt weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from re2llm.catalog.candidates import Candidate
from re2llm.llm.fallback import retrieval_order
from re2llm.llm.fusion import FusionExample, SlateFusion, fit_weight, model_part
from re2llm.llm.ranking import RankAnswer, RankTask, Repairs
from re2llm.llm.usage import Usage
from re2llm.llm.weights import Weights

_GRID = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixExample:
    """A session whose next item is known, with the answers under the hints chosen for it.

    Attributes:
        task: the question, with the hint chosen first.
        answers: in the order of choice.
        target: the next item.
    """

    task: RankTask
    answers: tuple[RankAnswer, ...]
    target: str


class Mix(Weights):
    """The first asking counts 1, each further one `further`.

    An order is turned into the credit that fusion gives to ranks; the weighted sum of the credits
    orders the items. Without data every asking counts alike, as in a Borda vote.
    """

    called: ClassVar[str] = "mix"

    further: float = Field(default=1.0, ge=0, le=1)
    fusion: SlateFusion | None = None
    """How much the mixed order counts beside retrieval; None means as much as a single order."""
    sessions: int = Field(default=0, ge=0)
    """How many sessions the weights were learnt on; 0 means they are the default."""
    single: float | None = None
    """Cross-validated NDCG@10 on them of the slate that the first asking alone gives."""
    mixed: float | None = None
    """Cross-validated NDCG@10 on them of the slate that the mix gives."""

    def join(self, task: RankTask, answers: Sequence[RankAnswer]) -> RankAnswer:
        """Return one answer out of several over the same candidates, the first choice first.

        Askings that the model gave no word to are left out; if that is the first one, the others
        count alike. Repairs are summed up over all, reasons are the first asking's.
        """
        usage = sum((answer.usage for answer in answers), Usage())
        ids = [candidate.item.item_id for candidate in task.candidates]
        weights = np.array([1.0, *[self.further] * (len(answers) - 1)])
        usable = np.array([answer.listed > 0 for answer in answers])
        if not usable.any():
            return retrieval_order(task, answers[0].degraded or "no answer", usage)
        weights = weights * usable if (weights * usable).any() else usable.astype(np.float64)
        counted = [(w, a) for w, a in zip(weights, answers, strict=True) if w > 0]
        credit = sum((w * model_part(ids, a) for w, a in counted), np.zeros(len(ids)))
        named = frozenset().union(*(a.order[: a.listed] for _, a in counted))
        order = [ids[place] for place in np.argsort(-credit, kind="stable")]
        listed = [item_id for item_id in order if item_id in named]
        failed = [answer.degraded for answer in answers if answer.degraded]
        return RankAnswer(
            order=(*listed, *(item_id for item_id in ids if item_id not in named)),
            listed=len(listed),
            reasons=answers[0].reasons,
            repairs=Repairs(
                unknown=sum(a.repairs.unknown for a in answers),
                repeated=sum(a.repairs.repeated for a in answers),
                missing=len(ids) - len(listed),
            ),
            degraded=failed[0] if 2 * len(failed) > len(answers) else None,
            usage=usage,
        )


def fit_mix(examples: Sequence[MixExample], *, seed: int = 0) -> Mix:
    """Learn how much further askings count, and how much the mixed order counts beside retrieval.

    Of a grid of weights (0 among them: the first asking alone) the one is taken whose slates, with
    a fusion weight fitted for it, have the highest cross-validated NDCG@10.

    Args:
        examples: sessions that neither the retriever nor the policy was fitted on.
        seed: of the split into folds.
    """
    fitted: list[tuple[float, SlateFusion]] = []
    for further in _GRID:
        mix = Mix(further=further)
        joined = [_joined(mix, example) for example in examples]
        fitted.append((further, fit_weight(joined, seed=seed, cautious=False)))
    single = fitted[0][1]
    if not single.sessions:
        return Mix()
    further, fusion = max(fitted, key=lambda found: found[1].fused or 0.0)
    return Mix(
        further=further,
        fusion=fusion,
        sessions=fusion.sessions,
        single=single.fused,
        mixed=fusion.fused,
    )


def _joined(mix: Mix, example: MixExample) -> FusionExample:
    candidates: tuple[Candidate, ...] = example.task.candidates
    answer = mix.join(example.task, example.answers)
    return FusionExample(candidates=candidates, answer=answer, target=example.target)
