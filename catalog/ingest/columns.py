"""Which column of a table is what: as a person says, or else by the usual names."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from re2llm.catalog.ingest.options import Columns
from re2llm.errors import UserError

_USUAL: Mapping[str, tuple[str, ...]] = {
    "item": ("item_id", "itemid", "item", "product_id", "productid", "product", "sku", "asin"),
    "user": ("user_id", "userid", "user", "customer_id", "visitor_id", "visitorid", "customer"),
    "session": ("session_id", "sessionid", "session"),
    "time": ("timestamp", "time", "event_time", "datetime", "date", "created_at"),
    "rating": ("rating", "score", "stars"),
    "title": ("title", "name", "item_name", "product_name", "item_title"),
}
_OF_ITEMS = {"item": (*_USUAL["item"], "id"), "title": _USUAL["title"]}


def name_columns(
    path: Path,
    header: Sequence[str],
    asked: Columns,
    needed: Sequence[str],
    usual: Mapping[str, tuple[str, ...]] = _USUAL,
) -> dict[str, str]:
    """Return the column of each meaning that the header has.

    Args:
        path: the table, for messages.
        header: its columns.
        asked: names that a person gave; they go before the usual ones.
        needed: meanings without which the table is of no use.
        usual: lower-case names by meaning, the likeliest first.

    Raises:
        UserError: a column that was asked for or is needed is missing.
    """
    folded = {name.strip().lower(): name for name in reversed(header)}
    wishes: dict[str, str | None] = asdict(asked)
    found: dict[str, str] = {}
    for meaning, names in usual.items():
        wish = wishes[meaning]
        if wish is not None and wish in header:
            found[meaning] = wish
        elif wish is None:
            at = next((folded[name] for name in names if name in folded), None)
            if at is not None:
                found[meaning] = at
        elif meaning in needed:
            raise _missing(path, header, f"no column {wish!r}")
    for meaning in needed:
        if meaning not in found:
            raise _missing(
                path,
                header,
                f"no column known to hold the {meaning} ids (name it with --{meaning}-column)",
            )
    return found


def name_item_columns(path: Path, header: Sequence[str], asked: Columns) -> dict[str, str]:
    """Return the columns `item` and, if there is one, `title` of a table of items.

    What a person named counts where the table has it; the table of interactions may differ.

    Raises:
        UserError: no column is known to hold the ids.
    """
    held = {name: wish for name, wish in asdict(asked).items() if wish in header}
    wishes = Columns(item=held.get("item"), title=held.get("title"))
    return name_columns(path, header, wishes, ("item",), _OF_ITEMS)


def check_asked(files: Mapping[Path, Sequence[str]], asked: Columns) -> None:
    """Raise `UserError` for a column that a person named and no file has."""
    wishes: dict[str, str | None] = asdict(asked)
    for wish in wishes.values():
        if wish is not None and not any(wish in header for header in files.values()):
            path, header = next(iter(files.items()))
            raise _missing(path, header, f"no column {wish!r}")


def _missing(path: Path, header: Sequence[str], what: str) -> UserError:
    names = ", ".join(map(repr, header))[:300]
    return UserError(f"{str(path)!r} has {what}; its columns are {names}")
