"""Ragged rows in flat arrays: gather some, sum by id, look ids up. No loop over rows."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Values = NDArray[np.float64]
Number = TypeVar("Number", bound=np.integer)

_SIEVE = 2048


@dataclass(frozen=True, slots=True)
class Sums:
    """Numbers by id; `ids` ascends without repeats."""

    ids: Ids
    values: Values

    def at(self, wanted: NDArray[np.integer]) -> Values:
        """Return the numbers of these ids, 0 where there is none."""
        if not len(self.ids):
            return np.zeros(len(wanted))
        if len(wanted) > _SIEVE:
            # Most are not there: what falls through a sieve of remainders need not be looked up.
            holes = np.zeros(_SIEVE, dtype=bool)
            holes[self.ids % _SIEVE] = True
            likely = holes.take(wanted % _SIEVE).nonzero()[0]
            sums = np.zeros(len(wanted))
            sums[likely] = self._found(wanted.take(likely))
            return sums
        return self._found(wanted)

    def _found(self, wanted: NDArray[np.integer]) -> Values:
        places = self.ids.searchsorted(wanted)
        found: Values = self.values.take(places, mode="clip")
        found *= self.ids.take(places, mode="clip") == wanted
        return found

    def best(self, n: int) -> Ids:
        """Return the ids of the n largest numbers, in no order."""
        if len(self.ids) <= n:
            return self.ids
        return self.ids.take((-self.values).argpartition(n - 1)[:n])


NOTHING = Sums(np.zeros(0, dtype=np.int64), np.zeros(0))


def spread(offsets: NDArray[np.int64], rows: Ids) -> tuple[Ids, Ids]:
    """Return, for all entries of these rows in turn, their places in the flat arrays and the row.

    Args:
        offsets: (all rows + 1,) where each row starts.
        rows: (n,) which rows.

    Returns:
        Places in the flat arrays, and for each the index into `rows` that it belongs to.
    """
    ends = offsets.take(rows + 1)
    lengths = ends - offsets.take(rows)
    places = (ends - lengths.cumsum()).repeat(lengths)
    places += np.arange(len(places))
    return places, np.arange(len(rows)).repeat(lengths)


def sum_by_id(ids: NDArray[np.integer], values: Values) -> Sums:
    """Add up numbers that share an id."""
    if not len(ids):
        return NOTHING
    unique, order, starts = grouped(ids)
    return Sums(unique, np.add.reduceat(values.take(order), starts, dtype=np.float64))


def grouped(ids: NDArray[np.integer]) -> tuple[Ids, Ids, Ids]:
    """Sort out which entries share an id; there is one entry at least.

    Returns:
        The distinct ids, ascending; the entries' places, those of one id together; and where
        each id's places start, as `reduceat` takes them.
    """
    # A stable sort is one of merging, which is quick where ascending runs follow each other.
    order = ids.argsort(kind="stable")
    ascending = ids.take(order)
    first = np.empty(len(ids), dtype=bool)
    first[0] = True
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    starts = first.nonzero()[0]
    return ascending.take(starts).astype(np.int64), order, starts


def distinct(numbers: NDArray[Number]) -> NDArray[Number]:
    """Return the distinct ones of many numbers, ascending; faster than `np.unique`."""
    ascending = numbers.copy()
    ascending.sort()
    first = np.ones(len(numbers), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    return ascending[first]


def highest(values: Values, n: int) -> Ids:
    """Return the places of the n highest numbers, ascending; of equal ones the first."""
    if len(values) <= n:
        return np.arange(len(values))
    split = values.copy()
    split.partition(len(values) - n)
    least = split[len(values) - n]
    found: Ids = (values >= least).nonzero()[0]
    if len(found) > n:
        last = (values[found] == least).nonzero()[0][n - len(found) :]
        found = np.delete(found, last)
    return found


def binned(places: NDArray[np.integer], values: NDArray[np.floating], n: int) -> Values:
    """Add up numbers by place; (n,)."""
    return np.asarray(np.bincount(places, values, minlength=n), dtype=np.float64)


def last_of_each(keys: NDArray[np.int64], at_most: int) -> NDArray[np.bool_]:
    """Mark the last `at_most` entries of each run of equal keys; `keys` ascends."""
    if not len(keys):
        return np.zeros(0, dtype=bool)
    ends = np.append(np.flatnonzero(np.diff(keys)) + 1, len(keys))
    lengths = np.diff(ends, prepend=0)
    left = np.repeat(ends, lengths) - np.arange(len(keys))
    kept: NDArray[np.bool_] = left <= at_most
    return kept


def offsets_of(keys: NDArray[np.integer], rows: int) -> NDArray[np.int64]:
    """Return where each row starts in ascending `keys`, and the end."""
    counts = np.bincount(keys, minlength=rows)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
