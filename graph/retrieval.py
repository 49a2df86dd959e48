"""Opens the retrieval index of a workspace; one that is missing, stale or broken is built anew."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from re2llm.catalog.dataset import Dataset
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve.index import WEIGHTS, HybridRetriever, build_index, open_index
from re2llm.catalog.retrieve.weights import fit_fusion_weights
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

    encoder: LexicalEncoder
    retriever: HybridRetriever
    version: str


def open_retrieval(workspace: Workspace, dataset: Dataset) -> Retrieval:
    """Open the encoder and the index, or build both and learn the sources' weights."""
    folder = workspace.index
    stamp = f"{_digest(dataset)}\n"
    try:
        if _read(folder / _STAMP) == stamp:
            encoder = LexicalEncoder.load(folder / _ENCODER)
            return _opened(encoder, open_index(folder, dataset.catalog, encoder), stamp)
        _log.info("the data is new; the retrieval index is built")
    except UserError as error:
        _log.warning("the retrieval index is built anew: %s", error)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _STAMP).unlink(missing_ok=True)
    encoder = LexicalEncoder.fit([item.title for item in dataset.catalog])
    encoder.save(folder / _ENCODER)
    build_index(folder, dataset.catalog, dataset.train, encoder)
    retriever = open_index(folder, dataset.catalog, encoder)
    weights = fit_fusion_weights(retriever, dataset.valid[:_FIT_ON])
    weights.save(folder / WEIGHTS)
    (folder / _STAMP).write_text(stamp, "utf-8")
    return _opened(encoder, retriever.with_weights(weights), stamp)


def _opened(encoder: LexicalEncoder, retriever: HybridRetriever, stamp: str) -> Retrieval:
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
