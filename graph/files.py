"""Which files of a workspace belong to a model and its way of being asked."""

import hashlib
import re
from pathlib import Path

from re2llm.llm.prompts import prompt_version
from re2llm.settings import Settings
from re2llm.workspace import Workspace


def fusion_path(workspace: Workspace, identity: str, settings: Settings, data: str) -> Path:
    """Name the file of a fusion weight.

    It belongs to the model, the way of asking, the prompts, and the data that retrieval was fitted
    on: where one of them is new, the weight is learnt anew.

    Args:
        workspace: where it lies.
        identity: the model.
        settings: the way of asking.
        data: `Retrieval.version`.
    """
    name = re.sub(r"[^\w.-]+", "-", f"{settings.asked} {identity}").strip("-")
    told = "\0".join((settings.asked, identity, prompt_version(), data))
    digest = hashlib.sha256(told.encode()).hexdigest()[:12]
    return workspace.fusion / f"{name[:100]}-{digest}.json"
