"""MovieLens as GroupLens publishes it: ml-latest and ml-25m in CSV, ml-1m and ml-10m with `::`.

A session is what one user rated on one day (UTC), as in the HetRec-2011 sessions.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from re2llm.catalog.ingest.item_table import table_items
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import Format, Interactions, RawItem
from re2llm.catalog.ingest.table import interactions, read_table
from re2llm.errors import UserError

_COLUMNS = ("userId", "movieId", "rating", "timestamp")
_MOVIES = ("movieId", "title", "genres")
_MEANING = {"user": "userId", "item": "movieId", "rating": "rating", "time": "timestamp"}
_TITLE = re.compile(r"^(.*\S)\s*\((\d{4})(?:[-–]\d{0,4})?\)\s*$", re.DOTALL)
_NO_GENRES = "(no genres listed)"


def read_latest(source: Path, options: IngestOptions, tally: Tally) -> Interactions:
    """Read ratings.csv and movies.csv; raises `UserError` where one is missing or unreadable."""
    return _read(source, options, tally, ".csv")


def read_1m(source: Path, options: IngestOptions, tally: Tally) -> Interactions:
    """Read ratings.dat and movies.dat; raises `UserError` where one is missing or unreadable."""
    return _read(source, options, tally, ".dat")


def _read(source: Path, options: IngestOptions, tally: Tally, ending: str) -> Interactions:
    ratings, movies = source / f"ratings{ending}", source / f"movies{ending}"
    for path in (ratings, movies):
        if not path.is_file():
            raise UserError(f"{str(source)!r} has no file {path.name!r}; name the unpacked folder")
    tally.expect((ratings, movies))
    in_csv = ending == ".csv"
    frame = read_table(
        ratings,
        tally,
        separator="," if in_csv else "::",
        wanted=_COLUMNS,
        names=None if in_csv else _COLUMNS,
    )
    log = interactions(frame, ratings, tally, columns=_MEANING, min_rating=options.min_rating)
    return Interactions(items=_movies(movies, tally, csv=in_csv), log=log, rule="day")


def _movies(path: Path, tally: Tally, *, csv: bool) -> Iterator[RawItem]:
    frame = read_table(
        path,
        tally,
        separator="," if csv else "::",
        wanted=_MOVIES,
        names=None if csv else _MOVIES,
        quoted=csv,
        fallback="latin-1",
    )
    for item in table_items(
        frame, path, tally, item="movieId", title="title", attributes={"genres": "genres"}
    ):
        yield _with_year(item)


def _with_year(item: RawItem) -> RawItem:
    """Take the year that ends a title to the attributes."""
    attributes = dict(item.attributes)
    if attributes.get("genres") == _NO_GENRES:
        del attributes["genres"]
    found = _TITLE.match(item.title or "")
    if found is None:
        return RawItem(item_id=item.item_id, title=item.title, attributes=attributes)
    attributes["year"] = found.group(2)
    return RawItem(item_id=item.item_id, title=found.group(1), attributes=attributes)


def _is_there(source: Path, ending: str) -> bool:
    return all((source / f"{name}{ending}").is_file() for name in ("ratings", "movies"))


LATEST = Format(
    name="movielens",
    looks_like="a folder with ratings.csv and movies.csv (ml-latest, ml-25m)",
    detect=lambda source: _is_there(source, ".csv"),
    read=read_latest,
)
ONE_M = Format(
    name="movielens-1m",
    looks_like="a folder with ratings.dat and movies.dat, fields parted by :: (ml-1m, ml-10m)",
    detect=lambda source: _is_there(source, ".dat"),
    read=read_1m,
)
