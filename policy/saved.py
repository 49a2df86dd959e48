"""Where policies lie: one folder per version, tensors plus a card, and which version serves.

Tensors are numpy archives read without pickling, so loading never runs code. A version is written
beside its place and moved there whole; `current` is replaced in one step. What else belongs to a
policy (how much its orders count) lies in the same folder, so that it comes and goes with it.
"""

import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from re2llm.errors import UserError
from re2llm.policy.bilinear import BilinearScorer
from re2llm.policy.card import Card, dump_card, load_card
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.ensemble import EnsembleScorer
from re2llm.policy.lottery import LotteryScorer
from re2llm.policy.network import NetworkScorer
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy

_TENSORS = "tensors.npz"
_CARD = "card.json"
CURRENT = "current"
"""Names the file that says which version serves."""

_RESTORE: Mapping[str, Callable[[Mapping[str, Tensor], Card], Scorer]] = {
    "network": lambda tensors, card: NetworkScorer.restore(
        tensors, predicts_gain=card.predicts_gain
    ),
    "ensemble": lambda tensors, _card: EnsembleScorer.restore(tensors),
    "constant": lambda tensors, card: ConstantScorer.restore(tensors, known=card.known),
    "lottery": lambda tensors, _card: LotteryScorer.restore(tensors),
    "bilinear": lambda tensors, card: BilinearScorer.restore(tensors, known=card.known),
}


def versions(folder: Path) -> list[str]:
    """Return the saved versions, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.glob("v[0-9]*") if (path / _CARD).is_file())


def current(folder: Path) -> str | None:
    """Return the version that serves, or None where none does."""
    path = folder / CURRENT
    return path.read_text("utf-8").strip() or None if path.is_file() else None


def switch(folder: Path, version: str | None) -> None:
    """Let a version serve, in one step; None lets none serve.

    Raises:
        UserError: there is no such version.
    """
    if version is not None and version not in versions(folder):
        there = ", ".join(versions(folder)) or "none"
        raise UserError(f"no saved policy {version!r}; there are: {there}")
    beside = folder / f".{CURRENT}.{os.getpid()}"
    beside.write_text(f"{version or ''}\n", "utf-8")
    beside.replace(folder / CURRENT)


def save_policy(
    folder: Path,
    scorer: Scorer,
    card: Card,
    *,
    serve: bool,
    beside: Mapping[str, str] | None = None,
) -> str:
    """Save a policy as a new version; returns its name.

    Args:
        folder: of all policies; made where it is missing.
        scorer: what was trained.
        card: its kind, known hints, size and digest are filled in from the scorer.
        serve: whether `current` moves to it.
        beside: texts by file name that belong to this version; `read_beside` reads them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    blob = _pack(scorer.tensors())
    card = replace(
        card,
        kind=scorer.kind,
        dim=scorer.dim,
        known=scorer.known(),
        predicts_gain=scorer.predicts_gain,
        tensors_sha256=hashlib.sha256(blob).hexdigest(),
    )
    new = folder / f".new.{os.getpid()}"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    (new / _TENSORS).write_bytes(blob)
    (new / _CARD).write_text(dump_card(card), "utf-8")
    for name, text in (beside or {}).items():
        (new / name).write_text(text, "utf-8")
    there = versions(folder)
    version = f"v{int(there[-1][1:]) + 1 if there else 1:04d}"
    new.replace(folder / version)
    if serve:
        switch(folder, version)
    return version


def load_policy(
    folder: Path,
    *,
    encoder: str,
    dim: int,
    version: str | None = None,
    exploration: float = 0.0,
    seed: int = 0,
    calls: int = 1,
) -> ScoringPolicy | None:
    """Load the version that serves, or the one asked for; None where none serves.

    Args:
        folder: of all policies.
        encoder: identity of what makes this workspace's hint vectors.
        dim: their length.
        version: a name of `versions`.
        exploration: share of sessions with a uniformly drawn action.
        seed: of these draws.
        calls: how often the model may be asked for one slate.

    Raises:
        UserError: the version does not exist, is damaged, or does not fit the workspace.
    """
    version = version or current(folder)
    if version is None:
        return None
    card = read_card(folder, version)
    card.require_fit(encoder=encoder, dim=dim)
    torch.set_num_threads(1)
    return ScoringPolicy(
        scorer=_restore(folder / version / _TENSORS, card),
        name=f"{card.origin.trainer} {version}",
        caution=card.caution,
        exploration=exploration,
        seed=seed,
        calls=calls,
    )


def read_beside(folder: Path, name: str, *, version: str | None = None) -> str | None:
    """Read what was saved beside a version, or beside the one that serves; None where nothing."""
    version = version or current(folder)
    path = folder / version / name if version is not None else None
    return path.read_text("utf-8") if path is not None and path.is_file() else None


def read_card(folder: Path, version: str) -> Card:
    """Read a version's card.

    Raises:
        UserError: there is no such version, or its card is damaged.
    """
    path = folder / version / _CARD
    if version not in versions(folder):
        there = ", ".join(versions(folder)) or "none"
        raise UserError(f"no saved policy {version!r}; there are: {there}")
    return load_card(path.read_text("utf-8"))


def _restore(path: Path, card: Card) -> Scorer:
    mend = "remove this version or train again with `re2llm train`"
    if card.kind not in _RESTORE:
        kinds = ", ".join(sorted(_RESTORE))
        raise UserError(f"the saved policy is of kind {card.kind!r}, not one of {kinds}; {mend}")
    blob = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(blob).hexdigest() != card.tensors_sha256:
        raise UserError(f"{str(path)!r} is missing or not what its card says; {mend}")
    try:
        scorer = _RESTORE[card.kind](_unpack(blob), card)
    except (KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(f"{str(path)!r} holds no {card.kind} policy ({error}); {mend}") from error
    if scorer.features != len(card.features) or scorer.dim != card.dim:
        raise UserError(f"{str(path)!r} is of another size than its card says; {mend}")
    return scorer


def _pack(tensors: Mapping[str, Tensor]) -> bytes:
    buffer = io.BytesIO()
    arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack(blob: bytes) -> dict[str, Tensor]:
    with np.load(io.BytesIO(blob), allow_pickle=False) as archive:
        return {name: torch.from_numpy(archive[name].copy()) for name in archive.files}
