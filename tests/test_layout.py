"""The rooms are top-level folders that the package reaches through links."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("catalog", "evals", "graph", "kb_store", "llm", "nodes", "policy", "service")


@pytest.mark.parametrize("room", [room for room in ROOMS if (ROOT / room).is_dir()])
def test_every_room_is_linked_into_the_package(room: str) -> None:
    link = ROOT / "src" / "re2llm" / room
    assert link.is_dir(), (
        f"{link} is {'a file' if link.exists() else 'missing'}, not a link to the folder {room}/. "
        "Git wrote the links as files: switch on Developer Mode (Windows), then "
        "`git config core.symlinks true` and `git checkout -- src/re2llm`."
    )
    assert link.resolve() == ROOT / room


@pytest.mark.parametrize("room", [room for room in ROOMS if (ROOT / room).is_dir()])
def test_every_room_starts_with_a_docstring_and_nothing_else(room: str) -> None:
    text = (ROOT / room / "__init__.py").read_text(encoding="utf-8").strip()
    assert text.startswith('"""')
    assert text.endswith('"""')
    assert text.count('"""') == 2
