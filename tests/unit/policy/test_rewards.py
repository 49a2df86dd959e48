from pathlib import Path

import numpy as np
import pytest

from re2llm.errors import UserError
from re2llm.policy.rewards import BASE, RewardStore, Scope

SCOPE = Scope(model="m", prompt_version="p1", metric="ndcg@10")


def test_what_was_paid_for_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "rewards.sqlite"
    store = RewardStore(path)
    store.put(SCOPE, "s1", "h1", 0.5)
    store.close()
    again = RewardStore(path)
    assert again.find(SCOPE, [("s1", "h1"), ("s1", "h2")]) == {("s1", "h1"): 0.5}
    again.close()


def test_the_first_value_of_a_pair_stays() -> None:
    store = RewardStore(None)
    store.put(SCOPE, "s1", "h1", 0.5)
    store.put(SCOPE, "s1", "h1", 0.9)
    assert store.find(SCOPE, [("s1", "h1")]) == {("s1", "h1"): 0.5}
    assert store.count(SCOPE) == 1
    store.close()


@pytest.mark.parametrize(
    "other",
    [
        Scope(model="n", prompt_version="p1", metric="ndcg@10"),
        Scope(model="m", prompt_version="p2", metric="ndcg@10"),
        Scope(model="m", prompt_version="p1", metric="hr@1"),
    ],
)
def test_values_of_another_model_prompt_or_metric_are_not_mixed_in(other: Scope) -> None:
    store = RewardStore(None)
    store.put(SCOPE, "s1", "h1", 0.5)
    assert store.find(other, [("s1", "h1")]) == {}
    assert store.count(other) == 0
    assert np.isnan(store.table(other, ["s1"], ["h1"]).gains).all()
    store.close()


def test_the_table_holds_differences_from_the_base_and_says_what_is_unknown() -> None:
    store = RewardStore(None)
    store.put_all(SCOPE, [("s1", BASE, 0.2), ("s1", "h1", 0.5), ("s2", "h1", 0.4)])
    table = store.table(SCOPE, ["s1", "s2", "s1"], ["h1", "h2"])
    np.testing.assert_allclose(table.base, [0.2, np.nan, 0.2])
    np.testing.assert_allclose(table.gains, [[0.3, np.nan], [np.nan, np.nan], [0.3, np.nan]])
    assert not table.complete
    store.put_all(SCOPE, [("s1", "h2", 0.1)])
    assert store.table(SCOPE, ["s1"], ["h2", "h1"]).complete
    store.close()


def test_nothing_is_kept_of_a_batch_with_a_value_that_is_not_finite() -> None:
    store = RewardStore(None)
    with pytest.raises(ValueError, match="'s2'"):
        store.put_all(SCOPE, [("s1", "h1", 0.5), ("s2", "h1", float("nan"))])
    assert store.count(SCOPE) == 0
    store.close()


def test_a_file_that_is_no_store_is_refused_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "rewards.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match="move the file away"):
        RewardStore(path)
