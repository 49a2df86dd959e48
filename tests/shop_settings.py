"""The settings that these tests share, in any process."""

from pathlib import Path

from re2llm.settings import Settings


def settings_for(root: Path) -> Settings:
    """Settings that no environment changes."""
    return Settings(workspace=root, model="stand-in", k=5, candidates=20, _env_file=None)  # type: ignore[call-arg]
