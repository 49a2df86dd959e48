"""A comparison as a JSON file and back: all ranks, nothing that could not be recomputed."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from re2llm.errors import UserError
from re2llm.evals.metrics import MISSING, Values
from re2llm.evals.results import Arm, Comparison, Facts
from re2llm.llm.usage import Usage

FORMAT = 1
"""Version of the file; another one is refused."""


def save_comparison(comparison: Comparison, path: Path) -> None:
    """Write the file; a crash half-way leaves what was there before."""
    raw = {
        "format": FORMAT,
        "facts": asdict(comparison.facts),
        "session_ids": comparison.session_ids,
        "targets": comparison.targets,
        "groups": comparison.groups,
        "seeds": comparison.seeds,
        "arms": [
            {
                "name": arm.name,
                "asks": arm.asks,
                "ranks": {judged: _listed(found) for judged, found in arm.ranks.items()},
                "shown": arm.shown,
                "hint_ids": arm.hint_ids,
                "degraded": arm.degraded,
                "usage": asdict(arm.usage),
                "seconds": [round(seconds, 6) for seconds in arm.seconds],
            }
            for arm in comparison.arms
        ],
    }
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(raw, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    partial.replace(path)


def load_comparison(path: Path) -> Comparison:
    """Read the file, or the `comparison.json` of a report's folder.

    Raises:
        UserError: there is no such file, or it is no saved comparison.
    """
    file = path / "comparison.json" if path.is_dir() else path
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise ValueError(f"format {raw['format']!r}, not {FORMAT}")
        return Comparison(
            facts=Facts(**raw["facts"]),
            session_ids=tuple(raw["session_ids"]),
            targets=tuple(raw["targets"]),
            arms=tuple(_arm(arm) for arm in raw["arms"]),
            groups=tuple(raw.get("groups", ())),
            seeds=tuple(raw.get("seeds", ())),
        )
    except OSError as error:
        raise UserError(
            f"there is no saved evaluation at {str(file)!r}; `re2llm evaluate` writes one"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{str(file)!r} is no saved evaluation ({error!r})") from error


def _listed(found: Values) -> list[int | None]:
    return [None if math.isinf(rank) else int(rank) for rank in found]


def _arm(raw: dict[str, Any]) -> Arm:
    return Arm(
        name=raw["name"],
        asks=raw["asks"],
        ranks={judged: _ranks(found) for judged, found in raw["ranks"].items()},
        shown=tuple(tuple(items) for items in raw["shown"]),
        hint_ids=tuple(raw["hint_ids"]),
        degraded=tuple(raw["degraded"]),
        usage=Usage(**raw["usage"]),
        seconds=tuple(raw["seconds"]),
    )


def _ranks(found: Sequence[int | None]) -> Values:
    return np.array([MISSING if rank is None else float(rank) for rank in found])
