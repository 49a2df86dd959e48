"""Opens the retrieval index of a workspace; one that is missing, stale or broken is built anew."""

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from re2llm.catalog.dataset import Dataset, digest_of
from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.locks import locked
from re2llm.catalog.neural.saved import open_models
from re2llm.catalog.retrieve.index import (
    HybridRetriever,
    IndexUnusable,
    build_index,
    index_folder,
    open_index,
)
from re2llm.catalog.retrieve.weights import Weights, fit_fusion_weights
from re2llm.workspace import Workspace

_log = logging.getLogger(__name__)
_ENCODER = "encoder.npz"
_KIND = "lexical-1"
_FIT_ON = 2000
"""So many validation sessions are enough for a handful of weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """What was opened.

    Attributes:
        place: the index, for checking it.
        version: changes with the data that was ingested; what is folded in later keeps it.
    """

    encoder: TextEncoder
    retriever: HybridRetriever
    place: Path
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
    """Open encoder and index, or build both, in one unit with the sources' weights.

    Of several processes one builds, and the others wait for it and open what it built.

    Raises:
        UserError: the encoder does not answer.
        OSError: the disk refuses.
    """
    place = place_of(workspace, dataset, encoder)
    try:
        return _opened(place, dataset, encoder)
    except IndexUnusable:
        pass
    with locked(workspace.index / ".build.lock"):
        try:
            return _opened(place, dataset, encoder)
        except IndexUnusable as error:
            if place.exists():
                _log.warning("the retrieval index is built anew: %s", error)
            else:
                _log.info("the data is new; the retrieval index is built")
        _build(place, dataset, encoder)
        return _opened(place, dataset, encoder)


def _build(place: Path, dataset: Dataset, encoder: TextEncoder | None) -> None:
    used, save = encoder, None
    if used is None:
        fitted = LexicalEncoder.fit([item.title for item in dataset.catalog])
        used, save = fitted, lambda folder: fitted.save(folder / _ENCODER)
    build_index(
        place,
        dataset.catalog,
        dataset.train,
        used,
        weigh=lambda built: fit_fusion_weights(built, dataset.valid[:_FIT_ON]),
        save=save,
    )


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


def place_of(workspace: Workspace, dataset: Dataset, encoder: TextEncoder | None = None) -> Path:
    """Name the index of a dataset, be it there or not."""
    return index_folder(workspace.index, digest_of(dataset), _kind(encoder))


def _kind(encoder: TextEncoder | None) -> str:
    return _KIND if encoder is None else encoder.identity


def _opened(place: Path, dataset: Dataset, encoder: TextEncoder | None) -> Retrieval:
    retriever = open_index(
        place,
        dataset.catalog,
        lambda folder: encoder or LexicalEncoder.load(folder / _ENCODER),
    )
    origin = dataset.state.origin if dataset.state else digest_of(dataset)
    version = hashlib.sha256(f"{origin} {_kind(encoder)}".encode()).hexdigest()[:12]
    return Retrieval(encoder=retriever.encoder, retriever=retriever, place=place, version=version)
