"""How a trained model lies in a workspace: a card in JSON, and a folder of tensors beside it.

Reading runs no code that the files hold. The card is written last and names the folder, so that
whoever opens it sees the old model or the new one, whole.
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import Catalog
from re2llm.catalog.neural.plan import KINDS, Kind
from re2llm.catalog.neural.serving import SequenceModel
from re2llm.errors import UserError

VERSION = 1
ITEMS = "items"
"""The tensor of the items' vectors; no network calls one of its own so."""
_IDS = "ids.json"
_FEWEST = 0.5
"""Share of the model's items that the catalogue must still have."""

Tensors = Mapping[str, NDArray[np.float32]]
Told = Mapping[str, str | int | float | list[float] | dict[str, object]]


def save_model(
    folder: Path,
    kind: Kind,
    tensors: Tensors,
    catalog: Catalog,
    *,
    heads: int,
    length: int,
    identity: str,
    told: Told,
) -> Path:
    """Write a model and make it the one of its kind that counts.

    Args:
        folder: of all models of a workspace.
        kind: what the model is.
        tensors: by name; `items` holds the vectors of the catalogue's items.
        catalog: the one that it was trained for.
        heads: of attention.
        length: items that it reads.
        identity: names what was trained, on what.
        told: what a reader of the card may want to know; never read back.

    Returns:
        The card's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    inner = folder / f"{kind}-{uuid.uuid4().hex[:12]}"
    inner.mkdir()
    try:
        ids = [item.item_id for item in catalog]
        (inner / _IDS).write_text(json.dumps(ids), encoding="utf-8")
        for name, tensor in tensors.items():
            whole = np.ascontiguousarray(tensor, dtype=np.float32)
            np.save(inner / f"{name}.npy", whole, allow_pickle=False)
        card = {
            "version": VERSION,
            "kind": kind,
            "identity": identity,
            "heads": heads,
            "length": length,
            "folder": inner.name,
            "files": {path.name: _sha256(path) for path in sorted(inner.iterdir())},
            "told": dict(told),
        }
        staged = folder / f".{kind}.json.new"
        staged.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        staged.replace(card_path(folder, kind))
    except BaseException:
        shutil.rmtree(inner, ignore_errors=True)
        raise
    for old in folder.glob(f"{kind}-*"):
        if old != inner and old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
    return card_path(folder, kind)


def card_path(folder: Path, kind: Kind) -> Path:
    """Name the card of the model of this kind."""
    return folder / f"{kind}.json"


def open_models(folder: Path, catalog: Catalog) -> tuple[SequenceModel, ...]:
    """Open all models of a workspace; there may be none.

    Raises:
        UserError: one is damaged, of another version, or of another catalogue.
    """
    return tuple(
        _open(folder, kind, catalog) for kind in KINDS if card_path(folder, kind).is_file()
    )


def _open(folder: Path, kind: Kind, catalog: Catalog) -> SequenceModel:
    card = card_path(folder, kind)
    try:
        raw = json.loads(card.read_text(encoding="utf-8"))
        if raw["version"] != VERSION or raw["kind"] != kind:
            raise _refused(card, kind, f"is {raw['kind']!r} of version {raw['version']!r}")
        inner = folder / Path(str(raw["folder"])).name
        for name, digest in raw["files"].items():
            if _sha256(inner / Path(name).name) != digest:
                raise _refused(card, kind, f"is damaged ({name!r} is not what was written)")
        ids = json.loads((inner / _IDS).read_text(encoding="utf-8"))
        named = [Path(name) for name in raw["files"] if name != _IDS]
        tensors = {path.stem: _mapped(inner / path.name) for path in named}
        items = tensors.pop(ITEMS)
        if len(items) != len(ids):
            raise _refused(card, kind, f"is damaged ({len(items)} vectors, {len(ids)} ids)")
        heads, length, identity = int(raw["heads"]), int(raw["length"]), str(raw["identity"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise _refused(card, kind, f"is damaged ({error})") from error
    positions = np.array(
        [-1 if (place := catalog.position(one)) is None else place for one in ids], dtype=np.int64
    )
    here = np.flatnonzero(positions >= 0)
    if len(here) < _FEWEST * len(ids):
        raise _refused(
            card, kind, f"knows {len(ids)} items, of which the catalogue has only {len(here)}"
        )
    rows = np.full(len(catalog), -1, dtype=np.int64)
    rows[positions[here]] = here
    return SequenceModel(
        kind=kind,
        heads=heads,
        length=length,
        tensors=tensors,
        items=items,
        rows=rows,
        positions=positions,
        identity=identity,
    )


def _mapped(path: Path) -> NDArray[np.float32]:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped, dtype=np.float32)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(card: Path, kind: Kind, why: str) -> UserError:
    return UserError(
        f"the sequence model {str(card)!r} {why}; train it anew with "
        f"`re2llm train-retriever --kind {kind}`, or delete that file to do without it"
    )
