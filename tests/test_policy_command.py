"""The commands that show and choose policies, as they are typed."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from re2llm.catalog.hashing import HashingEncoder
from re2llm.cli import app
from re2llm.commands.screen import console
from re2llm.errors import UserError
from re2llm.policy.card import Card, Origin
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.saved import current, save_policy
from re2llm.workspace import Workspace

Policy = Callable[..., str]


@pytest.fixture
def policy(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Policy:
    """Run `re2llm policy ...` on the shop, and return what it prints."""
    monkeypatch.setattr(console, "_width", 200)  # read from the environment but once

    def run(*words: str) -> str:
        given = ["policy", *words, "--workspace", str(shop)]
        return CliRunner().invoke(app, given, catch_exceptions=False).output

    return run


def save(shop: Path, gate: str, *, serve: bool) -> str:
    encoder = HashingEncoder()
    scorer = ConstantScorer(
        ("h1",), torch.tensor([0.5]), features=len(FEATURE_NAMES), dim=encoder.dim
    )
    card = Card(
        kind="",
        origin=Origin(trainer="top-two", created="2026-01-02T03:04:05+00:00"),
        encoder=encoder.identity,
        dim=0,
        gate=gate,
        metrics={"held-out gain over no hint": 0.0312, "share of sessions with a hint": 0.5},
    )
    return save_policy(Workspace(shop).policy, scorer, card, serve=serve)


def test_policies_are_listed_with_what_the_gate_said(shop: Path, policy: Policy) -> None:
    assert "re2llm train" in policy("list")
    save(shop, "serves: gain +0.03", serve=True)
    save(shop, "stays out: maybe a loss", serve=False)
    (Workspace(shop).policy / "v0002" / "card.json").write_text("{}", "utf-8")
    told = policy("list")
    assert "2026-01-02 03:04" in told
    assert "+0.0312" in told
    assert "50%" in told
    assert "serves: gain +0.03" in told
    assert "a policy's card is damaged" in told


def test_an_older_policy_or_none_can_be_gone_back_to(shop: Path, policy: Policy) -> None:
    folder = Workspace(shop).policy
    first, second = save(shop, "serves", serve=True), save(shop, "serves", serve=True)
    assert f"before it was {second}" in policy("use", first)
    assert current(folder) == first
    assert "No policy serves" in policy("use", "none")
    assert current(folder) is None
    assert "no session gets a hint" in policy("list")
    with pytest.raises(UserError, match="no saved policy 'v0009'; there are: v0001, v0002"):
        policy("use", "v0009")


def test_a_policy_that_cannot_serve_is_not_chosen(shop: Path, policy: Policy) -> None:
    first, second = save(shop, "serves", serve=True), save(shop, "serves", serve=False)
    (Workspace(shop).policy / second / "tensors.npz").write_bytes(b"")
    with pytest.raises(UserError, match=r"not what its card says"):
        policy("use", second)
    assert current(Workspace(shop).policy) == first
