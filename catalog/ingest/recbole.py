"""RecBole's atomic files: `.inter` with interactions, `.item` with items, tabs between fields.

The first line names the columns as `name:type`, the type being token, token_seq, float or
float_seq; a sequence's entries are parted by spaces.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from re2llm.catalog.ingest.item_table import table_items
from re2llm.catalog.ingest.lines import first_line
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import Format, Interactions, RawItem
from re2llm.catalog.ingest.table import interactions, read_table
from re2llm.errors import UserError

_MEANING = {
    "user": "user_id",
    "item": "item_id",
    "session": "session_id",
    "time": "timestamp",
    "rating": "rating",
}
_LISTS = frozenset({"genre", "genres", "class", "category", "categories"})
"""Sequences that are lists; other sequences of tokens are sentences."""
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_RENAMED = {"class": "genres"}


def detect(source: Path) -> bool:
    """Look for a file of interactions."""
    return bool(_inter_files(source))


def read(source: Path, options: IngestOptions, tally: Tally) -> Interactions:
    """Read one `.inter` file, and the `.item` file of its name where there is one.

    Raises:
        UserError: there is not exactly one `.inter` file, or a column is missing.
    """
    found = _inter_files(source)
    if len(found) != 1:
        names = ", ".join(repr(path.name) for path in found) or "none"
        raise UserError(
            f"one '.inter' file is needed, and {str(source)!r} has {names}; name the file itself"
        )
    inter, items = found[0], found[0].with_suffix(".item")
    files = (inter, items) if items.is_file() else (inter,)
    tally.expect(files)
    header = _header(inter)
    columns = {meaning: header[name] for meaning, name in _MEANING.items() if name in header}
    if "item" not in columns or not {"user", "session"} & columns.keys():
        raise UserError(
            f"{str(inter)!r} needs a column 'item_id' and one of 'user_id', 'session_id'; "
            f"its first line names {', '.join(map(repr, header)) or 'nothing'}"
        )
    frame = read_table(inter, tally, separator="\t", wanted=tuple(columns.values()))
    log = interactions(frame, inter, tally, columns=columns, min_rating=options.min_rating)
    return Interactions(
        items=_items(items, tally) if items.is_file() else (),
        log=log,
        rule="session" if "session" in columns else "gap" if "time" in columns else "user",
    )


def _inter_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix == ".inter" else []
    return sorted(source.glob("*.inter"))


def _header(path: Path) -> dict[str, str]:
    """Return the columns as the file writes them, by their names without types."""
    columns = first_line(path).split("\t")
    return {column.partition(":")[0].strip(): column.strip() for column in columns}


def _items(path: Path, tally: Tally) -> Iterator[RawItem]:
    header = _header(path)
    if "item_id" not in header:
        raise UserError(
            f"{str(path)!r} has no column 'item_id'; its first line names "
            f"{', '.join(map(repr, header))}"
        )
    frame = read_table(path, tally, separator="\t", wanted=tuple(header.values()))
    title = next((name for name in header if re.fullmatch(r"(\w+_)?(title|name)", name)), None)
    attributes = {name: column for name, column in header.items() if name not in ("item_id", title)}
    lists = {name for name in attributes if header[name].endswith("_seq") and name in _LISTS}
    for item in table_items(
        frame,
        path,
        tally,
        item=header["item_id"],
        title=header[title] if title else None,
        attributes=attributes,
    ):
        held = {
            _RENAMED.get(name, name): _entries(str(value)) if name in lists else value
            for name, value in item.attributes.items()
        }
        yield RawItem(item_id=item.item_id, title=item.title, attributes=held)


def _entries(text: str) -> list[str]:
    """Split a sequence: into quoted entries where it begins with one, else at the spaces."""
    if text.lstrip("[ ")[:1] in ("'", '"'):
        return [single or double for single, double in _QUOTED.findall(text)]
    return text.split()


FORMAT = Format(
    name="recbole",
    looks_like="an .inter file with an .item file of its name beside it, or their folder",
    detect=detect,
    read=read,
)
