"""What the sources say of items: measured once, and z-scored over whichever are compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.asked import Asked
from re2llm.catalog.retrieve.sides import ItemSide, LogSide
from re2llm.catalog.retrieve.sparse import Ids, Values
from re2llm.catalog.retrieve.weights import REQUEST, SOURCES, Weights

_TEXT = np.array([1.0, 0.5, 1.0, 1.0])
"""What shared words, vectors, meanings and the one closest meaning count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Raw numbers of some items; nan where nothing is known.

    Attributes:
        single: (3 to 4, items) sessions' votes, partners, popularity, and what a request names.
        text: (4, items) as in `_TEXT`, or (0, items) where there is no session.
        labels: (0 or 1, items) words shared with the session's titles and labels.
        likeness: (any, items) what makes items alike, to be added up.
        models: (models, items) scores of sequence models.
        names: of the rows that `evidence` returns.
    """

    single: Values
    text: Values
    labels: Values
    likeness: Values
    models: Values
    names: tuple[str, ...]

    def only(self, places: Ids) -> "Measures":
        """Return those of some of the items."""
        return replace(
            self,
            single=self.single[:, places],
            text=self.text[:, places],
            labels=self.labels[:, places],
            likeness=self.likeness[:, places],
            models=self.models[:, places],
        )

    def evidence(self) -> Values:
        """Return (sources, items) z-scores over these items, in the order of `names`."""
        count = self.single.shape[1]
        single = len(self.single)
        alike = sum((_filled(row) for row in self.likeness), np.zeros(count))[None]
        rows = np.concatenate([self.single, self.text, self.labels, alike])
        scored = standard(rows)
        joint = np.zeros((2, count))
        if len(self.text):
            joint[0] = _TEXT @ scored[single : single + len(_TEXT)]
            joint[1] = scored[single + len(_TEXT) :].sum(axis=0)
            joint = standard(joint)
        found = [scored[:3], joint]
        found += [standard_known(row)[None] for row in self.models]
        return np.concatenate([*found, scored[3:single]])

    def fused(self, evidence: Values, weights: Weights) -> Values:
        """Return the weighted sum; where attributes are silent, text speaks for them."""
        by_source = np.array([weights.of(name) for name in self.names])
        text, attributes = SOURCES.index("text"), SOURCES.index("attributes")
        if not evidence[attributes].any():
            by_source[text] += by_source[attributes]
        total: Values = by_source @ evidence
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
        single = [
            np.sqrt(asked.votes.at(items)),
            np.sqrt(asked.partners.at(items)),
            self.log.popularity.of_items(items),
        ]
        text = labels = np.zeros((0, count))
        likeness = np.zeros((0, count))
        if len(asked.recent):
            text = self._text(asked, items)
            likeness = self.items.attributes.nearness(asked.recent, asked.fade, items)
            if len(asked.labels.ids):
                labels = self.items.labels.overlap(asked.told, items)[None]
                index = self.items.attributes.labels
                shared = index.overlap(asked.labels, items)
                shared[index.lengths(items) == 0] = np.nan
                likeness = np.vstack([likeness, shared])
        models = np.full((len(self.models), count), np.nan)
        for row, model, point in zip(models, self.models, asked.points, strict=True):
            if point is not None:
                old = items < len(model.rows)
                row[old] = model.scores(point, items[old])
        if asked.wish.words:
            names.append(REQUEST)
            told = self.items.labels.covered(asked.wished, items)
            if asked.wish_vector is not None:
                close = self.items.vectors.closeness(items, asked.wish_vector[None])[0]
                told = told + 0.5 * close
            single.append(told)
        return Measures(
            single=np.array(single),
            text=text,
            labels=labels,
            likeness=likeness,
            models=models,
            names=tuple(names),
        )

    def _text(self, asked: Asked, items: Ids) -> Values:
        fade = asked.fade.astype(np.float32)
        near = self.items.vectors.closeness(items, (fade @ asked.read)[None])[0]
        meant = self.log.meanings.closeness(items, asked.meant)
        found = np.empty((len(_TEXT), len(items)))
        found[0] = self.items.titles.overlap(asked.words, items)
        found[1], found[2] = near, fade @ meant
        found[3] = (meant * (fade ** np.float32(0.3))[:, None]).max(axis=0)
        return found


def standard(rows: Values) -> Values:
    """Return z-scores of each row; a row whose values do not differ becomes all 0."""
    count = rows.shape[-1]
    if count < 2:
        return np.zeros(rows.shape)
    away: Values = rows - rows.sum(axis=-1, keepdims=True) / count
    spread = np.sqrt(np.einsum("...n,...n->...", away, away) / count)
    away *= np.where(spread < 1e-9, 0.0, 1 / np.maximum(spread, 1e-9))[..., None]
    return away


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
