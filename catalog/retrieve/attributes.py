"""What items are by their attributes: how alike two are, and which meet a hard limit."""

import json
import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.retrieve.additions import Places
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.sparse import Ids
from re2llm.catalog.said import KINDS, goods

_UNINDEXED = frozenset({"description"})
_NEAR = {"price": 0.5, "year": 5.0}
"""Distance (of the logarithm for prices) at which nearness has fallen to a third."""
_NEARNESS = 0.4
"""What being near in one number counts beside sharing every label."""


@dataclass(frozen=True, slots=True)
class MoreAttributes:
    """Labels that are new, and numbers of some items.

    Attributes:
        codes: as those of the index beside it, going on from its last number.
        columns: name to row of `numbers`.
        numbers: (attributes, rows).
    """

    places: Places
    codes: Mapping[tuple[str, str], int]
    columns: Mapping[str, int]
    numbers: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AttributeIndex:
    """Labels and numbers of every item.

    Attributes:
        codes: (attribute, folded label) to its number.
        labels: items by label and labels by item.
        columns: name of a numeric attribute to its row in `numbers`.
        numbers: (attributes, items) float64, nan where there is none.
        order: (attributes, items) positions by number, ascending, those without one last.
        ranked: (attributes, items) the numbers in that order.
        counts: attribute to how many labels of it the items have, all together.
        more: what came after the index was built; the labels have theirs.
    """

    codes: Mapping[tuple[str, str], int]
    labels: Inverted
    columns: Mapping[str, int]
    numbers: NDArray[np.float64]
    order: NDArray[np.int32]
    ranked: NDArray[np.float64]
    counts: Mapping[str, int]
    more: MoreAttributes | None = None

    @classmethod
    def build(cls, catalog: Catalog) -> "AttributeIndex":
        """Index a catalogue."""
        codes: dict[tuple[str, str], int] = {}
        lengths, terms, columns, numbers = _read(catalog, len(catalog), {}, codes)
        order = np.argsort(numbers, axis=1, kind="stable")
        labels = Inverted.build(lengths, terms, max(len(codes), 1))
        return cls(
            codes=codes,
            labels=labels,
            counts=_counts(codes, labels),
            columns=columns,
            numbers=numbers,
            order=order.astype(np.int32),
            ranked=np.take_along_axis(numbers, order, axis=1),
        )

    def adding(self, places: Places, items: Iterable[Item]) -> "AttributeIndex":
        """Return the same with other labels and numbers for the items at these places."""
        codes: dict[tuple[str, str], int] = {}
        lengths, terms, columns, numbers = _read(items, len(places.at), self.codes, codes)
        return replace(
            self,
            labels=self.labels.adding(places, lengths, terms),
            more=MoreAttributes(places, codes, columns, numbers),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        names = {"codes": list(self.codes), "columns": list(self.columns)}
        text = json.dumps(names, ensure_ascii=False).encode()
        return {
            "names": np.frombuffer(text, dtype=np.uint8),
            "numbers": self.numbers,
            "order": self.order,
            "ranked": self.ranked,
            **{f"labels-{name}": array for name, array in self.labels.arrays().items()},
        }

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "AttributeIndex":
        """Take arrays as `arrays` gave them."""
        names = json.loads(np.asarray(arrays["names"]).tobytes())
        inner = {
            name.removeprefix("labels-"): array
            for name, array in arrays.items()
            if name.startswith("labels-")
        }
        codes = {(name, label): code for code, (name, label) in enumerate(names["codes"])}
        labels = Inverted.of(inner)
        return cls(
            codes=codes,
            labels=labels,
            counts=_counts(codes, labels),
            columns={name: column for column, name in enumerate(names["columns"])},
            numbers=np.asarray(arrays["numbers"], dtype=np.float64),
            order=np.asarray(arrays["order"], dtype=np.int32),
            ranked=np.asarray(arrays["ranked"], dtype=np.float64),
        )

    def has(self, name: str) -> bool:
        """Say whether any item has this attribute as a number."""
        return name in self.columns or (self.more is not None and name in self.more.columns)

    def goods(self) -> frozenset[str]:
        """Return the words for all that the shop sells; what came later is not looked at."""
        total = max(self.numbers.shape[1], 1)
        return goods(lambda name: self.counts.get(name, 0) / total, self.counts)

    def number(self, name: str, items: Ids) -> NDArray[np.float64]:
        """Return a numeric attribute of these items, nan where there is none."""
        column = self.columns.get(name)
        if column is not None and self.more is None:
            plain: NDArray[np.float64] = self.numbers[column].take(items)
            return plain
        found = np.full(len(items), np.nan)
        if column is not None:
            inside = items < self.numbers.shape[1]
            found[inside] = self.numbers[column, items[inside]]
        if self.more is not None:
            rows = self.more.places.rows(items)
            new, column = rows >= 0, self.more.columns.get(name)
            found[new] = np.nan if column is None else self.more.numbers[column, rows[new]]
        return found

    def code(self, name: str, label: str) -> int | None:
        """Return the number of a label, None where no item has it."""
        key = (name, fold(label))
        found = self.codes.get(key)
        return self.more.codes.get(key) if found is None and self.more is not None else found

    def is_kind(self, name: str) -> bool:
        """Say whether some item is of this kind."""
        return any(self.code(kind, name) is not None for kind in KINDS)

    def between(self, name: str, low: float, high: float) -> tuple[int, NDArray[np.int32]]:
        """Return how many items of the index have a number in this interval, and which those are.

        What came after the index was built is not looked at.
        """
        column = self.columns.get(name)
        if column is None:
            return 0, np.zeros(0, dtype=np.int32)
        ranked = self.ranked[column]
        first, last = np.searchsorted(ranked, low, "left"), np.searchsorted(ranked, high, "right")
        return int(last - first), self.order[column, first:last]

    def nearness(
        self, session: Ids, weights: NDArray[np.float64], items: Ids
    ) -> NDArray[np.float64]:
        """Return how near these items' numbers are to the session's; nan where there is none.

        Returns:
            (numbers that the session has, items): what being near counts beside sharing labels.
        """
        found: list[NDArray[np.float64]] = []
        for name, scale in _NEAR.items():
            if not self.has(name):
                continue
            numbers = self._scaled(name, np.concatenate((session, items)))
            own = numbers[: len(session)]
            known = own == own
            if known.any():
                centre = float(own[known] @ weights[known] / weights[known].sum())
                away = np.abs(numbers[len(session) :] - centre)
                found.append(_NEARNESS * np.exp(away * (-1 / scale)))
        return np.array(found) if found else np.zeros((0, len(items)))

    def _scaled(self, name: str, items: Ids) -> NDArray[np.float64]:
        found = self.number(name, items)
        return np.log(np.where(found > 0, found, math.nan)) if name == "price" else found


def _counts(codes: Mapping[tuple[str, str], int], labels: Inverted) -> dict[str, int]:
    """Return how many labels of each attribute there are."""
    sizes = np.diff(labels.term_offsets).tolist()
    found: dict[str, int] = {}
    for (name, _), code in codes.items():
        found[name] = found.get(name, 0) + sizes[code]
    return found


def _read(
    items: Iterable[Item],
    size: int,
    known: Mapping[tuple[str, str], int],
    codes: dict[tuple[str, str], int],
) -> tuple[NDArray[np.int64], NDArray[np.int32], dict[str, int], NDArray[np.float64]]:
    """Return how many labels each item has, their numbers, and the items' numeric attributes.

    Labels that `known` lacks are put into `codes`, numbered on from there.
    """
    lengths = np.zeros(size, dtype=np.int64)
    flat = array("i")
    told: dict[tuple[str, str], int] = {}
    columns: dict[str, int] = {}
    cells: list[tuple[array[int], array[float]]] = []
    for place, item in enumerate(items):
        row: set[int] = set()
        for name, value in item.attributes.items():
            if name in _UNINDEXED:
                continue
            if isinstance(value, (int, float)):
                column = columns.setdefault(name, len(columns))
                if column == len(cells):
                    cells.append((array("i"), array("d")))
                cells[column][0].append(place)
                cells[column][1].append(value)
                continue
            for label in value if isinstance(value, tuple) else (value,):
                code = told.get((name, label))
                if code is None:
                    key = (name, fold(label))
                    code = known.get(key)
                    if code is None:
                        code = codes.setdefault(key, len(known) + len(codes))
                    told[name, label] = code
                row.add(code)
        flat.extend(sorted(row))
        lengths[place] = len(row)
    numbers = np.full((len(columns), size), np.nan)
    for column, (rows, values) in enumerate(cells):
        numbers[column, np.array(rows)] = np.array(values)
    return lengths, np.array(flat), columns, numbers


def fold(label: str) -> str:
    """Return a label as filters compare it."""
    return label.casefold().strip()
