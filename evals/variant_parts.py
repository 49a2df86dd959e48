"""A workspace as an experiment's variant sees it: own hints and policy, and maybe a part left out.

Catalogue, index, model and answers are shared: what one variant paid for is free for the next.
Rewards are not: a variant must not learn from what another one was allowed to pay for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from re2llm.evals.recipe import Recipe
from re2llm.graph.builder import Steps
from re2llm.graph.cases import Case
from re2llm.graph.files import fusion_path
from re2llm.graph.folds import Fold
from re2llm.graph.parts import Parts
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.effect import Trial
from re2llm.kb_store.leak import LeakFilter
from re2llm.kb_store.names import Names
from re2llm.kb_store.redundancy import Redundancy, RedundancyRules
from re2llm.kb_store.store import Eligible
from re2llm.kb_store.verdict import AdmissionRules
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.reflection import Failure
from re2llm.nodes.protocols import HintPolicy
from re2llm.policy.choice import Choice
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.rewards import RewardStore
from re2llm.workspace import Workspace

_NEVER = RedundancyRules(same=2.0, ask=2.0, alone=2.0)
"""No two hints are ever as near as this."""


class Untried:
    """A trial that every hint passes."""

    async def own_gain(self, failure: Failure, hint_text: str) -> float:  # noqa: ARG002
        """Say that it helps."""
        return 1.0

    async def similar_gains(
        self,
        failure: Failure,  # noqa: ARG002
        hint_text: str,  # noqa: ARG002
        n: int,
    ) -> Sequence[float]:
        """Say that it helps n times."""
        return [1.0] * n


class Unfiltered(LeakFilter):
    """A leak filter that lets everything through."""

    def fault(self, text: str, failure: Failure | None = None) -> str | None:  # noqa: ARG002
        """Find nothing."""
        return None


@dataclass(frozen=True, slots=True)
class BlindPolicy:
    """A policy that does not see some session features: they read 0, in training and serving.

    Attributes:
        seen: (features,) float32, 1 where the policy sees and 0 where it does not.
    """

    policy: HintPolicy
    seen: NDArray[np.float32]

    @property
    def version(self) -> str:
        """Name the policy and how much it sees."""
        return f"{self.policy.version}, sees {int(self.seen.sum())} features"

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:
        """Choose by what is seen."""
        return self.policy.choose(state * self.seen, eligible)


@dataclass(frozen=True, kw_only=True)
class VariantParts(Parts):
    """The parts of one variant."""

    recipe: Recipe

    @cached_property
    def seen(self) -> NDArray[np.float32]:
        """Return (features,) what the policy sees."""
        blind = tuple(self.recipe.blind_to)
        return np.array(
            [not (blind and name.startswith(blind)) for name in FEATURE_NAMES], dtype=np.float32
        )

    @cached_property
    def steps(self) -> Steps:
        """The graph's steps, with the policy as blind as it was trained."""
        steps = super().steps
        if not self.recipe.blind_to:
            return steps
        blind = BlindPolicy(steps.select.policy, self.seen)
        return replace(steps, select=replace(steps.select, policy=blind))

    @cached_property
    def leak(self) -> LeakFilter:
        """Knows what a hint must not give away, unless this variant does without."""
        return super().leak if self.recipe.leak_check else Unfiltered(Names(()))

    @property
    def redundancy(self) -> Redundancy:
        """Finds hints that say the same, unless this variant does without."""
        found = super().redundancy
        return found if self.recipe.redundancy_check else replace(found, rules=_NEVER)

    def trial(self, make_cases: Callable[[], Sequence[Case]]) -> Trial:
        """Measures hints, unless this variant does without."""
        return super().trial(make_cases) if self.recipe.effect_check else Untried()

    def rules(self, sources: int) -> AdmissionRules:
        """Say what is asked of a hint; untried ones are not measured against each other."""
        found = super().rules(sources)
        return (
            found
            if self.recipe.adds_check and self.recipe.effect_check
            else replace(found, rivals=0)
        )

    def blinded(self, cases: Sequence[Case]) -> list[Case]:
        """Take from the cases what the policy does not see."""
        return [replace(case, features=case.features * self.seen) for case in cases]

    def blinded_folds(self, folds: Sequence[Fold]) -> list[Fold]:
        """Do so in folds."""
        return [replace(fold, cases=self.blinded(fold.cases)) for fold in folds]

    def refreshed(self) -> "VariantParts":
        """Read policy and fusion anew, after training wrote them."""
        weights = self.weights_of(self.settings.tenant)
        path = fusion_path(self.workspace, self.identity, self.settings, self.retrieval.version)
        plain = SlateFusion.load(path) if path.exists() else self.fusion
        return replace(self, fusion=weights.fusion if weights else plain)

    def close(self) -> None:
        """Let go of what is the variant's own; the rest stays open."""
        self.store.close()
        self.rewards.close()


def open_variant(parts: Parts, recipe: Recipe, folder: Path) -> VariantParts:
    """Open a variant of a workspace in a folder of its own, made if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    own = Workspace(folder)
    shared = {one.name: getattr(parts, one.name) for one in fields(Parts)}
    shared |= {
        "workspace": own,
        "store": ChromaHintStore(own.hints, parts.store.encoder),
        "rewards": RewardStore(own.rewards),
    }
    return VariantParts(**shared, recipe=recipe).refreshed()
