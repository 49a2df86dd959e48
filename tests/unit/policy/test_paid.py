import asyncio

import numpy as np
import pytest

from re2llm.policy.paid import PaidRewards
from re2llm.policy.rewards import RewardStore, Scope

SCOPE = Scope(model="m", prompt_version="p1", metric="ndcg@10")


class Model:
    def __init__(self, *, fails: tuple[int, str | None] | None = None) -> None:
        self.asked: list[tuple[int, str | None]] = []
        self.fails = fails

    async def measure(self, session: int, hint: str | None) -> float | None:
        self.asked.append((session, hint))
        await asyncio.sleep(0.001)
        if (session, hint) == self.fails:
            return None
        return 0.1 * session + (0.0 if hint is None else 0.5)


async def test_every_value_is_paid_for_once() -> None:
    store, model = RewardStore(None), Model()
    source = PaidRewards(store, SCOPE, ["a", "b"], model.measure)
    pairs = [(0, "h1"), (0, "h2"), (0, "h1"), (1, "h1"), (1, None)]
    np.testing.assert_allclose(await source.rewards(pairs), [0.5, 0.5, 0.5, 0.5, 0.0])
    assert sorted(model.asked, key=str) == sorted(
        [(0, None), (0, "h1"), (0, "h2"), (1, None), (1, "h1")], key=str
    )
    again = PaidRewards(store, SCOPE, ["b", "a"], model.measure)
    np.testing.assert_allclose(await again.rewards([(1, "h2"), (0, "h1")]), [0.5, 0.5])
    assert again.paid == 0
    store.close()


async def test_no_hint_alone_costs_nothing() -> None:
    store, model = RewardStore(None), Model()
    source = PaidRewards(store, SCOPE, ["a"], model.measure)
    assert (await source.rewards([(0, None)])).tolist() == [0.0]
    assert model.asked == []
    store.close()


@pytest.mark.parametrize("fails", [(0, "h1"), (0, None)])
async def test_a_failed_answer_is_nan_and_asked_again_later(fails: tuple[int, str | None]) -> None:
    store = RewardStore(None)
    model = Model(fails=fails)
    source = PaidRewards(store, SCOPE, ["a"], model.measure)
    assert np.isnan(await source.rewards([(0, "h1")])).all()
    model.fails = None
    assert np.isfinite(await source.rewards([(0, "h1")])).all()
    assert model.asked.count(fails) == 2
    store.close()


async def test_a_stop_keeps_what_has_arrived_and_leaves_nothing_running() -> None:
    store = RewardStore(None)
    started = asyncio.Event()

    async def measure(session: int, hint: str | None) -> float | None:
        if session == 1:
            started.set()
            await asyncio.sleep(60)
        return 0.3

    source = PaidRewards(store, SCOPE, ["a", "b"], measure)
    training = asyncio.create_task(source.rewards([(0, "h1"), (1, "h1")]))
    await started.wait()
    await asyncio.sleep(0.2)
    training.cancel()
    with pytest.raises(asyncio.CancelledError):
        await training
    assert store.count(SCOPE) == 2
    assert len(asyncio.all_tasks()) == 1
    store.close()


async def test_an_error_of_the_model_reaches_the_caller() -> None:
    store = RewardStore(None)

    async def measure(session: int, hint: str | None) -> float | None:
        if session == 1:
            raise ValueError("no such model")
        return 0.3

    source = PaidRewards(store, SCOPE, ["a", "b"], measure)
    with pytest.raises(ValueError, match="no such model"):
        await source.rewards([(0, "h1"), (1, "h1")])
    assert len(asyncio.all_tasks()) == 1
    store.close()
