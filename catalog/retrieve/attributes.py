"""What items are by their attributes: how alike two are, and which meet a hard limit."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.items import AttributeValue, Catalog
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.sparse import Ids

_UNINDEXED = frozenset({"description"})
_NEAR = {"price": 0.5, "year": 5.0}
"""Distance (of the logarithm for prices) at which nearness has fallen to a third."""
_NEARNESS = 0.4
"""What being near in one number counts beside sharing every label."""


@dataclass(frozen=True, slots=True)
class AttributeIndex:
    """Labels and numbers of every item.

    Attributes:
        codes: (attribute, folded label) to its number.
        labels: items by label and labels by item.
        columns: name of a numeric attribute to its row in `numbers`.
        numbers: (attributes, items) float64, nan where there is none.
    """

    codes: Mapping[tuple[str, str], int]
    labels: Inverted
    columns: Mapping[str, int]
    numbers: NDArray[np.float64]

    @classmethod
    def build(cls, catalog: Catalog) -> "AttributeIndex":
        """Index a catalogue."""
        codes: dict[tuple[str, str], int] = {}
        columns: dict[str, int] = {}
        lengths = np.zeros(len(catalog), dtype=np.int64)
        flat: list[int] = []
        cells: list[tuple[int, int, float]] = []
        for position, item in enumerate(catalog):
            row: set[int] = set()
            for name, value in item.attributes.items():
                if name in _UNINDEXED:
                    continue
                if isinstance(value, (int, float)):
                    cells.append((columns.setdefault(name, len(columns)), position, float(value)))
                    continue
                for label in value if isinstance(value, tuple) else (value,):
                    row.add(codes.setdefault((name, fold(label)), len(codes)))
            flat.extend(sorted(row))
            lengths[position] = len(row)
        numbers = np.full((len(columns), len(catalog)), np.nan)
        for column, position, number in cells:
            numbers[column, position] = number
        labels = Inverted.build(lengths, np.array(flat, dtype=np.int64), max(len(codes), 1))
        return cls(codes=codes, labels=labels, columns=columns, numbers=numbers)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept on disk."""
        names = {"codes": list(self.codes), "columns": list(self.columns)}
        text = json.dumps(names, ensure_ascii=False).encode()
        return {
            "names": np.frombuffer(text, dtype=np.uint8),
            "numbers": self.numbers,
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
        return cls(
            codes={(name, label): code for code, (name, label) in enumerate(names["codes"])},
            labels=Inverted.of(inner),
            columns={name: column for column, name in enumerate(names["columns"])},
            numbers=np.asarray(arrays["numbers"], dtype=np.float64),
        )

    def has(self, name: str) -> bool:
        """Say whether any item has this attribute as a number."""
        return name in self.columns

    def number(self, name: str, items: Ids) -> NDArray[np.float64]:
        """Return a numeric attribute of these items, nan where there is none."""
        column = self.columns.get(name)
        if column is None:
            return np.full(len(items), np.nan)
        return np.asarray(self.numbers[column, items])

    def with_value(self, name: str, value: AttributeValue) -> Ids:
        """Return the positions of the items whose attribute is, or lists, this value."""
        if isinstance(value, (int, float)):
            column = self.columns.get(name)
            if column is None:
                return np.zeros(0, dtype=np.int64)
            return np.flatnonzero(self.numbers[column] == value)
        code = self.codes.get((name, fold(str(value))))
        if code is None:
            return np.zeros(0, dtype=np.int64)
        return self.labels.with_term(code).astype(np.int64)

    def affinity(
        self, session: Ids, weights: NDArray[np.float64], items: Ids
    ) -> NDArray[np.float64]:
        """Return how like the session's items these are: shared labels by rarity, near numbers.

        An item of which too little is known gets what the others get on average.
        """
        found = np.zeros(len(items))
        if not len(session) or not len(items):
            return found
        query = self.labels.of_session(session, weights)
        if len(query.ids):
            lengths = self.labels.item_offsets[items + 1] - self.labels.item_offsets[items]
            found += _filled(np.where(lengths > 0, self.labels.overlap(query, items), np.nan))
        for name, scale in _NEAR.items():
            own, theirs = self.number(name, session), self.number(name, items)
            if name == "price":
                own, theirs = _logs(own), _logs(theirs)
            known = ~np.isnan(own)
            if known.any():
                centre = np.average(own[known], weights=weights[known])
                found += _NEARNESS * _filled(np.exp(-np.abs(theirs - centre) / scale))
        return found


def fold(label: str) -> str:
    """Return a label as filters compare it."""
    return label.casefold().strip()


def _logs(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(np.where(prices > 0, prices, math.nan))


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    if not known.any():
        return np.zeros(len(values))
    return np.where(known, values, values[known].mean())
