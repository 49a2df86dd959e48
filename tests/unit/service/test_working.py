"""Work on a shared workspace is done by one process at a time."""

from pathlib import Path

import pytest

from re2llm.errors import UserError
from re2llm.service.working import working
from re2llm.settings import Settings


def shared(tmp_path: Path, tenant: str = "default") -> Settings:
    """Settings of a workspace over a Chroma server, which several processes share."""
    return Settings(  # type: ignore[call-arg]
        workspace=tmp_path, tenant=tenant, chroma_url="http://127.0.0.1:9", _env_file=None
    )


def test_one_process_learns_at_a_time(tmp_path: Path) -> None:
    with working(shared(tmp_path), "train"):
        with (
            pytest.raises(UserError, match="train when it has ended"),
            working(shared(tmp_path), "train"),
        ):
            raise AssertionError("two train at once")
        with working(shared(tmp_path, "other"), "train"):
            pass
    with working(shared(tmp_path), "explore"):
        pass


def test_a_workspace_of_ones_own_is_held_by_its_lock_already(tmp_path: Path) -> None:
    alone = Settings(workspace=tmp_path, _env_file=None)  # type: ignore[call-arg]
    with working(alone, "train"), working(alone, "train"):
        pass
    assert not list(tmp_path.iterdir())
