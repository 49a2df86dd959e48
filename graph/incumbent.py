"""What the policy that serves now is worth on the sessions that a new one is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.errors import UserError
from re2llm.graph.cases import Case
from re2llm.graph.judging import Judging
from re2llm.graph.parts import Parts
from re2llm.policy.gate import Incumbent
from re2llm.policy.hint_side import hint_side
from re2llm.policy.saved import current
from re2llm.policy.serving import ScoringPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The policy that serves, on held-out sessions.

    Attributes:
        version: of the saved policy.
        values: (cases,) metric of its slates; NaN where it was not measured.
    """

    version: str
    values: NDArray[np.float64]

    def over(self, plain: NDArray[np.float64]) -> Incumbent:
        """Return it as a rival of what is judged against these (cases,) plain slates."""
        return Incumbent(version=self.version, gains=self.values - plain)


async def measure_standing(parts: Parts, cases: Sequence[Case]) -> Standing | None:
    """Measure what serves the tenant, just as it serves: its hints, its weights, its mix.

    Its orders were mostly paid for when it was judged itself, on these very sessions.

    Args:
        parts: the opened workspace.
        cases: the held-out sessions.

    Returns:
        None where nothing serves, or nothing that fits the workspace and has a hint to give.
    """
    tenant = parts.settings.tenant
    version = current(parts.workspace.policy_of(tenant))
    try:
        served = parts.renewed().as_served
        policy = served.policy_of(tenant)
    except UserError:
        return None
    eligible = served.store.eligible(tenant=tenant)
    if version is None or not isinstance(policy, ScoringPolicy) or not eligible.hints:
        return None
    texts = {hint.hint_id: hint.text for hint in eligible.hints}
    judging = Judging(served, cases, hint_side(eligible), texts, served.mix)
    gains = await judging.came(policy)
    return Standing(version=version, values=judging.bases + gains)
