"""What all tests share: where the real data is, if it is here at all."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets: RE2LLM_DATA, or `shared/data` beside the checkout."""
    return _folder(Path(os.environ.get("RE2LLM_DATA", BESIDE / "data")))


@pytest.fixture(scope="session")
def llm_outputs_dir(data_dir: Path) -> Path:
    """Recorded answers of real models; they lie beside the data sets."""
    return _folder(data_dir.parent / "llm_outputs")


def _folder(path: Path) -> Path:
    if not path.is_dir():
        pytest.skip(f"the real data is not here ({path}); point RE2LLM_DATA at it")
    return path
