"""HetRec 2011's MovieLens: ratings, and films with IMDb's and Rotten Tomatoes' facts.

A session is what one user rated on one day (UTC). Files are tab-separated; the films' titles are
in Latin-1.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from re2llm.catalog.ingest.item_table import gather, table_items
from re2llm.catalog.ingest.lines import first_line
from re2llm.catalog.ingest.options import IngestOptions
from re2llm.catalog.ingest.report import Tally
from re2llm.catalog.ingest.source import Format, Interactions, RawItem
from re2llm.catalog.ingest.table import interactions, read_table
from re2llm.errors import UserError

_RATINGS = ("user_ratedmovies-timestamps.dat", "user_ratedmovies.dat")
_MOVIES = "movies.dat"
_COMPANIONS = {
    "genres": ("movie_genres.dat", "genre"),
    "director": ("movie_directors.dat", "directorName"),
    "country": ("movie_countries.dat", "country"),
}
"""File and column by attribute; all of a film's genres count, of the others the first."""
_CLOCK = ("year", "month", "day", "hour", "minute", "second")
_ENCODING = "latin-1"


def detect(source: Path) -> bool:
    """Look for the films and the ratings."""
    return (source / _MOVIES).is_file() and any((source / name).is_file() for name in _RATINGS)


def read(source: Path, options: IngestOptions, tally: Tally) -> Interactions:
    """Read ratings, films, and what companion files there are.

    Raises:
        UserError: ratings or films are missing, or cannot be read.
    """
    found = [source / name for name in _RATINGS if (source / name).is_file()]
    if not found or not (source / _MOVIES).is_file():
        raise UserError(f"{str(source)!r} is not the HetRec folder; it needs {LOOKS_LIKE}")
    companions = {
        name: source / file for name, (file, _) in _COMPANIONS.items() if (source / file).is_file()
    }
    tally.expect((found[0], source / _MOVIES, *companions.values()))
    frame = _timed(read_table(found[0], tally, separator="\t", wanted=_wanted(found[0])))
    meaning = {"user": "userID", "item": "movieID", "rating": "rating", "time": "timestamp"}
    log = interactions(frame, found[0], tally, columns=meaning, min_rating=options.min_rating)
    facts = {name: _facts(path, name, tally) for name, path in companions.items()}
    return Interactions(items=_items(source / _MOVIES, facts, tally), log=log, rule="day")


def _wanted(ratings: Path) -> tuple[str, ...]:
    ids = ("userID", "movieID", "rating")
    if "timestamp" in first_line(ratings).split("\t"):
        return (*ids, "timestamp")
    return (*ids, *(f"date_{part}" for part in _CLOCK))


def _timed(frame: pl.DataFrame) -> pl.DataFrame:
    """Make a time of a date in parts; a date that does not exist leaves its words, a bad time."""
    if "timestamp" in frame.columns:
        return frame
    words = pl.format(
        "{}-{}-{}T{}:{}:{}",
        *(
            pl.col(f"date_{part}").fill_null("").str.zfill(4 if part == "year" else 2)
            for part in _CLOCK
        ),
    )
    return frame.with_columns(timestamp=words).drop([f"date_{part}" for part in _CLOCK])


def _facts(path: Path, name: str, tally: Tally) -> dict[str, Sequence[str]]:
    column = _COMPANIONS[name][1]
    frame = read_table(
        path, tally, separator="\t", wanted=("movieID", column), fallback=_ENCODING, loose=True
    )
    return gather(frame, "movieID", column)


def _items(
    path: Path, facts: dict[str, dict[str, Sequence[str]]], tally: Tally
) -> Iterator[RawItem]:
    columns = ("id", "title", "imdbID", "year")
    frame = read_table(path, tally, separator="\t", wanted=columns, fallback=_ENCODING, loose=True)
    attributes = {"year": "year", "imdb_id": "imdbID"}
    for item in table_items(frame, path, tally, item="id", title="title", attributes=attributes):
        held = dict(item.attributes)
        for name, by_movie in facts.items():
            values = [value for value in by_movie.get(item.item_id, ()) if value.strip()]
            if values:
                held[name] = values if name == "genres" else values[0]
        yield RawItem(item_id=item.item_id, title=item.title, attributes=held)


LOOKS_LIKE = (
    "a folder with user_ratedmovies.dat (or user_ratedmovies-timestamps.dat) and movies.dat, and "
    "movie_genres.dat, movie_directors.dat, movie_countries.dat where there are"
)
FORMAT = Format(name="hetrec", looks_like=LOOKS_LIKE, detect=detect, read=read)
