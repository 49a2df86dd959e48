"""Amazon Reviews 2018 and 2023: JSON lines, packed or not, of reviews and of products.

A file's first line tells what it is. A product's reviews of 2018 go by `asin`, those of 2023 by
`parent_asin`, which joins its variants. Reviews are sparse: a session is a user's whole history.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import polars as pl

from re2llm.catalog.ingest.lines import first_line, read_json
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import Format, Interactions, RawItem
from re2llm.catalog.ingest.table import interactions
from re2llm.catalog.ingest.tidy import item_id_of
from re2llm.errors import UserError

_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
_SCRIPT = "getTime"
"""In a few products of 2018, a piece of the page's script took the title's place."""
_BATCH = 100_000
_SCHEMA = pl.Schema(
    [
        ("line", pl.UInt32()),
        ("user", pl.String()),
        ("item", pl.String()),
        ("time", pl.Float64()),
        ("rating", pl.Float64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edition:
    """The field names of one edition."""

    item: str
    user: str
    rating: str
    time: str
    brand: str
    category: str


_2018 = _Edition(
    item="asin",
    user="reviewerID",
    rating="overall",
    time="unixReviewTime",
    brand="brand",
    category="category",
)
_2023 = _Edition(
    item="parent_asin",
    user="user_id",
    rating="rating",
    time="timestamp",
    brand="store",
    category="categories",
)


def _read(edition: _Edition, source: Path, options: IngestOptions, tally: Tally) -> Interactions:
    reviews, products = _files(edition, source, options)
    if not reviews:
        raise UserError(
            f"{str(source)!r} holds no reviews: no first line has {edition.user!r} and "
            f"{edition.item!r}"
        )
    tally.expect((*reviews, *products))
    logs = [_log(path, edition, options, tally) for path in reviews]
    items = chain.from_iterable(_items(path, edition, tally) for path in products)
    return Interactions(items=items, log=pl.concat(logs), rule="user")


def _files(
    edition: _Edition, source: Path, options: IngestOptions
) -> tuple[list[Path], list[Path]]:
    """Return the files of reviews and those of products."""
    if source.is_dir():
        named = sorted(path for path in source.iterdir() if path.name.endswith(_ENDINGS))
    else:
        # The 5-core files of 2018 are called Video_Games_5; their products are in meta_Video_Games.
        name = source.name.partition(".")[0].removesuffix("_5")
        named = [source, *sorted(source.parent.glob(f"meta_{name}.json*"))]
    if options.items_file is not None:
        named = [path for path in named if not path.name.startswith("meta_")]
        named.append(options.items_file)
    keys = {path: _first_keys(path) for path in named if path.is_file()}
    reviews = [path for path, held in keys.items() if {edition.user, edition.item} <= held]
    products = [
        path for path, held in keys.items() if edition.item in held and edition.user not in held
    ]
    if options.items_file is not None and options.items_file not in products:
        raise UserError(
            f"{str(options.items_file)!r} is no file of products: its first line is no JSON object "
            f"with {edition.item!r}"
        )
    return reviews, products


def _first_keys(path: Path) -> frozenset[str]:
    try:
        record = json.loads(first_line(path))
    except ValueError:
        return frozenset()
    return frozenset(record) if isinstance(record, dict) else frozenset()


def _log(path: Path, edition: _Edition, options: IngestOptions, tally: Tally) -> pl.DataFrame:
    frames: list[pl.DataFrame] = []
    batch: list[tuple[int, str | None, str | None, float | None, float | None]] = []
    for line, record in read_json(path, tally):
        batch.append(
            (
                line,
                item_id_of(record.get(edition.user)),
                item_id_of(record.get(edition.item)),
                _number(record.get(edition.time)),
                _number(record.get(edition.rating)),
            )
        )
        if len(batch) >= _BATCH:
            frames.append(pl.DataFrame(batch, schema=_SCHEMA, orient="row"))
            batch = []
    frames.append(pl.DataFrame(batch, schema=_SCHEMA, orient="row"))
    columns = {name: name for name in ("user", "item", "time", "rating")}
    frame = pl.concat(frames)
    return interactions(frame, path, tally, columns=columns, min_rating=options.min_rating)


def _items(path: Path, edition: _Edition, tally: Tally) -> Iterator[RawItem]:
    for line, record in read_json(path, tally):
        item_id = item_id_of(record.get(edition.item))
        if item_id is None:
            tally.bad(path, line, f"has no usable {edition.item!r}")
            continue
        title = record.get("title")
        yield RawItem(
            item_id=item_id,
            title=title if isinstance(title, str) and _SCRIPT not in title else None,
            attributes=_attributes(record, edition),
        )


def _attributes(record: Mapping[str, object], edition: _Edition) -> dict[str, object]:
    details = record.get("details")
    held: dict[str, object] = {
        "brand": record.get(edition.brand),
        "category": record.get(edition.category) or record.get("main_category"),
        "price": record.get("price"),
        "description": record.get("description"),
    }
    if isinstance(details, Mapping):
        held["brand"] = held["brand"] or details.get("Brand")
        held["platform"] = details.get("Platform") or details.get("Hardware Platform")
    return {name: value for name, value in held.items() if _says(value)}


def _says(value: object) -> bool:
    if isinstance(value, Sequence):
        return bool(value)
    return value is not None


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        return None
    try:
        return float(raw)
    except (ValueError, OverflowError):
        return None


def _format(edition: _Edition, year: int) -> Format:
    def detect(source: Path) -> bool:
        if source.is_file() and not source.name.endswith(_ENDINGS):
            return False
        return bool(_files(edition, source, IngestOptions())[0])

    return Format(
        name=f"amazon-{year}",
        looks_like=(
            f"a file of reviews in JSON lines with {edition.user!r} and {edition.item!r}, packed "
            "or not, and its meta_ file beside it; or the folder of both"
        ),
        detect=detect,
        read=partial(_read, edition),
    )


FORMAT_2018 = _format(_2018, 2018)
FORMAT_2023 = _format(_2023, 2023)
