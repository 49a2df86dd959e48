"""Opens the retrieval index of a workspace; one that is missing, stale or broken is built anew."""

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from re2llm.catalog.dataset import Dataset
from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.neural.saved import open_models
from re2llm.catalog.retrieve.index import WEIGHTS, HybridRetriever, build_index, open_index
from re2llm.catalog.retrieve.weights import Weights, fit_fusion_weights
from re2llm.errors import UserError
from re2llm.workspace import Workspace

_log = logging.getLogger(__name__)
_ENCODER, _STAMP = "encoder.npz", "data.txt"
_FIT_ON = 2000
"""So many validation sessions are enough for a handful of weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """What was opened.

    Attributes:
        version: changes with the sessions, the texts and the weights.
    """

    encoder: TextEncoder
    retriever: HybridRetriever
    version: str


def open_retrieval(
    workspace: Workspace, dataset: Dataset, encoder: TextEncoder | None = None
) -> Retrieval:
    """Open the encoder, the index and the sequence models; build what is missing or stale.

    Args:
        workspace: where they lie.
        dataset: what was opened there.
        encoder: makes vectors of texts; None for the lexical one, which is fitted and kept.

    Raises:
        UserError: a sequence model is damaged or of another catalogue, or the encoder does not
            answer.
    """
    return with_models(open_plain_retrieval(workspace, dataset, encoder), workspace, dataset)


def open_plain_retrieval(
    workspace: Workspace, dataset: Dataset, encoder: TextEncoder | None = None
) -> Retrieval:
    """Open the encoder and the index, or build both and learn the sources' weights."""
    folder = workspace.index
    stamp = f"{_digest(dataset)}\n"
    try:
        if _read(folder / _STAMP) == stamp:
            held = encoder or LexicalEncoder.load(folder / _ENCODER)
            return _opened(held, open_index(folder, dataset.catalog, held), stamp)
        _log.info("the data is new; the retrieval index is built")
    except UserError as error:
        _log.warning("the retrieval index is built anew: %s", error)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _STAMP).unlink(missing_ok=True)
    if encoder is None:
        fitted = LexicalEncoder.fit([item.title for item in dataset.catalog])
        fitted.save(folder / _ENCODER)
        encoder = fitted
    build_index(folder, dataset.catalog, dataset.train, encoder)
    retriever = open_index(folder, dataset.catalog, encoder)
    weights = fit_fusion_weights(retriever, dataset.valid[:_FIT_ON])
    weights.save(folder / WEIGHTS)
    (folder / _STAMP).write_text(stamp, "utf-8")
    return _opened(encoder, retriever.with_weights(weights), stamp)


def with_models(plain: Retrieval, workspace: Workspace, dataset: Dataset) -> Retrieval:
    """Add the workspace's sequence models, with weights that were learnt with them, or are now.

    Raises:
        UserError: a model is damaged or of another catalogue.
    """
    models = open_models(workspace.neural, dataset.catalog)
    if not models:
        return plain
    told = "\n".join([plain.version, *(model.identity for model in models)])
    version = hashlib.sha256(told.encode()).hexdigest()[:12]
    path = workspace.neural / f"weights-{version}.json"
    retriever = plain.retriever.with_models(models, plain.retriever.weights)
    if path.is_file():
        weights = Weights.load(path)
    else:
        _log.info("the weights are learnt anew, with %s", ", ".join(one.label for one in models))
        weights = fit_fusion_weights(retriever, dataset.valid[:_FIT_ON])
        for old in workspace.neural.glob("weights-*.json"):
            old.unlink(missing_ok=True)
        weights.save(path)
    return replace(
        plain,
        retriever=plain.retriever.with_models(models, weights),
        version=version,
    )


def _opened(encoder: TextEncoder, retriever: HybridRetriever, stamp: str) -> Retrieval:
    weights = sorted(retriever.weights.by_source.items())
    digest = hashlib.sha256(f"{stamp}{encoder.identity}{weights}".encode()).hexdigest()
    return Retrieval(encoder=encoder, retriever=retriever, version=digest[:12])


def _digest(dataset: Dataset) -> str:
    log = dataset.train
    digest = hashlib.blake2b(log.items.tobytes(), digest_size=16)
    digest.update(log.offsets.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""
