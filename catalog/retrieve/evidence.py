"""What the sources say of items: measured once, and z-scored over whichever are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.asked import Asked
from re2llm.catalog.retrieve.sides import ItemSide, LogSide
from re2llm.catalog.retrieve.sparse import Ids, Values
from re2llm.catalog.retrieve.weights import REQUEST, SOURCES, Weights

_TEXT = np.array([1.0, 0.5, 1.0, 1.0])
"""What shared words, vectors, meanings and the one closest meaning count."""
_PLAIN = 3
"""Measures that there are without a session, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Raw numbers of some items; nan where nothing is known.

    Attributes:
        rows: (3 to 9, items) sessions' votes, partners and popularity; then, where there is a
            session, text as in `_TEXT` and, where it has labels, words shared with its titles and
            labels; what a request names at last.
        text: how many of them are about text and labels, 0 without a session.
        likeness: (any, items) what makes items alike, to be added up.
        models: (models, items) scores of sequence models.
        names: of the rows that `evidence` returns.
    """

    rows: Values
    text: int
    likeness: Values
    models: Values
    names: tuple[str, ...]

    @property
    def popularity(self) -> Values:
        """Return (items,) how popular they are."""
        found: Values = self.rows[2]
        return found

    def only(self, places: Ids) -> "Measures":
        """Return those of some of the items."""
        return Measures(
            rows=self.rows.take(places, axis=1),
            text=self.text,
            likeness=self.likeness.take(places, axis=1),
            models=self.models.take(places, axis=1),
            names=self.names,
        )

    def evidence(self) -> Values:
        """Return (sources, items) z-scores over these items, in the order of `names`."""
        count = self.rows.shape[1]
        alike = sum((_filled(row) for row in self.likeness), np.zeros(count))
        scored = standard(np.concatenate((self.rows, alike[None])))
        found = np.zeros((len(self.names), count))
        found[:_PLAIN] = scored[:_PLAIN]
        if self.text:
            joint, labels = np.empty((2, count)), _PLAIN + len(_TEXT)
            joint[0] = _TEXT @ scored[_PLAIN:labels]
            joint[1] = scored[-1]
            if self.text > len(_TEXT):
                joint[1] += scored[labels]
            found[_PLAIN : _PLAIN + 2] = _scaled(joint)
        for place, row in enumerate(self.models, _PLAIN + 2):
            found[place] = standard_known(row)
        if len(self.rows) > _PLAIN + self.text:
            found[-1] = scored[-2]
        return found

    def fused(self, evidence: Values, weights: Weights) -> Values:
        """Return the weighted sum; where attributes are silent, text speaks for them."""
        by_source = [weights.of(name) for name in self.names]
        text, attributes = SOURCES.index("text"), SOURCES.index("attributes")
        if not evidence[attributes].any():
            by_source[text] += by_source[attributes]
        total: Values = np.array(by_source) @ evidence
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurer:
    """Measures items."""

    items: ItemSide
    log: LogSide
    models: Sequence[SequenceModel]

    def of(self, asked: Asked, items: Ids) -> Measures:
        """Return what each source says of these items."""
        count, names = len(items), [*SOURCES, *(model.kind for model in self.models)]
        some, told = len(asked.recent) > 0, len(asked.labels.ids) > 0
        text = some * (len(_TEXT) + told)
        rows = np.empty((_PLAIN + text + (len(asked.wish.words) > 0), count))
        np.sqrt(asked.votes.at(items), out=rows[0])
        np.sqrt(asked.partners.at(items), out=rows[1])
        rows[2] = self.log.popularity.of_items(items)
        likeness = np.zeros((0, count))
        if some:
            self._text(asked, items, rows[_PLAIN : _PLAIN + len(_TEXT)])
            likeness = self.items.attributes.nearness(asked.recent, asked.fade, items)
            if told:
                rows[_PLAIN + len(_TEXT)] = self.items.labels.overlap(asked.told, items)
                index = self.items.attributes.labels
                shared = index.overlap(asked.labels, items)
                shared[index.lengths(items) == 0] = np.nan
                likeness = np.concatenate((likeness, shared[None]))
        models = np.full((len(self.models), count), np.nan)
        for row, model, point in zip(models, self.models, asked.points, strict=True):
            if point is not None:
                old = items < len(model.rows)
                row[old] = model.scores(point, items[old])
        if asked.wish.words:
            names.append(REQUEST)
            rows[-1] = self.items.labels.covered(asked.wished, items)
            if asked.wish_vector is not None:
                rows[-1] += 0.5 * self.items.vectors.closeness(items, asked.wish_vector[None])[0]
        return Measures(rows=rows, text=text, likeness=likeness, models=models, names=tuple(names))

    def _text(self, asked: Asked, items: Ids, found: Values) -> None:
        """Measure (4, items) how alike the session's texts and those of the items are."""
        fade = asked.fade.astype(np.float32)
        meant = self.log.meanings.closeness(items, asked.meant)
        found[0] = self.items.titles.overlap(asked.words, items)
        found[1] = self.items.vectors.closeness(items, (fade @ asked.read)[None])[0]
        found[2] = fade @ meant
        found[3] = (meant * (fade ** np.float32(0.3))[:, None]).max(axis=0)


def standard(rows: Values) -> Values:
    """Return z-scores of each row; a row whose values do not differ becomes all 0."""
    count = rows.shape[-1]
    if count < 2:
        return np.zeros(rows.shape)
    return _scaled(rows - np.add.reduce(rows, axis=-1, keepdims=True) / count)


def _scaled(rows: Values) -> Values:
    """Scale rows whose mean is 0, in place, to a deviation of 1; 0 where they do not differ."""
    spread = np.sqrt(np.einsum("...n,...n->...", rows, rows) / max(rows.shape[-1], 1))
    rows *= ((spread >= 1e-9) / np.maximum(spread, 1e-9))[..., None]
    return rows


def standard_known(values: Values) -> Values:
    """Return z-scores over the numbers that are known; 0, which is their mean, for nan."""
    known = ~np.isnan(values)
    found = np.zeros(len(values))
    found[known] = standard(values[known])
    return found


def _filled(values: Values) -> Values:
    """Return the same, with the mean of what is known where nothing is."""
    unknown = np.isnan(values)
    missing = int(np.count_nonzero(unknown))
    if not missing:
        return values
    if missing == len(values):
        return np.zeros(len(values))
    mean = np.add.reduce(values, where=~unknown) / (len(values) - missing)
    return np.where(unknown, mean, values)
