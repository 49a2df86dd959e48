"""Which policy serves after a training: the new one, the best hint for all, the old one, none."""

from dataclasses import dataclass, replace
from pathlib import Path

from re2llm.graph.contest import Contender, Contest
from re2llm.graph.parts import Parts
from re2llm.graph.policy_card import make_card
from re2llm.graph.serving import WEIGHTS
from re2llm.graph.weigh import Report
from re2llm.kb_store.hint import Hint
from re2llm.policy.gate import GateRules, Rival
from re2llm.policy.halving import STATIC
from re2llm.policy.saved import save_policy, switch
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.training import Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """What a training changed although the learnt policy stays out.

    Attributes:
        version: of the policy that serves from now on; None where none does any more.
        words: why, for people.
    """

    version: str | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What became of a learnt policy.

    Attributes:
        found: the policy and what the gate said of it.
        version: under which it is saved, whether it serves or not.
        instead: what changed although it stays out; None where nothing did.
        promoted: shadow hints that became active.
        paid: values that were asked for.
    """

    found: Contender
    version: str
    instead: Instead | None
    promoted: tuple[Hint, ...]
    paid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Installing:
    """Lets the better policy serve.

    Attributes:
        parts: the opened workspace.
        contest: judges.
        rules: what the gate demands of a learnt policy. The best hint for all, where it stands in
            for one, must surely gain.
        rival: that hint, on the judged sessions.
        report: hears of progress.
    """

    parts: Parts
    contest: Contest
    rules: GateRules
    rival: Rival
    report: Report

    async def run(self, name: str, trained: Trained, static: Trained) -> Installed:
        """Judge the learnt policy, and where it stays out, what could serve instead.

        Args:
            name: of the method that it was learnt by.
            trained: what was learnt.
            static: what was found of the best hint for all.
        """
        found = await self.contest.enter(
            self._policy(name, trained), self.rival, self.rules, self.report
        )
        version = self._save(found, trained)
        if found.decision.serves:
            self._let_serve(version, found)
            promoted = found.ready.promoted
            return Installed(
                found=found, version=version, instead=None, promoted=promoted, paid=found.paid
            )
        surely = replace(self.rules, slack=0.0)
        other = await self.contest.enter(self._policy(STATIC, static), None, surely, self.report)
        if other.decision.serves:
            words = f"the best hint for all sessions {other.decision.words}"
            second = self._save(other, static)
            self._let_serve(second, other)
            instead: Instead | None = Instead(version=second, words=words)
        else:
            instead = self._without_loser(found)
        return Installed(
            found=found,
            version=version,
            instead=instead,
            promoted=other.ready.promoted if other.decision.serves else (),
            paid=found.paid + other.paid,
        )

    def _without_loser(self, found: Contender) -> Instead | None:
        """Switch off what serves, if it surely does harm by now."""
        old = found.incumbent
        loss = None if old is None else old.loss(self.rules, self.parts.settings.seed)
        if old is None or loss is None:
            return None
        switch(self._folder, None)
        words = f"policy {old.version} is switched off, since its gain over no hint is now {loss}"
        return Instead(version=None, words=words)

    def _policy(self, name: str, trained: Trained) -> ScoringPolicy:
        calls = self.parts.settings.calls_per_slate
        return ScoringPolicy(scorer=trained.scorer, name=name, calls=calls)

    def _save(self, found: Contender, trained: Trained) -> str:
        """Save a policy with its weights, for the record or to serve; returns its version."""
        return save_policy(
            self._folder,
            trained.scorer,
            make_card(self.parts, found, trained, self.rival.hint_id),
            serve=False,
            beside={WEIGHTS: found.ready.weights.model_dump_json(indent=1)},
        )

    def _let_serve(self, version: str, found: Contender) -> None:
        why = "chosen by the policy that serves"
        self.parts.store.put_all(found.ready.promoted, by="train", why=why)
        switch(self._folder, version)

    @property
    def _folder(self) -> Path:
        return self.parts.workspace.policy_of(self.parts.settings.tenant)
