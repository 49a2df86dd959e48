"""A policy made ready as it would serve, and judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.graph.cases import Case
from re2llm.graph.fitting import Fitting, Ready
from re2llm.graph.incumbent import Standing
from re2llm.graph.judging import Judging
from re2llm.graph.parts import Parts
from re2llm.graph.weigh import Report
from re2llm.kb_store.store import Eligible
from re2llm.policy.gate import Decision, GateRules, Incumbent, Rival, judge
from re2llm.policy.hint_side import HintSide
from re2llm.policy.serving import ScoringPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A policy, what was fitted to it, and what the gate said of it.

    Attributes:
        base: mean metric of the held-out sessions without a hint; NaN where none was measured.
        incumbent: what served when it was judged.
        paid: values that were asked for.
    """

    policy: ScoringPolicy
    ready: Ready
    judging: Judging
    decision: Decision
    base: float
    incumbent: Incumbent | None
    paid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The validation sessions of one training: some to fit on, the others to judge by.

    Attributes:
        parts: with the fusion of plain orders, fitted on the cases of `fit`.
        eligible: the hints that were learnt about.
        hints: the same, as the policies know them.
        standing: what serves until now, on the judged sessions.
    """

    parts: Parts
    fit: Sequence[Case]
    judged: Sequence[Case]
    eligible: Eligible
    hints: HintSide
    standing: Standing | None

    async def enter(
        self, policy: ScoringPolicy, rival: Rival | None, rules: GateRules, report: Report
    ) -> Contender:
        """Fit to a policy what serving needs, and let the gate judge exactly that.

        Args:
            policy: the new one, with as many calls per slate as serving makes.
            rival: the best static hint on the judged sessions.
            rules: what the gate demands.
            report: hears of progress.
        """
        fitting = Fitting(self.parts, self.fit, self.eligible, self.hints, policy)
        ready = await fitting.run(report)
        texts = {hint.hint_id: hint.text for hint in self.eligible.hints}
        judging = Judging(ready.parts, self.judged, ready.hints, texts, ready.mix)
        gains = await judging.measured(policy)
        bases = judging.bases
        incumbent = None if self.standing is None else self.standing.over(bases)
        return Contender(
            policy=policy,
            ready=ready,
            judging=judging,
            decision=judge(
                policy,
                judging.states,
                judging.hints,
                gains,
                rival,
                incumbent,
                rules=rules,
                seed=self.parts.settings.seed,
            ),
            base=float(np.nanmean(bases)) if np.isfinite(bases).any() else float("nan"),
            incumbent=incumbent,
            paid=fitting.paid + judging.source.paid,
        )
