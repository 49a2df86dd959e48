"""Learning with few calls: ask only where it is not yet known which action is best.

Each round draws beliefs about all effects twice and compares what they would do in a session. Where
they agree there is nothing to learn; where they differ, one of the two actions is paid for
(top-two Thompson sampling, Russo 2016, with sessions chosen too).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.policy.asking import Asking, wanted_pairs
from re2llm.policy.bilinear import BilinearScorer
from re2llm.policy.evidence import Variances, first_guess, fit_variances
from re2llm.policy.hint_kernel import HintKernel
from re2llm.policy.outcomes import LoggedGains
from re2llm.policy.posterior import Posterior, infer
from re2llm.policy.session_map import VIEWS, SessionMap, SessionViews
from re2llm.policy.training import Ledger, Point, Problem, Progress, RewardSource, Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Thompson:
    """Gaussian beliefs, variances by evidence, and a choice of which pairs to pay for."""

    name: str = "top-two"
    asking: Asking = "top-two"
    """`uniform` logs at random and regresses; `thompson` asks for the best under one draw."""
    views: tuple[str, ...] = VIEWS
    """Of sessions; `("linear",)` is the linear model."""
    components: tuple[bool, bool, bool, bool] = (True, True, True, True)
    """Which hint kernels are used; only the last: every hint is learnt by itself."""
    landmarks: int = 64
    """Sessions that the radial views are seen from."""
    share: float = 0.97
    """Of the effects' variance between sessions that the pressed numbers keep."""
    weights: int = 1200
    """Most weights in all; with many hints a session is told by fewer numbers."""
    first: int = 200
    """Uniform calls before the first belief."""
    growth: float = 0.08
    """Calls of a round as a share of those paid so far."""
    least: int = 50
    """Calls of a round at least."""
    evidence_rows: int = 500
    """Rewards that are looked at together where the variances are fitted."""
    evidence_blocks: int = 2
    """So many times `evidence_rows` rewards are looked at, at most."""
    evidence_steps: int = 12
    """Steps of each fit of the variances."""
    doubt: float = 3.0
    """Nats by which effects must explain the rewards better than noise alone does; below, the
    scorer says 0 for every hint. 3 nats are odds of 20 to 1."""
    mistrust: float = 3.0
    """Nats by which rewards known before and new ones must be better explained by two sets of
    effects than by one, for the old ones to be forgotten; infinite never forgets."""

    async def train(
        self,
        problem: Problem,
        source: RewardSource,
        *,
        calls: int,
        seed: int,
        progress: Progress | None = None,
    ) -> Trained:
        """Learn until the calls are spent."""
        torch.set_num_threads(1)
        ledger = Ledger(problem, source, calls)
        beliefs = Beliefs(problem, self, seed)
        begun = bool(np.isfinite(ledger.table).any())
        beliefs.learn(ledger.table)
        curve: list[Point] = []
        while ledger.left:
            n = self._round(ledger, begun=begun)
            sessions, hints = beliefs.ask(ledger.asked, n)
            rewards = await ledger.pay(sessions, hints)
            beliefs.learn(ledger.table)
            known = rewards[np.isfinite(rewards)]
            point = Point(
                calls=ledger.spent,
                reward=float(known.mean()) if len(known) else float("nan"),
                hinted=beliefs.hinted(),
            )
            curve.append(point)
            if progress is not None:
                progress(point, beliefs.scorer)
        return Trained(scorer=beliefs.scorer(), curve=tuple(curve), logged=ledger.logged())

    def _round(self, ledger: Ledger, *, begun: bool) -> int:
        if not begun and ledger.spent == 0:
            return min(self.first, max(ledger.budget // 4, 1))
        return min(ledger.left, max(self.least, int(self.growth * ledger.spent)))


def linear_thompson(asking: Asking = "thompson") -> Thompson:
    """Return linear Thompson sampling: straight lines through the features, each hint by itself."""
    only_own = (False, False, False, True)
    name = "linear" if asking == "thompson" else f"linear, {asking}"
    return Thompson(name=name, asking=asking, views=("linear",), components=only_own)


class Beliefs:
    """What is believed now, and what would be asked next."""

    def __init__(self, problem: Problem, settings: Thompson, seed: int) -> None:
        """Start with a guess that explains nothing."""
        self._settings = settings
        self._draws = torch.Generator().manual_seed(seed)
        self._hints = HintKernel.over(problem.hints)
        self._kernels = self._hints.kernels() * torch.tensor(settings.components)[:, None, None]
        states = torch.from_numpy(problem.states)
        self._views = SessionViews.fit(
            states, settings.views, settings.landmarks, self._draws, problem.groups
        )
        self._parts = self._views(states)
        self._all = torch.ones(len(states), 1, dtype=torch.float64)
        self._most = max(4, settings.weights // len(problem.hints) - 1)
        self._found: Variances | None = None
        self._map: SessionMap | None = None
        self._numbers = self._all
        self._effects = torch.zeros(2, len(self._kernels), dtype=torch.float64)
        self._fitted_at = 0
        self._posterior: Posterior | None = None
        size = (len(states), len(problem.hints))
        known = np.zeros(size) * np.nan if problem.known is None else problem.known
        self._old = np.isfinite(known)
        """What was known before; emptied when new rewards speak against it."""
        self._trusted = np.ones(size, dtype=np.bool_)
        self._logged = problem.logged

    def ask(self, asked: NDArray[np.bool_], n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return up to n new pairs: sessions and hints."""
        pairs = np.zeros((0, 2), dtype=np.intp)
        open_pairs = ~asked
        if self._posterior is not None and self._settings.asking != "uniform":
            pairs = wanted_pairs(
                self._posterior, self._numbers, open_pairs, n, self._settings.asking, self._draws
            )
            open_pairs[pairs[:, 0], pairs[:, 1]] = False
        rest = np.argwhere(open_pairs)
        order = torch.randperm(len(rest), generator=self._draws)[: n - len(pairs)].numpy()
        pairs = np.concatenate([pairs, rest[order]])
        return pairs[:, 0], pairs[:, 1]

    def learn(self, table: NDArray[np.float64]) -> None:
        """Believe what the (sessions, hints) rewards say; NaN is unknown."""
        there = np.isfinite(table) & self._trusted
        if not there.any():
            return
        if there.sum() >= 1.5 * self._fitted_at:
            self._fit_variances(*_rows(table, there))
            self._fitted_at = int(there.sum())
        self._posterior = self._inferred(table, there, self._logged)
        old, new = there & self._old, there & ~self._old
        if old.any() and new.any():
            apart = self._inferred(table, old).likelihood + self._inferred(table, new).likelihood
            joint = self._inferred(table, there) if self._logged else self._posterior
            if apart > joint.likelihood + self._settings.mistrust:
                self._trusted &= ~self._old
                self._old[:] = False
                self._found, self._fitted_at = None, 0
                self.learn(table)

    def _inferred(
        self,
        table: NDArray[np.float64],
        there: NDArray[np.bool_],
        logged: LoggedGains | None = None,
    ) -> Posterior:
        """Return what these entries of the table say, with the variances as they are.

        Gains from served slates are added as rewards of sessions of their own; since they are
        noisier, they are scaled down to the noise of a paid reward, with what they depend on.
        """
        assert self._found is not None  # noqa: S101
        assert self._map is not None  # noqa: S101
        at, columns, rewards = _rows(table, there)
        variances = replace(self._found, effects=self._effects)
        numbers = self._numbers[at]
        if logged is not None:
            paid = variances.noise + variances.session
            scale = min((paid / max(logged.noise, paid)) ** 0.5, 1.0)
            others = torch.arange(len(logged)) + len(self._numbers)
            served = self._map(torch.from_numpy(logged.states)) * scale
            numbers = torch.cat([numbers, served])
            at = torch.cat([at, others])
            columns = torch.cat([columns, torch.from_numpy(logged.columns)])
            rewards = torch.cat([rewards, torch.from_numpy(logged.gains) * scale])
        return infer(numbers, self._map.sizes, at, columns, rewards, variances, self._kernels)

    def hinted(self) -> float:
        """Return the share of training sessions whose best action is a hint."""
        if self._posterior is None or self._posterior.evidence < self._settings.doubt:
            return 0.0
        gains = self._numbers @ self._posterior.mean.T
        return float((gains.max(dim=1).values > 0).double().mean())

    def scorer(self) -> BilinearScorer:
        """Return the beliefs as they are, to serve."""
        assert self._posterior is not None  # noqa: S101
        assert self._map is not None  # noqa: S101
        sure = self._posterior.evidence >= self._settings.doubt
        return BilinearScorer(
            self._map,
            self._hints,
            self._effects,
            self._posterior.mean if sure else torch.zeros_like(self._posterior.mean),
            self._posterior.blocks(),
        )

    def _fit_variances(self, at: Tensor, columns: Tensor, rewards: Tensor) -> None:
        """Ask the evidence how much each view of a session tells, and press the views by that."""
        block = self._settings.evidence_rows
        most = block * self._settings.evidence_blocks
        rows = torch.randperm(len(at), generator=self._draws)[:most]
        parts = [self._all, *self._parts]
        start = self._found or first_guess(rewards, len(parts), len(self._kernels))
        self._found = fit_variances(
            [part[at[rows]] for part in parts],
            self._kernels,
            at[rows],
            columns[rows],
            rewards[rows],
            start,
            self._settings.evidence_steps,
            block=block,
        )
        norms = torch.stack([part.square().sum(dim=1).mean() for part in self._parts])
        varying = self._found.effects[1:] * norms[:, None]
        total = varying.sum(dim=1)
        self._map = SessionMap.pressed(
            self._views, self._parts, total / total.sum(), self._settings.share, self._most
        )
        pressed = torch.cat(self._parts, dim=1) @ self._map.press
        self._numbers = torch.cat([self._all, pressed], dim=1)
        self._effects = torch.stack([self._found.effects[0], varying.sum(dim=0)])


def _rows(table: NDArray[np.float64], there: NDArray[np.bool_]) -> tuple[Tensor, Tensor, Tensor]:
    """Return sessions, hints and rewards of these entries."""
    sessions, hints = np.nonzero(there)
    return (
        torch.from_numpy(sessions),
        torch.from_numpy(hints),
        torch.from_numpy(table[sessions, hints]),
    )
