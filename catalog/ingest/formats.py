"""Which formats there are, and which one a source is in."""

from pathlib import Path

from re2llm.catalog.ingest import amazon, hetrec, jsonl, movielens, named, recbole
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.source import Format
from re2llm.errors import UserError

_FORMATS: tuple[Format, ...] = (
    jsonl.FORMAT,
    recbole.FORMAT,
    hetrec.FORMAT,
    movielens.LATEST,
    movielens.ONE_M,
    amazon.FORMAT_2018,
    amazon.FORMAT_2023,
    named.CSV,
    named.PARQUET,
)
"""In the order in which they are tried; a folder of two formats is of the first."""


def formats() -> dict[str, str]:
    """Return what a source of each format looks like, by the format's name."""
    return {form.name: form.looks_like for form in _FORMATS}


def find_format(source: Path, options: IngestOptions) -> Format:
    """Return the format that was asked for, or the first that the source looks like.

    Raises:
        UserError: no such format, or the source looks like none.
    """
    by_name = {form.name: form for form in _FORMATS}
    if options.format is not None:
        if options.format not in by_name:
            raise UserError(
                f"format {options.format!r} is unknown; use one of {', '.join(by_name)}"
            )
        return by_name[options.format]
    for form in _FORMATS:
        if form.detect(source):
            return form
    known = "\n".join(f"  {name}: {looks_like}" for name, looks_like in formats().items())
    raise UserError(
        f"{str(source)!r} looks like no format that is known; check the path, or say which of "
        f"these it is with --format:\n{known}"
    )
