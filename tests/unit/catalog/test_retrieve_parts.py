"""What retrieval is put together from gives what a plain loop over everything gives."""

import numpy as np
import pytest
from retrieve_world import sessions, shop
from scipy.sparse import csr_array

from re2llm.catalog.axes import main_axes
from re2llm.catalog.items import Item
from re2llm.catalog.retrieve import together
from re2llm.catalog.retrieve.inverted import BUDGET, Inverted
from re2llm.catalog.retrieve.limits import among
from re2llm.catalog.retrieve.notes import POPULAR, Notes, told
from re2llm.catalog.retrieve.popularity import Popularity
from re2llm.catalog.retrieve.sparse import Sums, distinct, highest, spread, sum_by_id
from re2llm.catalog.retrieve.together import TogetherIndex
from re2llm.catalog.retrieve.vectors import VectorIndex
from re2llm.catalog.retrieve.words import item_terms


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("wanted", [10, 5000])
def test_numbers_are_summed_and_looked_up_by_id(wanted: int) -> None:
    ids = draws().integers(0, 700, size=900)
    values = draws(1).random(900)
    plain = np.zeros(1000)
    np.add.at(plain, ids, values)
    sums = sum_by_id(ids.astype(np.int32), values)
    assert sums.ids.tolist() == np.unique(ids).tolist() == distinct(ids).tolist()
    asked = draws(2).integers(0, 1000, size=wanted).astype(np.int32)
    assert sums.at(asked) == pytest.approx(plain[asked])


@pytest.mark.parametrize("levels", [3, 1000])
@pytest.mark.parametrize("n", [1, 7, 100, 200])
def test_the_highest_are_those_of_a_stable_sort(n: int, levels: int) -> None:
    values = draws().integers(levels, size=100).astype(np.float64)
    assert highest(values, n).tolist() == sorted(np.argsort(-values, kind="stable")[:n].tolist())


