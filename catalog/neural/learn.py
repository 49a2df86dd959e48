"""From a shop's data to a sequence model in its workspace."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from re2llm.catalog.dataset import fingerprint
from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.items import Catalog
from re2llm.catalog.neural.export import tensors_of
from re2llm.catalog.neural.plan import Plan
from re2llm.catalog.neural.saved import save_model
from re2llm.catalog.neural.training import HeldOut, Report, Trained, train
from re2llm.catalog.sessions import Session, SessionLog

HELD_OUT = 1000
"""So many validation sessions are enough to stop by."""


def learn_model(
    plan: Plan,
    encoder: TextEncoder,
    folder: Path,
    *,
    catalog: Catalog,
    log: SessionLog,
    valid: Sequence[Session],
    device: str = "cpu",
    report: Report | None = None,
) -> Trained:
    """Train a model on a shop's sessions and save it; one that was broken off is gone on with.

    Args:
        plan: what to train, and how.
        encoder: makes vectors of the titles.
        folder: of all models of the workspace.
        catalog: all items.
        log: the sessions to learn from.
        valid: later sessions; the first of them stop the training.
        device: `cpu` or `cuda`.
        report: is told (done, total) steps.

    Raises:
        UserError: there is nothing to learn from, or nothing to stop by.
    """
    identity = plan.digest(
        hash_of(log), fingerprint(catalog), encoder.identity, f"{HELD_OUT} held out"
    )
    unfinished = folder / f"{plan.kind}.unfinished"
    trained = train(
        plan,
        log,
        encoder.encode([item.title for item in catalog]),
        held_out(valid[:HELD_OUT], catalog),
        device=device,
        checkpoint=unfinished,
        digest=identity,
        report=report,
    )
    save_model(
        folder,
        plan.kind,
        tensors_of(trained.network, log),
        catalog,
        heads=plan.heads,
        length=plan.length,
        identity=identity,
        told={
            "plan": asdict(plan),
            "encoder": encoder.identity,
            "sessions": len(log),
            "validation sessions": min(HELD_OUT, len(valid)),
            "ndcg@20 by epoch": list(trained.curve),
            "best epoch": trained.best_epoch,
            "seconds": round(trained.seconds, 1),
            "device": device,
        },
    )
    unfinished.unlink(missing_ok=True)
    return trained


def held_out(sessions: Sequence[Session], catalog: Catalog) -> HeldOut:
    """Take those of the sessions that have items and a next item of the catalogue."""
    rows: list[list[int]] = []
    targets: list[int] = []
    for session in sessions:
        target = catalog.position(session.target) if session.target is not None else None
        places = [catalog.position(item_id) for item_id in session.items]
        known = [place for place in places if place is not None]
        if target is not None and known:
            rows.append(known)
            targets.append(target)
    return HeldOut(log=SessionLog.from_sequences(rows), targets=np.array(targets, dtype=np.int64))


def hash_of(log: SessionLog) -> str:
    """Return a digest of a log's sessions."""
    digest = hashlib.blake2b(log.items.tobytes(), digest_size=16)
    digest.update(log.offsets.tobytes())
    return digest.hexdigest()
