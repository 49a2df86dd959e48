"""How good candidate retrieval is over the whole catalogue: each source, the blends, a peer.

Run `python -m re2llm.evals.bench_retrieval --data SHOP/data --models SHOP/neural` on what
`re2llm ingest` made; without a folder, on a synthetic log. Sequence models that are not there yet
are trained first, and kept where `--models` says.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Query
from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.filters import Filters
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.minilm import MiniLmEncoder
from re2llm.catalog.neural.learn import learn_model
from re2llm.catalog.neural.plan import KINDS, LABELS, Kind, Plan
from re2llm.catalog.neural.saved import card_path, open_models
from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.index import HybridRetriever
from re2llm.catalog.retrieve.weights import EQUAL, SOURCES, Weights, fit_fusion_weights
from re2llm.evals.bootstrap import paired_difference
from re2llm.evals.peers import Lists, cornac, item_knn
from re2llm.evals.retrieval_world import World, open_world

PLACES = 20
_LIST = 100
"""Length of the lists that reciprocal ranks are fused from."""
_RANK_SHIFT = 60
"""As in Cormack, Clarke and Buettcher, "Reciprocal rank fusion", 2009."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What one system reached.

    Attributes:
        ndcg: (sessions,) NDCG@20.
        coverage: share of the catalogue that is in any list.
    """

    name: str
    hit: NDArray[np.float64]
    ndcg: NDArray[np.float64]
    mrr: NDArray[np.float64]
    coverage: float


def bench(
    world: World,
    folder: Path,
    kinds: Sequence[Kind],
    peers: Sequence[Kind],
    epochs: int,
    encoder: TextEncoder,
) -> list[Quality]:
    """Measure every system on the same test sessions.

    Args:
        world: where.
        folder: of the sequence models; those of these kinds that are missing are trained.
        kinds: of sequence models.
        peers: kinds of `cornac`'s models to train beside them.
        epochs: to train for at most.
        encoder: makes vectors of titles.
    """
    for kind in kinds:
        if not card_path(folder, kind).is_file():
            learn_model(
                Plan(kind=kind, epochs=epochs),
                encoder,
                folder,
                catalog=world.catalog,
                log=world.log,
                valid=world.valid,
            )
    models = [one for one in open_models(folder, world.catalog) if one.kind in kinds]
    retriever = HybridRetriever.in_memory(world.catalog, world.log, encoder)
    singles = {
        source: _lists(retriever.with_weights(Weights(by_source={source: 1.0})), world, _LIST)
        for source in SOURCES
        if source != "attributes" or retriever.items.attributes.codes
    }
    systems = {**singles, "reciprocal ranks": _reciprocal(list(singles.values()))}
    systems["blend, nothing fitted"] = _lists(retriever.with_weights(EQUAL), world, PLACES)
    fitted = fit_fusion_weights(retriever, world.valid)
    systems["blend, fitted"] = _lists(retriever.with_weights(fitted), world, PLACES)
    own = {one.label: _by_model(one, world) for one in models}
    systems.update(own)
    if own:
        systems["reciprocal ranks, with models"] = _reciprocal([*singles.values(), *own.values()])
    for number in range(1, len(models) + 1):
        among = retriever.with_models(models[:number], fitted)
        learnt = fit_fusion_weights(among, world.valid)
        name = ", ".join(["blend, fitted", *(one.label for one in models[:number])])
        systems[name] = _lists(among.with_weights(learnt), world, PLACES)
    if (peer := item_knn(world, PLACES)) is not None:
        systems["implicit: item-kNN, cosine"] = peer
    for kind in peers:
        if (peer := cornac(world, kind, epochs, PLACES)) is not None:
            systems[f"cornac: {LABELS[kind]}"] = peer
    return [_quality(name, lists, world) for name, lists in systems.items()]


def report(world: World, found: Sequence[Quality], write: Callable[[str], object]) -> None:
    """Write a table, and how the last fitted blend stands to every other system."""
    write(
        f"{world.name}: {len(world.catalog):,} items, {len(world.log):,} sessions, "
        f"{len(world.test):,} test sessions; the whole catalogue, first {PLACES} places\n\n"
    )
    best = [one for one in found if one.name.startswith("blend, fitted")][-1]
    header = ("system", "HR@20", "NDCG@20", "MRR@20", "coverage", "last blend minus it, NDCG@20")
    write(
        f"{header[0]:<32}{header[1]:>8}{header[2]:>9}{header[3]:>8}{header[4]:>10}  {header[5]}\n"
    )
    for one in found:
        line = (
            f"{one.name:<32}{one.hit.mean():>8.4f}{one.ndcg.mean():>9.4f}{one.mrr.mean():>8.4f}"
            f"{one.coverage:>10.3f}"
        )
        if one is not best:
            gap = paired_difference(best.ndcg, one.ndcg)
            line += f"  {gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"
        write(line + "\n")
    for peer in ("implicit", "cornac"):
        if not any(one.name.startswith(peer) for one in found):
            write(f"\n{peer} was not asked, or is not installed (`pip install {peer}`).\n")


def _lists(retriever: HybridRetriever, world: World, n: int) -> Lists:
    seen = Filters(exclude_seen=True)
    place = world.catalog.position
    return [
        [
            position
            for one in retriever.retrieve(Query(session=session.items, filters=seen), n)
            if (position := place(one.item.item_id)) is not None
        ]
        for session in world.test
    ]


def _by_model(model: SequenceModel, world: World) -> Lists:
    lists: Lists = []
    for session in world.test:
        known = [
            place for one in session.items if (place := world.catalog.position(one)) is not None
        ]
        point = model.point(np.array(known, dtype=np.int64))
        if point is None:
            lists.append([])
            continue
        best = model.best(point, _LIST + len(known))
        order = best[np.argsort(-model.scores(point, best), kind="stable")]
        lists.append([place for place in order.tolist() if place not in known][:_LIST])
    return lists


def _reciprocal(systems: Sequence[Lists]) -> Lists:
    fused: Lists = []
    for lists in zip(*systems, strict=True):
        scores: dict[int, float] = {}
        for ranked in lists:
            for rank, position in enumerate(ranked, 1):
                scores[position] = scores.get(position, 0.0) + 1 / (_RANK_SHIFT + rank)
        fused.append(sorted(scores, key=lambda position: (-scores[position], position)))
    return fused


def _quality(name: str, lists: Lists, world: World) -> Quality:
    ranks = np.full(len(lists), np.inf)
    for place, (ranked, session) in enumerate(zip(lists, world.test, strict=True)):
        target = world.catalog.position(session.target or "")
        if target in ranked[:PLACES]:
            ranks[place] = ranked.index(target) + 1
    listed = {position for ranked in lists for position in ranked[:PLACES]}
    return Quality(
        name=name,
        hit=(ranks <= PLACES).astype(np.float64),
        ndcg=1 / np.log2(ranks + 1),
        mrr=1 / ranks,
        coverage=len(listed) / max(len(world.catalog), 1),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder that `re2llm ingest` made")
    parser.add_argument("--sessions", type=int, default=1000, help="to test on, at most")
    parser.add_argument("--fit", type=int, help="to fit weights on, at most; else as many")
    parser.add_argument("--models", type=Path, help="where sequence models are, or are to be")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--peers", nargs="*", choices=KINDS, default=[], help="of cornac's models")
    parser.add_argument("--epochs", type=int, default=8, help="to train missing models for at most")
    parser.add_argument("--encoder", choices=("lexical", "minilm"), default="lexical")
    given = parser.parse_args(arguments)
    world = open_world(given.data, given.sessions, given.fit or given.sessions)
    encoder: TextEncoder = (
        MiniLmEncoder.load()
        if given.encoder == "minilm"
        else LexicalEncoder.fit([item.title for item in world.catalog])
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.models or Path(temporary)
        found = bench(world, folder, given.kinds, given.peers, given.epochs, encoder)
        report(world, found, sys.stdout.write)


if __name__ == "__main__":
    main()
