"""How an index lies on disk: whole or not at all, named after its data, mapped and not read.

Each index is one folder: .npy files, the encoder's own file, weights, and a manifest with every
file's size and SHA-256. It is written beside and begins to exist by one rename. Its name follows
from the data and the encoder that it is of, so that indexes of old and new data lie side by side
and whoever opens the data finds the index that belongs to it.
"""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.durable import sync_folder
from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.items import Catalog
from re2llm.catalog.retrieve.hybrid import HybridRetriever
from re2llm.catalog.retrieve.index_arrays import Arrays, arrays_of, retriever_of
from re2llm.catalog.retrieve.weights import EQUAL, Weights
from re2llm.catalog.sessions import SessionLog
from re2llm.errors import UserError

__all__ = ["HybridRetriever", "IndexUnusable", "build_index", "index_folder", "open_index"]

VERSION = 3
MANIFEST = "manifest.json"
WEIGHTS = "weights.json"
_STALE = 3600.0
"""Seconds after which indexes of other data, and leftovers of killed writers, are swept up."""
_WHOLE = 256 << 20
"""Indexes of up to so many bytes are read whole at each opening, to see that nothing changed."""


class IndexUnusable(UserError):
    """The index is missing, damaged or of other data; building it again mends it."""


def index_folder(folder: Path, data: str, encoder: str) -> Path:
    """Name the index of this data by this encoder (or kind of encoder) within a folder."""
    key = hashlib.sha256(f"{VERSION}\n{data}\n{encoder}".encode()).hexdigest()
    return folder / f"index-{key[:16]}"


def build_index(
    place: Path,
    catalog: Catalog,
    log: SessionLog,
    encoder: TextEncoder,
    *,
    weigh: Callable[[HybridRetriever], Weights] | None = None,
    save: Callable[[Path], None] | None = None,
) -> HybridRetriever:
    """Build an index at this place, as one unit; a broken one that lies there is replaced.

    A process that has the old one open keeps it.

    Args:
        place: where, as `index_folder` names it.
        catalog: all items.
        log: sessions to learn from.
        encoder: makes vectors of texts.
        weigh: learns the weights that lie within the index; equal ones where there is none.
        save: writes the encoder's own files into the folder that it is given.

    Raises:
        OSError: the disk refuses; what was there is as it was.
    """
    built = HybridRetriever.in_memory(catalog, log, encoder)
    weights = EQUAL if weigh is None else weigh(built)
    folder = place.parent
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / f".new-{uuid.uuid4().hex[:12]}"
    staged.mkdir()
    try:
        for name, array in arrays_of(built).items():
            _write(staged / f"{name}.npy", array)
        weights.save(staged / WEIGHTS)
        if save is not None:
            save(staged)
        manifest = {
            "version": VERSION,
            "encoder": encoder.identity,
            "items": len(catalog),
            "sessions": len(log),
            "files": {path.name: _seal(path) for path in sorted(staged.iterdir())},
        }
        _write_json(staged / MANIFEST, manifest)
        sync_folder(staged)
        if place.exists():
            place.rename(folder / f".old-{uuid.uuid4().hex[:12]}")
        staged.rename(place)
        sync_folder(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return built.with_weights(weights)


def open_index(
    place: Path,
    catalog: Catalog,
    read_encoder: Callable[[Path], TextEncoder],
    *,
    thorough: bool | None = None,
) -> HybridRetriever:
    """Open an index with the weights within it.

    Args:
        place: where `build_index` put it.
        catalog: the one it was built for; only their number of items is compared.
        read_encoder: returns the encoder that it was built with, given the folder.
        thorough: whether every file's bytes are checked, and not only their number; without a word
            they are where the index is small enough to be read in an instant.

    Raises:
        IndexUnusable: there is no usable index, or it is of another catalogue or encoder.
    """
    manifest = _read_manifest(place)
    if manifest.get("version") != VERSION:
        raise _unusable(place, f"is of version {manifest.get('version')!r}, not {VERSION}")
    if manifest.get("items") != len(catalog):
        raise _unusable(place, "was built for another state of the catalogue")
    files = _files(place, manifest)
    if thorough or (thorough is None and sum(size for size, _ in files.values()) <= _WHOLE):
        check_index(place)
    try:
        for name, (size, _) in files.items():
            found = (place / name).stat().st_size
            if found != size:
                raise ValueError(f"{name} has {found} bytes, not {size}")
        encoder = read_encoder(place)
        if manifest.get("encoder") != encoder.identity:
            raise _unusable(
                place,
                f"was built with text encoder {manifest.get('encoder')!r}, "
                f"but {encoder.identity!r} is set",
            )
        arrays = _mapped(place, files)
        retriever = retriever_of(catalog, encoder, arrays)
        return retriever.with_weights(Weights.load(place / WEIGHTS))
    except IndexUnusable:
        raise
    except (OSError, ValueError, KeyError, TypeError, IndexError, UserError) as error:
        raise _unusable(place, f"is damaged ({error})") from error


def check_index(place: Path) -> None:
    """Read every file of an index; raises `IndexUnusable` where one is not what was written."""
    for name, (_, sha256) in _files(place, _read_manifest(place)).items():
        try:
            found = _sha256(place / name)
        except OSError as error:
            raise _unusable(place, f"is damaged ({error})") from error
        if found != sha256:
            raise _unusable(place, f"is damaged ({name} is not what was written)")


def _mapped(place: Path, files: Mapping[str, tuple[int, str]]) -> Arrays:
    return {
        name.removesuffix(".npy"): np.load(place / name, mmap_mode="r", allow_pickle=False)
        for name in files
        if name.endswith(".npy")
    }


def _files(place: Path, manifest: Mapping[str, object]) -> dict[str, tuple[int, str]]:
    files = manifest.get("files")
    try:
        if not isinstance(files, dict) or WEIGHTS not in files:
            raise TypeError
        return {str(name): (int(one["size"]), str(one["sha256"])) for name, one in files.items()}
    except (KeyError, TypeError, ValueError):
        raise _unusable(place, "has a damaged manifest") from None


def _write(path: Path, array: NDArray[np.generic]) -> None:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)


def _seal(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return {"size": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _read_manifest(place: Path) -> dict[str, object]:
    try:
        content = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _unusable(place, "is missing") from error
    except (OSError, ValueError) as error:
        raise _unusable(place, f"is damaged ({error})") from error
    if not isinstance(content, dict):
        raise _unusable(place, "has a damaged manifest")
    return content


def _unusable(place: Path, why: str) -> IndexUnusable:
    return IndexUnusable(
        f"the retrieval index {str(place)!r} {why}; run `re2llm rebuild` to build it anew"
    )


def sweep(place: Path) -> None:
    """Remove what lies beside an index: those of older data, and leftovers of killed writers.

    What is less than an hour old stays: it may still be being written, or about to count.
    """
    for pattern in ("index-*", ".new-*", ".old-*"):
        for entry in place.parent.glob(pattern):
            if entry.name != place.name and time.time() - entry.stat().st_mtime > _STALE:
                shutil.rmtree(entry, ignore_errors=True)
