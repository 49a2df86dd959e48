"""The settings that these tests share, in any process."""

from pathlib import Path
from typing import Any

from re2llm.settings import Settings


def settings_for(root: Path, **given: Any) -> Settings:
    """Settings that no environment changes."""
    told = {"model": "stand-in", "k": 5, "candidates": 20, **given}
    return Settings(workspace=root, _env_file=None, **told)  # type: ignore[call-arg]