def test_ragged_rows_are_gathered_in_turn() -> None:
    offsets = np.array([0, 2, 2, 5])
    places, owner = spread(offsets, np.array([2, 1, 0, 2]))
    assert places.tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    assert owner.tolist() == [0, 0, 0, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("few", [0, 3, 60])
def test_items_among_a_few(few: int) -> None:
    items, some = np.arange(100), draws().choice(100, size=few, replace=False)
    assert among(items, some).tolist() == np.isin(items, some).tolist()


def test_main_axes_are_those_of_the_whole_decomposition() -> None:
    dense = draws().random((80, 50)) * (draws(1).random((80, 50)) < 0.3)
    values, axes = main_axes(csr_array(dense), 5)
    _, exact, right = np.linalg.svd(dense)
    assert values == pytest.approx(exact[:5], rel=1e-5)
    assert np.abs((axes * right[:5].T).sum(axis=0)) == pytest.approx(np.ones(5), abs=1e-3)


def test_vectors_are_kept_to_a_hundredth_and_cells_are_bounded() -> None:
    near = unit(draws().standard_normal((20, 24)))
    vectors = unit(
        near[draws(1).integers(20, size=6000)] + 0.1 * draws(2).standard_normal((6000, 24))
    )
    index = VectorIndex.build(iter([vectors[:2500], vectors[2500:]]), 24)
    assert np.abs(index.of_items(np.arange(6000)) - vectors).max() < 0.01
    assert np.diff(index.cell_offsets).max() <= 300
    assert sorted(index.members.tolist()) == list(range(6000))
    for item in (7, 3000, 5999):
        exact = set(np.argsort(-(vectors @ vectors[item]))[:5].tolist())
        for found in (
            index.near(vectors[[item]], 100),
            index.around(np.array([item]), vectors[[item]], 100),
        ):
            assert item in found
            assert len(exact & set(found.tolist())) >= 2
            assert len(found) == 100


def test_closeness_is_the_inner_product_and_the_nearest_of_a_cell_are_named() -> None:
    vectors = unit(draws().standard_normal((3000, 24)))
    index = VectorIndex.build([vectors], 24)
    held, points = index.of_items(np.arange(3000)), vectors[[5, 9]] * np.float32(3)
    items = draws(1).choice(3000, size=400)
    assert index.closeness(items, points) == pytest.approx(points @ held[items].T, abs=1e-5)
    starts = index.cell_offsets[:-1]
    cell = int(np.argmax(np.diff(index.cell_offsets)))
    members = index.members[starts[cell] : index.cell_offsets[cell + 1]]
    near = np.sort((points @ held[members].T).max(axis=0))[::-1]
    found = index.around(members[:1].astype(np.int64), points, 10)
    assert np.isin(found, members).all()
    close = np.sort((points @ held[found].T).max(axis=0))[::-1]
    assert close == pytest.approx(near[:10], abs=1e-5)


def test_a_few_vectors_and_none_are_answers() -> None:
    one = VectorIndex.build([np.zeros((2, 4), dtype=np.float32)], 4)
    assert sorted(one.near(np.ones((1, 4), dtype=np.float32), 5).tolist()) == [0, 1]
    none = VectorIndex.build([], 4)
    assert none.near(np.ones((1, 4), dtype=np.float32), 5).tolist() == []


def test_a_search_stays_within_its_budget_and_takes_the_rarest_words() -> None:
    common, rare = 1, 2
    rows = [[common, rare] if n < 5 else [common] for n in range(BUDGET + 500)]
    index = Inverted.build(
        np.array([len(row) for row in rows]), np.array([term for row in rows for term in row]), 3
    )
    query = Sums(np.array([common, rare]), np.array([0.2, 0.8]))
    assert index.search(query).ids.tolist() == [0, 1, 2, 3, 4]
    only = index.search(Sums(np.array([common]), np.array([1.0])))
    assert len(only.ids) == len(rows)
    assert index.lengths(np.array([0, 9])).tolist() == [2, 1]


def test_words_of_titles_are_among_those_of_labels() -> None:
    items = [
        Item(item_id="a", title="Red Shoe", attributes={"brand": "Acme Red", "tags": ("x", "y")}),
        Item(item_id="b", title=""),
    ]
    titles, labels = item_terms(items)
    assert titles[0].tolist() == [2, 0]
    assert labels[0].tolist() == [5, 0]
    assert set(titles[1].tolist()) < set(labels[1].tolist())


def test_pairs_are_the_same_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    log = sessions()
    whole = TogetherIndex.build(log, 60)
    monkeypatch.setattr(together, "_AT_ONCE", 40)
    parts = TogetherIndex.build(log, 60)
    for name, array in whole.arrays().items():
        assert (parts.arrays()[name] == array).all()
    strength: dict[tuple[int, int], float] = {}
    for row in log:
        for first in range(len(row)):
            for second in range(first + 1, min(first + 6, len(row))):
                here, there, step = int(row[first]), int(row[second]), second - first
                if here != there:
                    strength[here, there] = strength.get((here, there), 0) + 1 / step
                    strength[there, here] = strength.get((there, here), 0) + 0.6 / step
    clicks = np.bincount(log.items, minlength=60)
    ids, values = whole.partners_near(np.array([5]), np.ones(1))
    for partner, value in zip(ids.tolist(), values.tolist(), strict=True):
        assert value == pytest.approx(
            strength[5, partner] / np.sqrt(clicks[5] * clicks[partner]), rel=1e-5
        )
    assert len(ids) == sum(here == 5 for here, _ in strength)


def test_what_is_popular_is_told_by_its_share() -> None:
    popularity = Popularity.build(sessions(), 60)
    share = (popularity.ascending[None, :] < popularity.score[:, None]).mean(axis=1)
    beyond = popularity.beyond(popularity.of_items(np.arange(60)), POPULAR)
    assert beyond.tolist() == [sum(one >= least for least in POPULAR) for one in share.tolist()]


def test_notes_name_what_is_shared_and_what_the_sources_say() -> None:
    catalog = shop()
    notes = Notes.on([catalog["i0"], catalog["i15"], catalog["i3"]])
    said = told(("text", "together"), np.array([[1.5, 0.0], [2.0, 0.1]]), np.array([0, 2]))
    assert notes.of(catalog["i5"], said[0]) == (
        "often taken next",
        "reads like the session's items",
        "same genre as 2 items of the session",
    )
    assert notes.of(catalog["i9"], said[1]) == (
        "among the most popular now",
        "same brand as 3 items of the session",
    )
