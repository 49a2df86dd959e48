"""The same small shop in every format: six shoppers, each of whom takes three items on a day."""

import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

DAY = 86_400
START = 1_200_000_000 - 1_200_000_000 % DAY
USERS = 6
ITEMS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One interaction."""

    user: str
    item: str
    time: int
    rating: float = 4.0


def clicks() -> list[Click]:
    """Shopper u takes items u, u + 1 and u + 2 on day u, a minute apart; written out of order."""
    made = [
        Click(user=f"u{user}", item=str((user + step) % ITEMS), time=START + user * DAY + 60 * step)
        for user in range(USERS)
        for step in range(3)
    ]
    return made[::2] + made[1::2]


def write_lines(path: Path, lines: Iterable[str], encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{line}\n" for line in lines).encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_json(path: Path, records: Iterable[Mapping[str, object]]) -> Path:
    return write_lines(path, map(json.dumps, records))


def jsonl(folder: Path) -> Path:
    write_json(
        folder / "items.jsonl",
        [
            {"item_id": "0", "title": "Tom &amp; Jerry", "attributes": {"year": 1999}},
            *({"item_id": str(i), "title": f"Title {i}"} for i in range(1, ITEMS)),
        ],
    )
    write_json(
        folder / "sessions.jsonl",
        [
            {
                "session_id": f"s{u}",
                "items": [str(u), str((u + 1) % ITEMS)],
                "target": str((u + 2) % ITEMS),
                "timestamp": START + u * DAY,
            }
            for u in reversed(range(USERS))
        ],
    )
    return folder


def recbole(folder: Path) -> Path:
    write_lines(
        folder / "shop.inter",
        [
            "user_id:token\titem_id:token\trating:float\ttimestamp:float",
            *(f"{c.user}\t{c.item}\t{c.rating}\t{c.time}" for c in clicks()),
        ],
    )
    write_lines(
        folder / "shop.item",
        [
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
            "0\tTom &amp; Jerry\t1999\tComedy Animation",
            *(f"{i}\tTitle {i}\t\t" for i in range(1, ITEMS)),
        ],
    )
    return folder


def hetrec(folder: Path, *, stamped: bool = False) -> Path:
    if stamped:
        header = "userID\tmovieID\trating\ttimestamp"
        rows = [f"{c.user}\t{c.item}\t{c.rating}\t{c.time}000" for c in clicks()]
        write_lines(folder / "user_ratedmovies-timestamps.dat", [header, *rows])
    else:
        parts = ("day", "month", "year", "hour", "minute", "second")
        header = "\t".join(["userID", "movieID", "rating", *(f"date_{part}" for part in parts)])
        rows = [f"{c.user}\t{c.item}\t{c.rating}\t{_clock(c.time)}" for c in clicks()]
        write_lines(folder / "user_ratedmovies.dat", [header, *rows])
    movies = [
        "id\ttitle\timdbID\tspanishTitle\timdbPictureURL\tyear\trtID",
        "0\tTom & Jerry\t0114709\tTom y Jerry\thttp://a.b/c.jpg\t1999\ttom",
        *(f"{i}\tTitle {i}\t\t\t\t2000\t" for i in range(1, ITEMS - 1)),
        f"{ITEMS - 1}\tAmélie\t\t\t\t2001\t",
    ]
    write_lines(folder / "movies.dat", movies, encoding="latin-1")
    write_lines(folder / "movie_genres.dat", ["movieID\tgenre", "0\tComedy", "0\tAnimation"])
    write_lines(
        folder / "movie_directors.dat",
        ["movieID\tdirectorID\tdirectorName\tranking", "0\tab\tAnn Bee\t1", "0\tcd\tCy Dee\t2"],
    )
    write_lines(folder / "movie_countries.dat", ["movieID\tcountry", "0\tUSA"])
    return folder


def movielens(folder: Path) -> Path:
    write_lines(
        folder / "ratings.csv",
        [
            "userId,movieId,rating,timestamp",
            *(f"{c.user},{c.item},{c.rating},{c.time}" for c in clicks()),
        ],
    )
    write_lines(
        folder / "movies.csv",
        [
            "movieId,title,genres",
            '0,"Tom & Jerry, The ""Film"" (1999)",Comedy|Animation',
            *(f"{i},Title {i} (2000),(no genres listed)" for i in range(1, ITEMS)),
        ],
    )
    return folder


def movielens_1m(folder: Path) -> Path:
    rows = [f"{c.user}::{c.item}::{c.rating}::{c.time}" for c in clicks()]
    write_lines(folder / "ratings.dat", rows)
    movies = ["0::Tom & Jerry (1999)::Comedy|Animation", "1::Amélie (2001)::Romance"]
    movies += [f"{i}::Title {i} (2000)::Drama" for i in range(2, ITEMS)]
    write_lines(folder / "movies.dat", movies, encoding="latin-1")
    return folder


def amazon_2018(folder: Path) -> Path:
    write_json(
        folder / "Toys_5.json.gz",
        [
            {
                "overall": c.rating,
                "reviewerID": c.user,
                "asin": c.item,
                "unixReviewTime": c.time,
                "reviewText": "Fine.",
            }
            for c in clicks()
        ],
    )
    first = {
        "asin": "0",
        "title": "Tom &amp; Jerry",
        "brand": "Acme",
        "category": ["Toys &amp; Games", "Puzzles"],
        "price": "$1,012.50",
        "description": ["Good.", "<b>Very</b> good."],
        "also_buy": ["1"],
    }
    script = {"asin": "1", "title": "var aPageStart = (new Date()).getTime();", "price": ""}
    rest = [{"asin": str(i), "title": f"Title {i}"} for i in range(2, ITEMS)]
    write_json(folder / "meta_Toys.json.gz", [first, script, *rest])
    return folder


def amazon_2023(folder: Path) -> Path:
    write_json(
        folder / "Toys.jsonl",
        [
            {
                "rating": c.rating,
                "title": "Nice",
                "asin": f"variant-{c.item}",
                "parent_asin": c.item,
                "user_id": c.user,
                "timestamp": c.time * 1000,
            }
            for c in clicks()
        ],
    )
    first = {
        "main_category": "Toys",
        "title": "Tom &amp; Jerry",
        "price": 12.5,
        "store": "Acme",
        "categories": ["Toys & Games", "Puzzles"],
        "description": ["Good."],
        "details": {"Platform": "PC"},
        "parent_asin": "0",
    }
    rest = [
        {"parent_asin": str(i), "title": f"Title {i}", "price": None, "categories": []}
        for i in range(1, ITEMS)
    ]
    write_json(folder / "meta_Toys.jsonl", [first, *rest])
    return folder


def csv(folder: Path) -> Path:
    write_lines(
        folder / "interactions.csv",
        [
            "customer_id;product_id;timestamp",
            *(f"{c.user};{c.item};{c.time}" for c in clicks()),
        ],
    )
    write_lines(
        folder / "items.csv",
        [
            "id,name,brand,price,Categories,weight,code",
            '0,"Tom &amp; Jerry, ""red""",Acme,12.50,Toys > Puzzles,7,007',
            *(f"{i},Title {i},,,,,00{i}" for i in range(1, ITEMS)),
        ],
    )
    return folder


