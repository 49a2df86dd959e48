"""Tables with named columns, CSV or Parquet: interactions in one, items in another or the same."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from re2llm.catalog.ingest.columns import check_asked, name_columns, name_item_columns
from re2llm.catalog.ingest.item_table import table_items, text_ids
from re2llm.catalog.ingest.lines import first_line
from re2llm.catalog.ingest.options import IngestOptions, Rule
from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import Format, Interactions, RawItem
from re2llm.catalog.ingest.table import interactions, read_table
from re2llm.errors import UserError

_CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_PARQUET = (".parquet",)
_SEPARATORS = ",\t;|"
_MAIN, _ITEMS = "interactions", "items"


def read(source: Path, options: IngestOptions, tally: Tally) -> Interactions:
    """Read interactions and items.

    Without a table of items, they are what the interactions tell: ids, and titles if there is such
    a column. Every other column of the table of items is an attribute.

    Raises:
        UserError: a file or a column is missing, or a file cannot be read.
    """
    main, item_file = _files(source, options)
    headers = {path: _header(path) for path in (main, item_file) if path is not None}
    check_asked(headers, options.columns)
    tally.expect(headers)
    found = name_columns(main, headers[main], options.columns, ("item",))
    if not {"user", "session"} & found.keys():
        name_columns(main, headers[main], options.columns, ("user",))
    frame = _table(main, list(dict.fromkeys(found.values())), tally)
    ids = [found[meaning] for meaning in ("item", "user", "session") if meaning in found]
    frame = frame.with_columns(text_ids(frame[name]) for name in ids)
    title = found.pop("title", None)
    log = interactions(frame, main, tally, columns=found, min_rating=options.min_rating)
    items: Iterable[RawItem] = ()
    if item_file is not None:
        items = _items(item_file, headers[item_file], options, tally)
    elif title is not None:
        named = frame.filter(pl.col(title).is_not_null()).unique(found["item"], maintain_order=True)
        items = table_items(named, main, tally, item=found["item"], title=title, attributes={})
    rule: Rule = "session" if "session" in found else "gap" if "time" in found else "user"
    return Interactions(items=items, log=log, rule=rule)


def _items(
    path: Path, header: Sequence[str], options: IngestOptions, tally: Tally
) -> Iterable[RawItem]:
    found = name_item_columns(path, header, options.columns)
    frame = _table(path, header, tally)
    attributes = {name: name for name in header if name and name not in found.values()}
    return table_items(
        frame,
        path,
        tally,
        item=found["item"],
        title=found.get("title"),
        attributes=attributes,
    )


def _files(source: Path, options: IngestOptions) -> tuple[Path, Path | None]:
    if source.is_file():
        main, items = source, options.items_file
    else:
        main_found = _in_folder(source, _MAIN)
        if main_found is None:
            raise UserError(f"{str(source)!r} has no table {_MAIN!r}; name the file itself")
        main, items = main_found, options.items_file or _in_folder(source, _ITEMS)
    if items is not None and not items.is_file():
        raise UserError(f"there is no file {str(items)!r} with the items; check the path")
    return main, items


def _in_folder(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}{ending}" for ending in (*_CSV, *_PARQUET))
    return next((path for path in paths if path.is_file()), None)


def _header(path: Path) -> list[str]:
    if path.name.endswith(_PARQUET):
        return list(_scan(path, None).columns)
    line = first_line(path)
    return [name.strip() for row in csv.reader([line], delimiter=_separator(line)) for name in row]


def _separator(header: str) -> str:
    return max(_SEPARATORS, key=header.count)


def _table(path: Path, wanted: Sequence[str], tally: Tally) -> pl.DataFrame:
    if not path.name.endswith(_PARQUET):
        separator = _separator(first_line(path))
        return read_table(path, tally, separator=separator, wanted=wanted, quoted=True)
    frame = _scan(path, wanted)
    tally.rows(path, len(frame))
    tally.read_bytes(path.stat().st_size)
    return frame.with_row_index("line", offset=1)


def _scan(path: Path, wanted: Sequence[str] | None) -> pl.DataFrame:
    try:
        with path.open("rb") as file:
            if wanted is None:
                return pl.DataFrame(schema=pl.read_parquet_schema(file))
            return pl.read_parquet(file, columns=list(wanted))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(
            f"{str(path)!r} cannot be read as Parquet ({error}); is it whole, and the right file?"
        ) from error


def _is(source: Path, endings: tuple[str, ...]) -> bool:
    main = source if source.is_file() else _in_folder(source, _MAIN)
    return main is not None and main.name.endswith(endings)


CSV = Format(
    name="csv",
    looks_like=(
        "a .csv or .tsv file (packed or not) of interactions with named columns, or a folder with "
        "interactions.csv and items.csv"
    ),
    detect=lambda source: _is(source, _CSV),
    read=read,
)
PARQUET = Format(
    name="parquet",
    looks_like=(
        "a .parquet file of interactions with named columns, or a folder with "
        "interactions.parquet and items.parquet"
    ),
    detect=lambda source: _is(source, _PARQUET),
    read=read,
)
