"""The synthetic shop: repeatable, in order of time, and moved by what it says moves it."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from re2llm.catalog.dataset import Dataset, open_dataset
from re2llm.catalog.items import Item
from re2llm.catalog.sessions import Session
from re2llm.catalog.shop.shop import Shop, ShopPlan, write_shop
from re2llm.catalog.shop.shoppers import INTENTS
from re2llm.errors import UserError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Dataset]:
    folder = tmp_path_factory.mktemp("shop")
    shop = write_shop(folder, ShopPlan(items=600, sessions=1500, seed=1))
    return shop, open_dataset(folder)


def everyone(data: Dataset) -> list[Session]:
    return [*data.train_sessions, *data.valid, *data.test]


def test_the_same_seed_makes_the_same_shop(tmp_path: Path) -> None:
    told = {}
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_shop(tmp_path / name, ShopPlan(items=200, sessions=60, seed=seed))
        data = open_dataset(tmp_path / name)
        told[name] = (everyone(data), list(data.catalog))
    assert told["a"] == told["b"]
    assert told["a"] != told["c"]


def test_sessions_are_split_by_time(made: tuple[Shop, Dataset]) -> None:
    _, data = made
    assert [len(part) for part in (data.train_sessions, data.valid, data.test)] == [975, 225, 300]
    times = [session.timestamp for session in everyone(data)]
    assert times == sorted(times)  # type: ignore[type-var]


def test_candidates_hold_the_next_item_once_and_nothing_seen(made: tuple[Shop, Dataset]) -> None:
    _, data = made
    for session in everyone(data):
        assert session.candidates is not None
        assert len(set(session.candidates)) == len(session.candidates) == 20
        assert session.candidates.count(str(session.target)) == 1
        others = set(session.candidates) - {session.target}
        assert not others & set(session.items)
        assert all(item_id in data.catalog for item_id in (*session.items, *session.candidates))


def test_goods_have_what_goods_have(made: tuple[Shop, Dataset]) -> None:
    shop, data = made
    assert shop.items == len(data.catalog)
    assert len({item.title for item in data.catalog}) > 0.98 * shop.items
    for item in data.catalog:
        assert item.title.strip()
        assert float(str(item.attributes["price"])) > 0
        assert 1900 < float(str(item.attributes["year"])) < 2030
        assert item.attributes["brand"]
        assert item.attributes["category"]


def price(item: Item, _: list[Item]) -> float:
    return float(str(item.attributes["price"]))


def year(item: Item, _: list[Item]) -> float:
    return float(str(item.attributes["year"]))


def own_brand(item: Item, seen: list[Item]) -> float:
    return float(np.mean([item.attributes["brand"] == one.attributes["brand"] for one in seen]))


def own_department(item: Item, seen: list[Item]) -> float:
    last = seen[-1].attributes["category"]
    return float(item.attributes["category"][0] == last[0])  # type: ignore[index]


def was_there(item: Item, seen: list[Item]) -> float:
    return float(item.item_id in {one.item_id for one in seen})


SIGNS: dict[str, tuple[Callable[[Item, list[Item]], float], int]] = {
    "accessory for the latest": (own_department, 1),
    "loyal to a brand": (own_brand, 1),
    "bargain hunter": (price, -1),
    "wants the finest": (price, 1),
    "likes the new": (year, 1),
    "likes the old": (year, -1),
    "changed department": (own_department, 1),
    "collects a line": (own_brand, 1),
    "buys again": (was_there, 1),
}


@pytest.mark.parametrize("intent", SIGNS)
def test_what_comes_next_follows_the_intent(made: tuple[Shop, Dataset], intent: str) -> None:
    shop, data = made
    measure, way = SIGNS[intent]
    better = []
    for session in everyone(data):
        if shop.kinds[session.session_id] != intent:
            continue
        seen = [data.catalog[item_id] for item_id in session.items]
        others = [i for i in session.candidates or () if i != session.target]
        own = way * measure(data.catalog[str(session.target)], seen)
        rest = [way * measure(data.catalog[item_id], seen) for item_id in others]
        better.append(np.mean([(own > one) + 0.5 * (own == one) for one in rest]))
    assert len(better) > 20
    assert np.mean(better) > 0.62, np.mean(better)


def test_every_intent_comes_up_as_often_as_planned(made: tuple[Shop, Dataset]) -> None:
    shop, _ = made
    counts: dict[str, int] = defaultdict(int)
    for intent in shop.kinds.values():
        counts[intent] += 1
    total = sum(INTENTS.values())
    for intent, share in INTENTS.items():
        assert counts[intent] / shop.sessions == pytest.approx(share / total, abs=0.04)


@pytest.mark.parametrize("plan", [{"items": 5}, {"sessions": 3}, {"candidates": 1}])
def test_a_shop_too_small_to_learn_from_is_refused(plan: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least"):
        write_shop(tmp_path / "s", ShopPlan(**plan))
    assert not (tmp_path / "s").exists()
