"""Which saved policy is best, without one model call: from paid rewards and from served slates.

On validation sessions the rewards that were paid for are a table, mostly incomplete. A policy whose
choices are all in it is judged exactly; else what is missing is filled in by a model of the rewards
that did not see the session. Slates that were served log propensities, and are judged by inverse
propensity weights and doubly robust.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table

from re2llm.errors import UserError
from re2llm.graph.parts import Parts
from re2llm.graph.slate_log import SlateLog, read_slates
from re2llm.policy.hint_side import HintSide, hint_side
from re2llm.policy.offpolicy import (
    Estimate,
    Log,
    direct,
    doubly_robust,
    exact,
    inverse_propensity,
    self_normalised,
)
from re2llm.policy.saved import current, load_policy, read_card, versions
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Beliefs, Thompson
from re2llm.policy.training import Problem

Array = NDArray[np.float64]
States = NDArray[np.float32]

NO_HINT = "no hint"
RANDOM = "random hint"
_LEAST_KNOWN = 0.5
"""Share of a policy's choices that must be measured before anything is said from paid rewards."""
_LEAST_LOG = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One policy, judged one way.

    Attributes:
        source: where the rewards are from.
        estimate: gain over no hint from the table; NDCG@k of the slate from the log.
        known: share of the weight that the policy puts on rewards which are known.
        hinted: share of sessions that the policy gives a hint.
    """

    policy: str
    source: str
    estimate: Estimate
    known: float
    hinted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicy:
    """What can be said without a model call.

    Attributes:
        rows: the table's first, then the log's.
        base: mean NDCG@k of the validation sessions without a hint; NaN where none is known.
        notes: what was left out, and what weakens the numbers, in words.
    """

    rows: tuple[Row, ...]
    base: float
    notes: tuple[str, ...]


async def compare_off_policy(parts: Parts) -> OffPolicy:
    """Compare all saved policies, no hint, a random hint and the newest best static hint.

    Raises:
        UserError: no policy is saved, or no hint is active.
    """
    folder = parts.workspace.policy_of(parts.settings.tenant)
    encoder = parts.store.encoder
    hints = hint_side(parts.store.eligible(tenant=parts.settings.tenant))
    if not versions(folder) or not len(hints):
        raise UserError("no saved policy or no active hint to compare; run `re2llm train` first")
    policies: dict[str, ScoringPolicy] = {}
    notes = []
    for version in versions(folder):
        try:
            loaded = load_policy(folder, encoder=encoder.identity, dim=encoder.dim, version=version)
        except UserError as error:
            notes.append(f"{version} is left out: {error}")
            continue
        if loaded is not None:
            serves = " (serves)" if version == current(folder) else ""
            policies[f"{loaded.name}{serves}"] = loaded
    static = read_card(folder, versions(folder)[-1]).origin.static_hint
    cases, rows = parts.valid_cases(), list[Row]()
    table = parts.rewards.table(parts.as_served.scope, [case.key for case in cases], hints.ids)
    states = _stack([case.features for case in cases])
    there = np.isfinite(table.base)
    if there.any():
        laws = policy_laws(policies, states[there], hints, static=static)
        found = by_table(laws, states[there], hints, table.gains[there], seed=parts.settings.seed)
        rows += [row for row in found if row.known >= _LEAST_KNOWN]
        notes += [
            f"{row.policy} is left out: {row.known:.0%} of its choices were ever measured, and "
            "those were measured because another policy made them"
            for row in found
            if row.known < _LEAST_KNOWN
        ]
    else:
        notes.append("no validation session was measured in this way of asking")
    log = await read_slates(
        parts.workspace.slates,
        parts.catalog,
        url=parts.settings.database,
        tenant=parts.settings.tenant,
    )
    if len(log.served) >= _LEAST_LOG:
        rows += by_log(log, policies, hints, static=static, seed=parts.settings.seed)
        certain = np.mean([one.propensity == 1 for one in log.served])
        if certain > 0.5:
            notes.append(
                f"{certain:.0%} of the served slates were chosen for sure, which tells little of "
                "other choices; set RE2LLM_EXPLORATION, for example to 0.05"
            )
    if log.left_out:
        notes.append(f"{log.left_out} served slates tell nothing here (no feedback, or no choice)")
    if len(log.served) < _LEAST_LOG:
        notes.append(f"{len(log.served)} served slates have feedback; {_LEAST_LOG} are needed")
    base = float(table.base[there].mean()) if there.any() else float("nan")
    return OffPolicy(rows=tuple(rows), base=base, notes=tuple(notes))


def policy_laws(
    policies: Mapping[str, ScoringPolicy], states: States, hints: HintSide, *, static: str
) -> dict[str, Array]:
    """Return (sessions, 1 + hints) probabilities by name; column 0 is no hint."""
    n, one = len(states), np.eye(1 + len(hints))
    laws = {NO_HINT: np.tile(one[0], (n, 1)), RANDOM: np.tile((1 - one[0]) / len(hints), (n, 1))}
    if static in hints.ids:
        laws["best static hint"] = np.tile(one[1 + hints.ids.index(static)], (n, 1))
    return laws | {name: each.probabilities(states, hints) for name, each in policies.items()}


def by_table(
    laws: Mapping[str, Array], states: States, hints: HintSide, gains: Array, *, seed: int = 0
) -> list[Row]:
    """Judge policies by the (sessions, hints) gains that are known; NaN is unknown."""
    filled = gains
    if np.isnan(gains).any():
        predicted = predict_gains(states, hints, gains, seed=seed)
        filled = np.where(np.isfinite(gains), gains, predicted)
    rows = []
    for name, law in laws.items():
        wanted = law[:, 1:]
        known = float(1 - (wanted * np.isnan(gains)).sum() / len(law))
        complete = not (np.isnan(gains) & (wanted > 0)).any()
        found = exact(law, gains, seed=seed) if complete else direct(law, filled, seed=seed)
        rows.append(
            Row(
                policy=name, source="paid rewards", estimate=found, known=known, hinted=_hinted(law)
            )
        )
    return rows


def predict_gains(
    states: States, hints: HintSide, gains: Array, *, folds: int = 3, seed: int = 0
) -> Array:
    """Return (sessions, hints) gains that a model expects which did not see the session."""
    fold = np.random.default_rng(seed).permutation(len(states)) % folds
    predicted = np.zeros(gains.shape)
    for own in (fold == number for number in range(folds)):
        if own.any() and np.isfinite(gains[~own]).any():
            predicted[own] = _model(states[~own], hints, gains[~own], states[own], seed)
    return predicted


def by_log(
    log: SlateLog,
    policies: Mapping[str, ScoringPolicy],
    hints: HintSide,
    *,
    static: str,
    seed: int = 0,
) -> list[Row]:
    """Judge policies by served slates; hints that are no longer there are never chosen again."""
    states = _stack([one.features for one in log.served])
    values = np.array([one.value for one in log.served])
    columns = {None: 0} | {hint_id: 1 + at for at, hint_id in enumerate(hints.ids)}
    gone = 1 + len(hints)
    actions = np.array([columns.get(one.hint_id, gone) for one in log.served], dtype=np.intp)
    propensities = np.array([one.propensity for one in log.served])
    centre = float(values.mean())
    logged = Log(actions=actions, propensities=propensities, rewards=values - centre)
    seen = np.full((len(values), len(hints)), np.nan)
    given = (actions > 0) & (actions < gone)
    seen[given, actions[given] - 1] = values[given] - centre
    predicted = predict_gains(states, hints, seen, seed=seed)
    rows = []
    for name, law in policy_laws(policies, states, hints, static=static).items():
        padded = np.concatenate([law, np.zeros((len(law), 1))], axis=1)
        told = np.concatenate([predicted, np.zeros((len(law), 1))], axis=1)
        known = float(padded[np.arange(len(actions)), actions].mean())
        found = [inverse_propensity(logged, padded, seed=seed)]
        if known > 0:
            found.append(self_normalised(logged, padded, seed=seed))
        found.append(doubly_robust(logged, padded, told, seed=seed))
        rows += [
            Row(
                policy=name,
                source="served slates",
                estimate=_moved(estimate, centre),
                known=known,
                hinted=_hinted(law),
            )
            for estimate in found
        ]
    return rows


def off_policy_table(found: OffPolicy) -> Table:
    """Return the comparison for a terminal."""
    table = Table(
        "policy", "from", "method", "estimate [95 %]", "known", "n", "with hint",
        title=f"Without a model call; no hint gives {found.base:.4f} on validation sessions",
    )  # fmt: skip
    for row in found.rows:
        table.add_row(
            row.policy,
            row.source,
            row.estimate.method,
            str(row.estimate.value),
            f"{row.known:.0%}",
            f"{row.estimate.effective:.0f}",
            f"{row.hinted:.0%}",
        )
    return table


def _model(states: States, hints: HintSide, gains: Array, others: States, seed: int) -> Array:
    torch.set_num_threads(1)
    settings = Thompson(landmarks=32, evidence_rows=250, evidence_steps=6)
    beliefs = Beliefs(Problem(states=states, hints=hints), settings, seed)
    beliefs.learn(gains)
    return beliefs.scorer().scores(others, hints)


def _hinted(law: Array) -> float:
    return float(law[:, 1:].sum(axis=1).mean())


def _stack(rows: Sequence[States]) -> States:
    return np.stack(rows) if len(rows) else np.zeros((0, 0), dtype=np.float32)


def _moved(estimate: Estimate, by: float) -> Estimate:
    value = estimate.value
    moved = replace(value, mean=value.mean + by, low=value.low + by, high=value.high + by)
    return replace(estimate, value=moved)
