"""How commands show what they do: progress with an estimate, and tables."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from re2llm.graph.slate import Slate
from re2llm.nodes.state import NewHint

Report = Callable[[int, int], None]

console = Console()
notes = Console(stderr=True)


class Lines:
    """Tells of progress in lines, now and then: for logs and pipes, which can show no bar."""

    def __init__(
        self, what: str, *, every: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin; `every` is in seconds."""
        self._what = what
        self._every = every
        self._clock = clock
        self._told = self._began = clock()
        self._first, self._total = 0, -1

    def __call__(self, done: int, total: int) -> None:
        """Hear of progress; where the total changes, something else has begun."""
        now = self._clock()
        if total != self._total:
            self._first, self._total, self._began = done, total, now
        if now - self._told < self._every:
            return
        self._told = now
        line = f"{self._what}: {done} of {total}"
        if done > self._first:
            left = (now - self._began) * (total - done) / (done - self._first)
            line += f", about {timedelta(seconds=round(left))} left"
        notes.print(line, markup=False, highlight=False)


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """Show a bar while the block runs, or lines where there is no terminal.

    The block calls the report with (done, total).
    """
    if not notes.is_terminal:
        yield Lines(what)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def plain_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, whole: Sequence[str] = ()
) -> Table:
    """Lay rows out under their columns; text is shown as it is, and `whole` columns unbroken."""
    table = Table()
    for name in columns:
        table.add_column(name, no_wrap=name in whole)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def slate_table(slate: Slate, model_label: str, rows: int | None = None) -> Table:
    """Lay a slate out, or its first rows, and how it came about."""
    caption = [f"ranked by {model_label}"]
    if slate.hint:
        caption.append(f"hint: {slate.hint}")
    caption.extend(slate.notices)
    caption.append(f"{slate.usage.calls} calls, {slate.usage.cache_hits} from the cache")
    table = Table(
        title=f"Slate {slate.id}", caption=escape("\n".join(caption)), caption_justify="left"
    )
    for name in ("", "item", "title", "facts"):
        table.add_column(name)
    with_reasons = any(item.reason for item in slate.items)
    if with_reasons:
        table.add_column("why")
    for place, item in enumerate(slate.items[:rows], start=1):
        facts = " | ".join(
            f"{name}: {_fact(item.attributes[name])}"
            for name in ("brand", "category", "genres", "platform", "year", "price")
            if name in item.attributes
        )
        row = [str(place), item.item_id, item.title, facts]
        table.add_row(
            *(escape(cell) for cell in row), *([escape(item.reason or "")] * with_reasons)
        )
    return table


def new_hints_table(hints: Sequence[NewHint]) -> Table:
    """Lay out what reflection proposed."""
    table = Table(title="What the system learnt")
    for name in ("hint", "status", "reason"):
        table.add_column(name)
    for hint in hints:
        table.add_row(escape(hint["text"]), hint["status"], escape(hint["reason"]))
    return table


def _fact(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
