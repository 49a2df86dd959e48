"""Which dataset of a folder counts, as `dataset.json` says, and the lock of who changes it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from re2llm.errors import UserError

VERSION = 1
POINTER = "dataset.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Which dataset counts.

    Attributes:
        files: its folder, with the log of what came after it.
        digest: of its contents; the same data has the same one, whenever it was ingested.
        origin: digest of the dataset that was ingested, however much was folded in since.
    """

    files: Path
    digest: str
    origin: str


def lock_path(folder: Path) -> Path:
    """Name the lock that whoever writes a dataset or its log holds."""
    return folder.parent / f".{folder.name}.lock"


def read_state(folder: Path) -> State:
    """Say which dataset counts; raises `UserError` as `open_dataset` says."""
    pointer = read_pointer(folder)
    files = folder / str(pointer["files"])
    try:
        return state_of(files, pointer)
    except OSError as error:
        raise damaged(folder, str(error)) from error


def read_pointer(folder: Path) -> dict[str, object]:
    """Read `dataset.json`; raises `UserError` where it is missing, damaged or otherwise made."""
    path = folder / POINTER
    try:
        pointer = json.loads(path.read_text(encoding="utf-8"))
        version, _ = pointer["version"], pointer["files"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"there is no dataset in {str(folder)!r}; put one there with `re2llm ingest`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder, str(error)) from error
    if version != VERSION:
        raise UserError(
            f"the dataset in {str(folder)!r} is of version {version!r}, this program reads "
            f"{VERSION}; ingest the source again"
        )
    return dict(pointer)


def damaged(folder: Path, why: str) -> UserError:
    """Return the error of a dataset that cannot be read."""
    return UserError(
        f"the dataset in {str(folder)!r} cannot be read ({why}); ingest the source again"
    )


def state_of(files: Path, pointer: Mapping[str, object]) -> State:
    """Return what a pointer says of its files; raises `OSError` where they are missing."""
    digest = str(pointer.get("digest") or digest_of_files(files))
    return State(files=files, digest=digest, origin=str(pointer.get("origin") or digest))


def digest_of_files(files: Path) -> str:
    """Return a digest of the items and of the sessions that indexes and weights are made of."""
    digest = hashlib.blake2b(digest_size=16)
    for name in ("items", "train", "valid"):
        with (files / f"{name}.parquet").open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
