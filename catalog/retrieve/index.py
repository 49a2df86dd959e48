"""How an index lies on disk: replaced in one step, checked when opened, mapped and not read.

`current.json` names the generation that counts: a folder of .npy files and a manifest, written
last, with every file's size and SHA-256.
"""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.items import Catalog
from re2llm.catalog.retrieve.attributes import AttributeIndex
from re2llm.catalog.retrieve.hybrid import HybridRetriever, ItemSide, LogSide
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.neighbours import NeighbourIndex
from re2llm.catalog.retrieve.popularity import Popularity
from re2llm.catalog.retrieve.together import TogetherIndex
from re2llm.catalog.retrieve.vectors import VectorIndex
from re2llm.catalog.retrieve.weights import EQUAL, Weights
from re2llm.catalog.sessions import SessionLog
from re2llm.errors import UserError

__all__ = ["HybridRetriever", "IndexUnusable", "build_index", "open_index"]

VERSION = 1
POINTER = "current.json"
MANIFEST = "manifest.json"
WEIGHTS = "weights.json"
_STALE = 3600.0
"""Seconds after which generations that no pointer names are swept up."""

Arrays = dict[str, NDArray[np.generic]]


class IndexUnusable(UserError):
    """The index is missing, damaged or of other data; building it again mends it."""


def build_index(folder: Path, catalog: Catalog, log: SessionLog, encoder: TextEncoder) -> None:
    """Build an index and make it the one that counts; until then the old one serves.

    A process that has the old one open keeps it. Fitted weights in the folder stay.

    Raises:
        OSError: the disk refuses; the folder's index is as it was.
    """
    built = HybridRetriever.in_memory(catalog, log, encoder)
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    generation = f"index-{uuid.uuid4().hex[:12]}"
    staged = folder / generation
    staged.mkdir()
    try:
        files = {name: _write(staged / f"{name}.npy", array) for name, array in _arrays(built)}
        manifest = {
            "version": VERSION,
            "encoder": encoder.identity,
            "catalog": fingerprint(catalog),
            "sessions": len(log),
            "files": files,
        }
        _write_json(staged / MANIFEST, manifest)
        _sync_folder(staged)
        _write_json(folder / f".{generation}.json", {"generation": generation})
        (folder / f".{generation}.json").replace(folder / POINTER)
        _sync_folder(folder)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        (folder / f".{generation}.json").unlink(missing_ok=True)
        raise


def open_index(
    folder: Path, catalog: Catalog, encoder: TextEncoder, *, thorough: bool = False
) -> HybridRetriever:
    """Open the index that counts, with the weights beside it, if any were fitted.

    Args:
        folder: where `build_index` put it.
        catalog: the one it was built for.
        encoder: the one it was built with.
        thorough: whether every file's bytes are checked too, and not only their number.

    Raises:
        IndexUnusable: there is no usable index, or it is of another catalogue or encoder.
    """
    pointer = _read_json(folder, folder / POINTER)
    generation = folder / str(pointer.get("generation"))
    manifest = _read_json(folder, generation / MANIFEST)
    if manifest.get("version") != VERSION:
        raise _unusable(folder, f"is of version {manifest.get('version')!r}, not {VERSION}")
    if manifest.get("encoder") != encoder.identity:
        raise _unusable(
            folder,
            f"was built with text encoder {manifest.get('encoder')!r}, "
            f"but {encoder.identity!r} is set",
        )
    if manifest.get("catalog") != fingerprint(catalog):
        raise _unusable(folder, "was built for another state of the catalogue")
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise _unusable(folder, "has a damaged manifest")
    try:
        arrays = {name: _read(generation, name, seal, thorough) for name, seal in files.items()}
        retriever = _retriever(catalog, encoder, arrays)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise _unusable(folder, f"is damaged ({error})") from error
    weights = folder / WEIGHTS
    return retriever.with_weights(Weights.load(weights) if weights.exists() else EQUAL)


def fingerprint(catalog: Catalog) -> str:
    """Return a digest of every item's id, title and attributes, in order."""
    digest = hashlib.blake2b(digest_size=16)
    for item in catalog:
        digest.update(f"{item.item_id}\0{item.title}\0{dict(item.attributes)}\n".encode())
    return digest.hexdigest()


def _arrays(built: HybridRetriever) -> list[tuple[str, NDArray[np.generic]]]:
    parts: dict[str, Arrays] = {
        "titles": built.items.titles.arrays(),
        "labels": built.items.labels.arrays(),
        "vectors": built.items.vectors.arrays(),
        "attributes": built.items.attributes.arrays(),
        "neighbours": built.log.neighbours.arrays(),
        "together": built.log.together.arrays(),
        "popularity": built.log.popularity.arrays(),
        "meanings": built.log.meanings.arrays(),
    }
    return [
        (f"{part}.{name}", array)
        for part, arrays in parts.items()
        for name, array in arrays.items()
    ]


def _retriever(catalog: Catalog, encoder: TextEncoder, arrays: Arrays) -> HybridRetriever:
    def part(name: str) -> Arrays:
        return {
            key.removeprefix(f"{name}."): array
            for key, array in arrays.items()
            if key.startswith(f"{name}.")
        }

    items = ItemSide(
        titles=Inverted.of(part("titles")),
        labels=Inverted.of(part("labels")),
        vectors=VectorIndex.of(part("vectors")),
        attributes=AttributeIndex.of(part("attributes")),
    )
    log = LogSide(
        neighbours=NeighbourIndex.of(part("neighbours")),
        together=TogetherIndex.of(part("together")),
        popularity=Popularity.of(part("popularity")),
        meanings=VectorIndex.of(part("meanings")),
    )
    return HybridRetriever(catalog=catalog, encoder=encoder, items=items, log=log)


def _write(path: Path, array: NDArray[np.generic]) -> dict[str, object]:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return {"size": path.stat().st_size, "sha256": _sha256(path)}


def _read(
    generation: Path, name: str, seal: Mapping[str, object], thorough: bool
) -> NDArray[np.generic]:
    path = generation / f"{name}.npy"
    if path.stat().st_size != seal["size"]:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {seal['size']}")
    if thorough and _sha256(path) != seal["sha256"]:
        raise ValueError(f"{path.name} is not what was written")
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _read_json(folder: Path, path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _unusable(folder, "is missing") from error
    except (OSError, ValueError) as error:
        raise _unusable(folder, f"is damaged ({error})") from error
    if not isinstance(content, dict):
        raise _unusable(folder, f"is damaged ({path.name} is no object)")
    return content


def _unusable(folder: Path, why: str) -> IndexUnusable:
    return IndexUnusable(
        f"the retrieval index in {str(folder)!r} {why}; run `re2llm ingest` again to rebuild it"
    )


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open folders; its renames are journalled.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove old generations; a fresh one may still be being written or opened."""
    try:
        current = json.loads((folder / POINTER).read_text(encoding="utf-8"))["generation"]
    except (OSError, ValueError, KeyError, TypeError):
        current = None
    for entry in folder.glob("index-*"):
        if entry.name != current and time.time() - entry.stat().st_mtime > _STALE:
            shutil.rmtree(entry, ignore_errors=True)
