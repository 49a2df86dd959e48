"""A run on a Ray cluster of two nodes is the run without it, also when a node goes away."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from shop_settings import settings_for

from re2llm.evals.evaluate import evaluate
from re2llm.evals.main_table import hint_plans, make_runner
from re2llm.evals.results import STAND_IN, Comparison, Facts
from re2llm.graph.exploration import Explored, Plan
from re2llm.graph.explore import explore
from re2llm.graph.folds import make_folds
from re2llm.graph.models import open_model
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.starter import starter_hints
from re2llm.llm.ray_model import OnRay
from re2llm.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.filterwarnings("ignore")]
FACTS = Facts(title="a small shop", data="made up", model_label=STAND_IN)


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """Two nodes on this machine."""
    utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    made = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.second = made.add_node(num_cpus=1)
    yield made
    import ray

    ray.shutdown()
    made.shutdown()


async def reward_and_judge(parts: Parts) -> tuple[list[list[float | None]], Comparison]:
    """Measure every hint on some training sessions, and evaluate on test sessions."""
    hints = starter_hints("default", Status.ACTIVE, 0.0)[:3]
    parts.store.put_all(hints, by="test", why="to be measured")
    folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=12, seed=0)
    cases = [case for fold in folds for case in fold.cases]
    gains = [await parts.measure.each_gain(cases, hint.text) for hint in hints]
    judged = await evaluate(
        make_runner(parts, parts.steps), parts.dataset.test[:8], hint_plans(parts), facts=FACTS
    )
    return gains, judged


def run(settings: Settings) -> tuple[list[list[float | None]], Comparison, int]:
    parts = open_parts(settings, None)
    try:
        gains, judged = asyncio.run(reward_and_judge(parts))
        return gains, judged, parts.client.budget.spent.calls
    finally:
        parts.close()


def test_the_same_rewards_and_ranks_and_nothing_is_paid_twice(
    cluster: object, shop: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(shop, tmp_path / "other"))
    gains, judged, paid = run(settings_for(shop))
    on_ray = patient(other, cluster.address)  # type: ignore[attr-defined]
    their_gains, theirs, their_paid = run(on_ray)
    assert their_gains == gains
    assert any(gain for row in gains for gain in row)
    assert {arm.name for arm in theirs.arms} == {arm.name for arm in judged.arms}
    for arm in judged.arms:
        same = theirs.arm(arm.name)
        assert same is not None
        for order, found in arm.ranks.items():
            assert same.ranks[order].tolist() == found.tolist()
    assert their_paid == paid > 0
    assert run(on_ray)[2] == 0


def patient(shop: Path, address: str) -> Settings:
    """Settings for the cluster whose first workers may take long to start."""
    return settings_for(shop).model_copy(update={"ray": address, "timeout": 300.0})


def explored(settings: Settings) -> tuple[Explored, list[Hint]]:
    """Explore one reflection at a time, so that hints come in one order."""
    parts = open_parts(settings, None)
    try:
        folds = make_folds(parts.dataset, parts.retriever, parts.case_maker, limit=24, seed=0)
        plan = Plan(hints=4, patience=6, side_by_side=1, held_out=8)
        found = asyncio.run(explore(parts, folds, plan, lambda done, of: None))
        return found, sorted(parts.store.hints(), key=lambda hint: hint.hint_id)
    finally:
        parts.close()


def test_exploration_finds_the_same_hints_on_the_cluster(
    cluster: object, shop: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(shop, tmp_path / "other"))
    found, hints = explored(settings_for(shop))
    address = cluster.address  # type: ignore[attr-defined]
    theirs, their_hints = explored(patient(other, address))
    assert (theirs.reflections, theirs.ending) == (found.reflections, found.ending)
    assert theirs.usage.calls == found.usage.calls > 24
    assert [(one.hint_id, one.status, one.evidence) for one in their_hints] == [
        (one.hint_id, one.status, one.evidence) for one in hints
    ]
    assert hints


async def test_workers_answer_on_both_nodes_and_one_may_die(cluster: object, shop: Path) -> None:
    settings = patient(shop, cluster.address)  # type: ignore[attr-defined]
    model, identity = open_model(settings, None)
    assert isinstance(model, OnRay)
    assert identity == open_model(settings_for(shop), None)[1]
    model.inner = model.inner.model_copy()
    object.__setattr__(model.inner, "_agenerate", None)  # nobody is asked here
    asked = [HumanMessage(f"anything, {n}") for n in range(64)]
    first = await asyncio.gather(*(model.ainvoke([one]) for one in asked))
    cluster.remove_node(cluster.second)  # type: ignore[attr-defined]
    second = await asyncio.gather(*(model.ainvoke([one]) for one in asked))
    assert [one.text for one in first] == [one.text for one in second]