def parquet(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = clicks()
    pl.DataFrame(
        {
            "user_id": [c.user for c in made],
            "item_id": [float(c.item) for c in made],
            "time": pl.Series([c.time for c in made]) * 1_000_000,
        }
    ).with_columns(pl.col("time").cast(pl.Datetime("us"))).write_parquet(
        folder / "interactions.parquet"
    )
    pl.DataFrame(
        {
            "item_id": list(range(ITEMS)),
            "title": ["Tom &amp; Jerry", *(f"Title {i}" for i in range(1, ITEMS))],
            "genres": [["Comedy", "Animation"], *([None] * (ITEMS - 1))],
            "price": [12.5, *([None] * (ITEMS - 1))],
        }
    ).write_parquet(folder / "items.parquet")
    return folder


SOURCES: Mapping[str, Callable[[Path], Path]] = {
    "jsonl": jsonl,
    "recbole": recbole,
    "hetrec": hetrec,
    "movielens": movielens,
    "movielens-1m": movielens_1m,
    "amazon-2018": amazon_2018,
    "amazon-2023": amazon_2023,
    "csv": csv,
    "parquet": parquet,
}


def _clock(seconds: int) -> str:
    days, rest = divmod(seconds, DAY)
    date = pl.Series([days], dtype=pl.Int32).cast(pl.Date)[0]
    clock = (rest // 3600, rest // 60 % 60, rest % 60)
    return "\t".join(map(str, (date.day, date.month, date.year, *clock)))
