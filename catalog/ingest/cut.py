"""Where one session ends and the next begins, and which sessions are for what.

Sorted by the time of their last interaction, the oldest sessions are for training, the next for
validation, the last for the test: nothing of the test lies before what was learnt from.
"""

import polars as pl

from re2llm.catalog.ingest.options import IngestOptions, Rule
from re2llm.catalog.ingest.report import Tally
from re2llm.errors import UserError

_DAY = 86_400


def cut_sessions(
    log: pl.DataFrame, rule: Rule, options: IngestOptions, tally: Tally
) -> pl.DataFrame:
    """Cut interactions into sessions.

    Within a session, the same item several times in a row counts once; the latest `max_length`
    items are kept; sessions of one item are left out; the last item is the target.

    Args:
        log: columns as in `LOG_SCHEMA`, `item` being positions in the catalogue.
        rule: what ends a session.
        options: lengths and the pause.
        tally: told what is left out.

    Returns:
        Columns `session_id`, `items`, `target`, `timestamp` (null without times), in order of time.

    Raises:
        UserError: the data lacks what the rule needs, or no session is left.
    """
    timed = log["time"].null_count() == 0
    if rule == "session" and log["session"].null_count():
        raise UserError("rule 'session' needs a session column; use 'gap', 'day' or 'user'")
    if rule in ("gap", "day") and not timed:
        raise UserError(
            f"rule {rule!r} needs times, and the data has none; use 'user' or 'session'"
        )
    whole = len(log)
    log = log.with_columns(owner=pl.col("session") if rule == "session" else pl.col("user"))
    if timed:
        log = log.unique(["owner", "item", "time"], keep="first", maintain_order=True)
        log = log.sort("owner", "time", maintain_order=True)
    else:
        log = log.sort("owner", maintain_order=True)
    begins = _begins(rule, options.gap_minutes * 60.0)
    log = log.with_columns(number=begins.cum_sum(), begins=begins)
    log = log.filter(pl.col("begins") | (pl.col("item") != pl.col("item").shift(1)))
    if whole > len(log):
        tally.counts["interactions repeated at once, counted once"] += whole - len(log)
    sessions = log.group_by("number", maintain_order=True).agg(
        pl.col("owner").first(),
        items=pl.col("item").tail(options.max_length),
        timestamp=pl.col("time").last(),
        length=pl.len(),
    )
    long = int((sessions["length"] > options.max_length).sum())
    single = int((sessions["length"] < 2).sum())
    if long:
        tally.counts["sessions cut to their latest items"] += long
    if single:
        tally.counts["sessions of a single item, left out"] += single
    sessions = sessions.with_columns(session_id=_session_id(rule)).filter(pl.col("length") >= 2)
    if timed:
        sessions = sessions.sort("timestamp", maintain_order=True)
    return sessions.select(
        "session_id",
        items=pl.col("items").list.head(pl.col("items").list.len() - 1),
        target=pl.col("items").list.last(),
        timestamp="timestamp",
    )


def split_sessions(
    sessions: pl.DataFrame, options: IngestOptions
) -> tuple[dict[str, pl.DataFrame], str]:
    """Split sessions in order of time; return them by split, and the rule in words.

    Raises:
        UserError: there are fewer than three sessions.
    """
    count = len(sessions)
    if count < 3:
        raise UserError(
            f"only {count} sessions of two items or more were found, and three are needed; check "
            "the columns, lower min_rating, or let sessions last longer (rule 'day' or 'user', or "
            "a larger gap_minutes)"
        )
    test = max(1, round(count * options.test_share))
    valid = max(1, round(count * options.valid_share))
    train = max(1, count - test - valid)
    parts = {
        "train": sessions[:train],
        "valid": sessions[train : count - test],
        "test": sessions[count - test :],
    }
    if not len(parts["valid"]):
        parts["train"], parts["valid"] = sessions[: train - 1], sessions[train - 1 : train]
    order = "end" if sessions["timestamp"].null_count() == 0 else "place in the file (no times)"
    shares = (1 - options.valid_share - options.test_share, options.valid_share, options.test_share)
    words = "/".join(f"{100 * share:g}" for share in shares)
    return parts, f"by {order} of the session, oldest first, {words} train/valid/test"


def _begins(rule: Rule, gap: float) -> pl.Expr:
    begins = pl.col("owner") != pl.col("owner").shift(1)
    if rule == "gap":
        begins = begins | (pl.col("time") - pl.col("time").shift(1) > gap)
    elif rule == "day":
        day = (pl.col("time") / _DAY).floor()
        begins = begins | (day != day.shift(1))
    return begins.fill_null(True)


def _session_id(rule: Rule) -> pl.Expr:
    if rule in ("session", "user"):
        return pl.col("owner")
    return pl.format("{}-{}", "owner", pl.int_range(1, pl.len() + 1).over("owner"))
