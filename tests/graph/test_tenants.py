"""Each tenant is served by its own policy, and feedback belongs to whom the slate was served."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from shop_settings import settings_for

from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.graph.serving import WEIGHTS, Weights
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.llm.fusion import SlateFusion
from re2llm.policy.card import Card, Origin
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.saved import save_policy

ADVICE = "Prefer cheaper candidates."
TENANTS = ("default", "north", "../north")


def give_policy(parts: Parts, tenant: str, weight: float) -> None:
    """Let the one hint of this tenant be served to everybody there."""
    hint = Hint(hint_id=hint_id(ADVICE, tenant), text=ADVICE, status=Status.ACTIVE, tenant=tenant)
    parts.store.put(hint, by="test", why="to be served")
    encoder = parts.store.encoder
    scorer = ConstantScorer(
        (hint.hint_id,), torch.tensor([0.5]), features=len(FEATURE_NAMES), dim=encoder.dim
    )
    card = Card(kind="", origin=Origin(trainer=f"of {tenant}"), encoder=encoder.identity, dim=0)
    weights = Weights(asked=parts.asked, fusion=SlateFusion(weight=0.0, hinted=weight))
    save_policy(
        parts.workspace.policy_of(tenant),
        scorer,
        card,
        serve=True,
        beside={WEIGHTS: weights.model_dump_json()},
    )


@pytest.fixture
def session(shop: Path) -> Sequence[str]:
    parts = open_parts(settings_for(shop), None)
    give_policy(parts, "default", 0.0)
    give_policy(parts, "north", 50.0)
    items = parts.dataset.test[0].items
    parts.close()
    return items


async def test_every_tenant_has_its_own_policy_and_weights(
    shop: Path, session: Sequence[str]
) -> None:
    async with await Re2LLM.open(settings_for(shop)) as app:
        mine = await app.recommend(session)
        north = await app.recommend(session, tenant="north")
        south = await app.recommend(session, tenant="south")
        assert mine.hint_id == hint_id(ADVICE)
        assert north.hint_id == hint_id(ADVICE, "north")
        assert south.hint_id is None
        assert mine.item_ids != north.item_ids
    settings = settings_for(shop).model_copy(update={"tenant": "north"})
    async with await Re2LLM.open(settings) as app:
        again = await app.recommend(session)
        assert (again.hint_id, again.item_ids) == (north.hint_id, north.item_ids)
        other = await app.recommend(session, tenant="default")
        assert other.item_ids == mine.item_ids


async def test_feedback_belongs_to_whom_the_slate_was_served(
    shop: Path, session: Sequence[str]
) -> None:
    async with await Re2LLM.open(settings_for(shop)) as app:
        slate = await app.recommend(session, tenant="north")
        taken = slate.item_ids[0]
        with pytest.raises(UserError, match="tenant 'south'"):
            await app.feedback(slate.id, chosen=taken, tenant="south")
        await app.feedback(slate.id, chosen=taken)
        assert not (await app.feedback(slate.id, chosen=taken, tenant="north")).error
        shown = app.parts.store.get(hint_id(ADVICE, "north"), tenant="north")
        assert shown is not None
        assert shown.shown == 1


def test_policies_of_tenants_lie_apart_whatever_they_are_called(shop: Path) -> None:
    parts = open_parts(settings_for(shop), None)
    folders = {parts.workspace.policy_of(tenant).resolve() for tenant in TENANTS}
    assert len(folders) == len(TENANTS)
    assert all(folder.is_relative_to(parts.workspace.policy.resolve()) for folder in folders)
    parts.close()
