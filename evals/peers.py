"""Other people's session recommenders, as they come, on the same sessions as ours."""

import importlib
import importlib.util

import numpy as np
from scipy.sparse import csr_matrix

from re2llm.catalog.neural.plan import Kind
from re2llm.evals.retrieval_world import World

Lists = list[list[int]]


def item_knn(world: World, places: int) -> Lists | None:
    """Ask `implicit`'s item-kNN (cosine, 200 neighbours); None where it is not installed."""
    if importlib.util.find_spec("implicit") is None:
        return None
    size = len(world.catalog)
    lengths = np.diff(world.log.offsets)
    rows = np.repeat(np.arange(len(world.log)), lengths)
    clicks = csr_matrix((np.ones(len(rows)), (rows, world.log.items)), shape=(len(world.log), size))
    model = importlib.import_module("implicit.nearest_neighbours").CosineRecommender(K=200)
    model.fit(clicks, show_progress=False)
    known = _known(world)
    own = np.repeat(np.arange(len(known)), [len(row) for row in known])
    asked = csr_matrix(
        (np.ones(len(own)), (own, np.concatenate(known).astype(np.int64))),
        shape=(len(known), size),
    )
    found, scores = model.recommend(
        np.arange(len(known)), asked, N=places, filter_already_liked_items=True
    )
    return [row[score > 0].tolist() for row, score in zip(found, scores, strict=True)]


def cornac(world: World, kind: Kind, epochs: int, places: int) -> Lists | None:
    """Train `cornac`'s GRU4Rec or SASRec with its defaults; None where it is not installed.

    Args:
        world: where.
        kind: which.
        epochs: to train for.
        places: how many items to return per session, without the session's own.
    """
    if importlib.util.find_spec("cornac") is None:
        return None
    made = getattr(
        importlib.import_module("cornac.models"), "GRU4Rec" if kind == "gru4rec" else "SASRec"
    )
    log = importlib.import_module("cornac.data").SequentialDataset.from_sit(
        [
            (session, item, float(place))
            for session, row in enumerate(world.log)
            for place, item in enumerate(row.tolist())
        ],
        seed=0,
    )
    model = made(n_epochs=epochs, seed=0)
    model.fit(log)
    positions = np.empty(len(log.iid_map), dtype=np.int64)
    for position, place in log.iid_map.items():
        positions[place] = position
    lists: Lists = []
    for session in _known(world):
        history = [log.iid_map[item] for item in session if item in log.iid_map]
        if not history:
            lists.append([])
            continue
        scores = np.asarray(model.score(None, history), dtype=np.float64)[: len(positions)]
        order = positions[np.argsort(-scores, kind="stable")[: places + len(history)]]
        lists.append([item for item in order.tolist() if item not in session][:places])
    return lists


def _known(world: World) -> Lists:
    """Return the positions of every test session's items that the catalogue has."""
    place = world.catalog.position
    return [
        [position for one in session.items if (position := place(one)) is not None]
        for session in world.test
    ]
