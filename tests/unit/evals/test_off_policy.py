"""Policies compared without a model call, where the truth is known, and in a real workspace."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console
from shop_settings import settings_for

from re2llm.errors import UserError
from re2llm.evals.off_policy import (
    NO_HINT,
    RANDOM,
    by_log,
    by_table,
    compare_off_policy,
    off_policy_table,
    policy_laws,
    predict_gains,
)
from re2llm.evals.worlds import WORLDS, World, draw_world
from re2llm.graph.app import Re2LLM
from re2llm.graph.slate_log import Served, SlateLog
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.hint import hint_id as make_id
from re2llm.policy.card import Card, Origin
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.saved import save_policy
from re2llm.policy.serving import ScoringPolicy
from re2llm.settings import Settings

SMALL = replace(WORLDS["strong"], sessions=300, held_out=10, hints=5, kinds=3, features=8, dim=8)


def constant(world: World, gains: list[float], **given: float) -> ScoringPolicy:
    scorer = ConstantScorer(world.problem.hints.ids, torch.tensor(gains), features=8, dim=8)
    return ScoringPolicy(scorer=scorer, name="p", **given)  # type: ignore[arg-type]


def test_a_complete_table_gives_the_exact_values() -> None:
    world = draw_world(SMALL, 0)
    states, hints = world.problem.states, world.problem.hints
    laws = policy_laws({"p": constant(world, [0, 1, 0, 0, 0])}, states, hints, static=hints.ids[2])
    rows = {row.policy: row for row in by_table(laws, states, hints, world.rewards)}
    means = world.rewards.mean(axis=0)
    expected = {NO_HINT: 0.0, RANDOM: means.mean(), "best static hint": means[2], "p": means[1]}
    assert {name: row.estimate.method for name, row in rows.items()} == dict.fromkeys(
        expected, "exact"
    )
    for name, value in expected.items():
        assert rows[name].estimate.value.mean == pytest.approx(value)
    assert rows[NO_HINT].hinted == 0
    assert rows["p"].hinted == 1


def test_what_is_missing_is_filled_in_by_a_model_that_did_not_see_the_session() -> None:
    errors, plain = [], []
    for seed in range(4):
        world = draw_world(SMALL, seed)
        states, hints = world.problem.states, world.problem.hints
        draws = np.random.default_rng(seed)
        gains = np.where(draws.random(world.rewards.shape) < 0.4, world.rewards, np.nan)
        best = int(world.rewards.mean(axis=0).argmax())
        law = policy_laws({}, states, hints, static=hints.ids[best])
        row = by_table(law, states, hints, gains)[2]
        assert row.estimate.method == "direct"
        assert 0.3 < row.known < 0.5
        errors.append(row.estimate.value.mean - world.rewards[:, best].mean())
        plain.append(world.rewards[:, best].mean())
    assert np.abs(errors).max() < 0.02 < np.min(plain)


def test_the_model_never_sees_the_session_that_it_predicts() -> None:
    world = draw_world(SMALL, 1)
    states, hints = world.problem.states, world.problem.hints
    gains = np.full(world.rewards.shape, np.nan)
    gains[0] = 5.0
    assert (predict_gains(states, hints, gains)[0] == 0).all()


def test_served_slates_with_propensities_tell_the_truth_of_other_policies() -> None:
    hits: dict[str, int] = {}
    errors: dict[str, list[float]] = {}
    for seed in range(12):
        world = draw_world(SMALL, 100 + seed)
        states, hints = world.problem.states, world.problem.hints
        draws = np.random.default_rng(seed)
        acting = constant(world, [0.3, 0, 0, 0, 0], exploration=0.5)
        law = acting.probabilities(states, hints)
        actions = (law.cumsum(axis=1) < draws.random((len(law), 1))).sum(axis=1)
        values = 0.4 + np.concatenate([np.zeros((len(law), 1)), world.rewards], axis=1)
        ids = (None, *hints.ids)
        log = SlateLog(
            served=[
                Served(
                    features=states[i],
                    hint_id=ids[a],
                    propensity=float(law[i, a]),
                    value=float(values[i, a]),
                    learnt={},
                )
                for i, a in enumerate(actions)
            ],
            left_out=0,
        )
        truth = values[:, 3].mean()
        other = constant(world, [0, 0, 0.3, 0, 0])
        for row in by_log(log, {"other": other}, hints, static=""):
            if row.policy == "other":
                method = row.estimate.method
                value = row.estimate.value
                errors.setdefault(method, []).append(value.mean - truth)
                hits[method] = hits.get(method, 0) + (value.low <= truth <= value.high)
    assert set(hits) == {"ips", "snips", "doubly robust"}
    for method, found in errors.items():
        assert abs(np.mean(found)) < 3 * np.std(found) / 12**0.5 + 1e-9, method
        assert hits[method] >= 9, method


async def test_a_workspace_without_a_policy_says_what_to_do(app: Re2LLM) -> None:
    with pytest.raises(UserError, match="re2llm train"):
        await compare_off_policy(app.parts)


async def test_a_workspace_is_compared_without_a_call(shop) -> None:  # type: ignore[no-untyped-def]
    settings: Settings = settings_for(shop).model_copy(update={"exploration": 0.5})
    async with await Re2LLM.open(settings) as app:
        parts = app.parts
        texts = ("Prefer what is cheap.", "Prefer what is new.")
        ids = [make_id(text, "default") for text in texts]
        hints = [
            Hint(hint_id=own, text=text, status=Status.ACTIVE)
            for own, text in zip(ids, texts, strict=True)
        ]
        parts.store.put_all(hints, by="test", why="test")
        scorer = ConstantScorer(
            tuple(ids),
            torch.tensor([0.0, 0.1]),
            features=len(FEATURE_NAMES),
            dim=parts.store.encoder.dim,
        )
        card = Card(
            kind="", origin=Origin(trainer="test", static_hint=ids[0]),
            encoder=parts.store.encoder.identity, dim=0,
        )  # fmt: skip
        save_policy(parts.workspace.policy, scorer, card, serve=True)
        rows = [(case.key, hint, 0.5) for case in parts.valid_cases() for hint in ("", *ids)]
        parts.rewards.put_all(parts.as_served.scope, rows)
    async with await Re2LLM.open(settings) as app:
        for session in app.parts.dataset.test[:30]:
            slate = await app.recommend(session.items)
            await app.feedback(slate.id, chosen=slate.item_ids[1])
        waiting = await app.recommend(app.parts.dataset.test[0].items)
        assert waiting.items
        before = app.parts.client.budget.spent.calls
        found = await compare_off_policy(app.parts)
        assert app.parts.client.budget.spent.calls == before
    table = [row for row in found.rows if row.source == "paid rewards"]
    assert [row.policy for row in table] == [
        NO_HINT, RANDOM, "best static hint", "test v0001 (serves)",
    ]  # fmt: skip
    assert all(row.estimate.method == "exact" for row in table)
    slates = [row for row in found.rows if row.source == "served slates"]
    assert {row.estimate.method for row in slates} == {"ips", "snips", "doubly robust"}
    snips = [row for row in slates if row.estimate.method == "snips"]
    assert all(row.estimate.value.mean == pytest.approx(0.6309, abs=1e-3) for row in snips)
    assert any("1 served slates tell nothing" in note for note in found.notes)
    assert found.base == 0.5
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(off_policy_table(found))
    assert "test v0001" in console.export_text()
