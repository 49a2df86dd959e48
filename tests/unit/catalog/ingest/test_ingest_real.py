"""The paper's own game sessions come in whole."""

import json
from pathlib import Path

import pytest

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import IngestOptions


@pytest.mark.data
def test_the_game_sessions_come_in_whole(data_dir: Path, tmp_path: Path) -> None:
    source = data_dir / "re2llm-game"
    report = ingest(source, tmp_path / "data", IngestOptions())
    assert report.bad_rows == 0
    assert report.sessions == {"train": 400, "valid": 100, "test": 100}
    data = open_dataset(tmp_path / "data")
    with (source / "items.jsonl").open(encoding="utf-8") as file:
        assert len(data.catalog) == sum(1 for _ in file)
    with (source / "test.jsonl").open(encoding="utf-8") as file:
        for session, record in zip(data.test, map(json.loads, file), strict=True):
            assert session.items == tuple(record["items"])
            assert session.target == record["target"]
            assert session.candidates == tuple(record["candidates"])
    titles = [item.title for item in data.catalog]
    assert all(titles)
    assert not [title for title in titles if "&amp;" in title or "&#" in title]
