"""Sources are read in, and changed, as these tests do."""

from pathlib import Path

from re2llm.catalog.ingest.ingest import ingest
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.report import IngestReport


def run(source: Path, options: IngestOptions | None = None) -> IngestReport:
    return ingest(source, source.parent / "data", options or IngestOptions())


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(line + b"\n" for line in lines)
