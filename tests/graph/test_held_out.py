"""What hints are worth together on held-out sessions, by where each would be used."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from shop_settings import settings_for

from re2llm.graph.cases import Case
from re2llm.graph.held_out import HeldOut, flat
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    settings = settings_for(shop).model_copy(update={"reward": "model"})
    opened = open_parts(settings, None)
    yield opened
    opened.close()


class ByTable:
    """Gains written beforehand by hint and session."""

    def __init__(self, cases: Sequence[Case], table: dict[str, list[float]]) -> None:
        self._rows = {id(case): row for row, case in enumerate(cases)}
        self._table = table

    async def each_gain(self, cases: Sequence[Case], hint: str) -> list[float | None]:
        return [self._table[hint][self._rows[id(case)]] for case in cases]


async def test_many_hints_without_effect_look_worth_nothing(parts: Parts) -> None:
    cases = parts.valid_cases()[:60]
    rng = np.random.default_rng(0)
    luck = {f"h{n}": list(rng.normal(scale=0.3, size=len(cases))) for n in range(30)}
    held_out = HeldOut(cases, ByTable(cases, luck))  # type: ignore[arg-type]
    values = [await held_out.add(name) for name in luck]
    hindsight = np.stack(list(luck.values())).max(axis=0).mean()
    assert hindsight > 0.5
    assert abs(values[-1]) < 0.15
    features = np.stack([case.features for case in cases])
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    one = np.linalg.svd(scaled, full_matrices=False)[0][:, 0] > 0
    halves = {"one": list(np.where(one, 0.3, -0.3)), "other": list(np.where(one, -0.3, 0.3))}
    held_out = HeldOut(cases, ByTable(cases, halves))  # type: ignore[arg-type]
    first, second = [await held_out.add(name) for name in halves]
    assert second > first + 0.05


def test_flat_is_when_the_last_ones_bettered_nothing() -> None:
    assert not flat([0.1, 0.1], 2, 0.002)
    assert flat([0.1, 0.1, 0.101], 2, 0.002)
    assert not flat([0.1, 0.1, 0.103], 2, 0.002)
    assert flat([0.2, 0.1, 0.1, 0.1], 2, 0.002)
    assert not flat([0.1] * 9, 0, 0.002)


async def test_a_hint_is_judged_where_it_would_be_used(parts: Parts) -> None:
    cases = parts.valid_cases()[:60]
    features = np.stack([case.features for case in cases])
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    one = np.linalg.svd(scaled, full_matrices=False)[0][:, 0] > 0
    table = {
        "for some": list(np.where(one, 0.3, -0.3)),
        "for nobody": [-0.1] * len(cases),
    }
    held_out = HeldOut(cases, ByTable(cases, table))  # type: ignore[arg-type]
    for name in table:
        await held_out.add(name)
    (uses, used), nobody = held_out.alone()
    assert 0 < uses < len(cases)
    assert used > 0.1 > np.mean(table["for some"])
    assert nobody == (0, 0.0)
