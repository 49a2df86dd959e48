"""Where an experiment lies, and what of it is still to be paid for."""

import hashlib
import json
import re
from pathlib import Path

from re2llm.evals.experiment_plan import ExperimentPlan
from re2llm.evals.main_table import fingerprint
from re2llm.evals.recipe import Variant
from re2llm.evals.variant import read_learnt
from re2llm.graph.parts import Parts

JUDGED = "judged"
"""The file of a variant that was asked all it is to be asked."""


def experiment_folder(parts: Parts, plan: ExperimentPlan, elsewhere: Path | None) -> Path:
    """Name the folder by all that the results depend on: the same again goes on in it."""
    settings = parts.settings
    about = {
        **plan.model_dump(mode="json"),
        **fingerprint(parts),
        **{"policy": "", "hints": "", "elsewhere": str(elsewhere or "")},
        **{"k": settings.k, "seed": settings.seed, "reward": settings.reward},
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:8]
    return parts.workspace.runs / f"{plan.name}-{digest}"


def calls_left(parts: Parts, plan: ExperimentPlan, folder: Path) -> int:
    """Estimate the model calls that are still to be paid for, from above.

    What was learnt or judged before, in this folder, is neither again; a variant that has no hint
    asks nothing beside no hint. Of the rest nothing is taken to be in the cache.
    """
    homes = {one.name: variant_home(folder, one) for one in plan.variants}
    judged = {name for name, home in homes.items() if (home / JUDGED).is_file()}
    if judged and len(judged) == len(homes):
        return 0
    learnt = {name: found.hints for name, home in homes.items() if (found := read_learnt(home))}
    return plan.most_calls(
        valid=len(parts.dataset.valid),
        test=len(parts.dataset.test),
        learnt=learnt | dict.fromkeys(judged, 0),
    )


def variant_home(folder: Path, variant: Variant) -> Path:
    """Name a variant's folder."""
    return folder / re.sub(r"\W+", "-", variant.name).strip("-")
