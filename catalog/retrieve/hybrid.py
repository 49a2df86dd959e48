"""Every source at once: who is looked at, how the evidence is joined, and what is said of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.encoder import TextEncoder, encode_or_none
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.attributes import AttributeIndex
from re2llm.catalog.retrieve.inverted import Inverted
from re2llm.catalog.retrieve.limits import Limits
from re2llm.catalog.retrieve.meanings import learn_meanings
from re2llm.catalog.retrieve.neighbours import NeighbourIndex, latest_distinct
from re2llm.catalog.retrieve.notes import notes
from re2llm.catalog.retrieve.popularity import Popularity
from re2llm.catalog.retrieve.sparse import NOTHING, Ids, Sums
from re2llm.catalog.retrieve.together import TogetherIndex
from re2llm.catalog.retrieve.vectors import VectorIndex
from re2llm.catalog.retrieve.weights import EQUAL, REQUEST, Weights
from re2llm.catalog.retrieve.wishes import Wish, read_wish
from re2llm.catalog.retrieve.words import buckets, index_labels, index_titles
from re2llm.catalog.sessions import SessionLog

Values = NDArray[np.float64]

RECENT = 20
"""Latest distinct items of the session that text and attributes are compared with."""
FADE = 0.9
"""What each step back in the session counts beside the one after it."""
POOL = 150
"""Items that each source may name, at least."""
FEW = 5000
"""Where no more items than this meet the filters, all of them are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSide:
    """What is known of the items alone; shared by indexes over different sessions."""

    titles: Inverted
    labels: Inverted
    vectors: VectorIndex
    attributes: AttributeIndex

    @classmethod
    def build(cls, catalog: Catalog, encoder: TextEncoder) -> "ItemSide":
        """Index a catalogue."""
        return cls(
            titles=index_titles(catalog),
            labels=index_labels(catalog),
            vectors=VectorIndex.build(encoder.encode([item.title for item in catalog])),
            attributes=AttributeIndex.build(catalog),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSide:
    """What sessions tell of the items."""

    neighbours: NeighbourIndex
    together: TogetherIndex
    popularity: Popularity
    meanings: VectorIndex

    @classmethod
    def build(cls, log: SessionLog, items: ItemSide) -> "LogSide":
        """Index a log over these items."""
        size = len(items.vectors.vectors)
        return cls(
            neighbours=NeighbourIndex.build(log, size),
            together=TogetherIndex.build(log, size),
            popularity=Popularity.build(log, size),
            meanings=learn_meanings(log, items.titles),
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query, read: what every source is asked with."""

    session: Ids
    recent: Ids
    fade: Values
    votes: Sums
    partners: Sums
    words: Sums
    wish: Wish
    wished: Sums
    wish_vector: NDArray[np.float32] | None
    points: tuple[NDArray[np.float32] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridRetriever:
    """Finds and scores candidates by all sources. Read-only; threads may share it.

    Attributes:
        weights: what each source counts.
        models: trained sequence models, each a source of its own, named by its kind.
        without: weights for where these cannot be asked; None where they are as `weights`.
    """

    catalog: Catalog
    encoder: TextEncoder
    items: ItemSide
    log: LogSide
    weights: Weights = EQUAL
    models: tuple[SequenceModel, ...] = ()
    without: Weights | None = None

    @classmethod
    def in_memory(
        cls, catalog: Catalog, log: SessionLog, encoder: TextEncoder
    ) -> "HybridRetriever":
        """Build an index that is not kept."""
        items = ItemSide.build(catalog, encoder)
        return cls(catalog=catalog, encoder=encoder, items=items, log=LogSide.build(log, items))

    def over(self, log: SessionLog) -> "HybridRetriever":
        """Return the same over other sessions; what is known of the items is shared.

        Sequence models are left out: they learnt from sessions that the other log may lack.
        """
        return replace(
            self,
            log=LogSide.build(log, self.items),
            weights=self.without or self.weights,
            models=(),
            without=None,
        )

    def with_weights(self, weights: Weights) -> "HybridRetriever":
        """Return the same with other weights."""
        return replace(self, weights=weights)

    def with_models(self, models: Sequence[SequenceModel], weights: Weights) -> "HybridRetriever":
        """Return the same with sequence models, and with weights learnt with them."""
        return replace(self, models=tuple(models), weights=weights, without=self.weights)

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        """Return up to n candidates that meet the query's filters, best first."""
        if n < 1 or not len(self.catalog):
            return []
        asked = self._ask(query)
        allowed = self._allowed(query, asked.wish)
        if (out := self._out_of_stock()) is not None:
            allowed = ~out if allowed is None else allowed & ~out
        pool = self._pool(asked, allowed, n)
        if not len(pool):
            return []
        scores = self._fused(self._evidence(asked, pool))
        best = pool[np.lexsort((pool, -scores))[:n]]
        return self._candidates(query, asked, np.sort(best))

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        """Score these items (known ids) as candidates, best first; the filters apply."""
        asked = self._ask(query)
        given = np.unique(self._limits().positions(item_ids))
        allowed = self._allowed(query, asked.wish)
        return self._candidates(query, asked, given if allowed is None else given[allowed[given]])

    def _limits(self) -> Limits:
        return Limits(catalog=self.catalog, attributes=self.items.attributes)

    def _ask(self, query: Query) -> _Asked:
        session = self._limits().positions(query.session)
        recent = latest_distinct(session, RECENT)
        fade = np.power(FADE, np.arange(len(recent), dtype=np.float64))
        wish = read_wish(query.request)
        wished = NOTHING
        vector = None
        if wish.words:
            labels = self.items.labels
            terms = buckets(wish.words)
            known = labels.term_offsets[terms + 1] > labels.term_offsets[terms]
            wished = labels.of_terms(terms[known])
            vector = encode_or_none(self.encoder, wish.text)
        return _Asked(
            session=session,
            recent=recent,
            fade=fade,
            votes=self.log.neighbours.votes(session),
            partners=self.log.together.partners_of(session),
            words=self.items.titles.of_session(recent, fade),
            wish=wish,
            wished=wished,
            wish_vector=vector,
            points=tuple(model.point(session) for model in self.models),
        )

    def _allowed(self, query: Query, wish: Wish) -> NDArray[np.bool_] | None:
        """Return which items meet the filters and what the request rules out; None is all."""
        attributes = self.items.attributes
        named = {name: one for name, one in wish.ranges.items() if attributes.has(name)}
        limits = self._limits()
        allowed = limits.allowed(query)
        if named:
            wished = limits.allowed(Query(session=(), filters=Filters(ranges=named)))
            if wished is not None:
                allowed = wished if allowed is None else allowed & wished
        for phrase in wish.without:
            unwanted = self._having_all(phrase)
            if len(unwanted):
                allowed = np.ones(len(self.catalog), dtype=bool) if allowed is None else allowed
                allowed[unwanted] = False
        return allowed

    def _having_all(self, phrase: Sequence[str]) -> Ids:
        labels = self.items.labels
        terms = buckets(phrase)
        having = [rows for term in terms.tolist() if len(rows := labels.with_term(term))]
        if not having:
            return np.zeros(0, dtype=np.int64)
        found = having[0]
        for rows in having[1:]:
            found = np.intersect1d(found, rows, assume_unique=True)
        return found.astype(np.int64)

    def _out_of_stock(self) -> NDArray[np.bool_] | None:
        column = self.items.attributes.columns.get("available")
        return None if column is None else self.items.attributes.numbers[column] == 0

    def _pool(self, asked: _Asked, allowed: NDArray[np.bool_] | None, n: int) -> Ids:
        if allowed is not None:
            every = np.flatnonzero(allowed)
            if len(every) <= max(FEW, n):
                return every
        size = max(POOL, 3 * n)
        popular = self.log.popularity.order
        named: list[NDArray[np.integer]] = [
            asked.votes.best(size),
            asked.partners.best(size),
            popular[:size],
        ]
        if len(asked.recent):
            for index in (self.items.vectors, self.log.meanings):
                own = index.vectors[asked.recent]
                mean = (asked.fade @ own / asked.fade.sum()).astype(np.float32)
                named.append(index.near(np.vstack([mean, own[:2]]), size))
            named.append(self.items.titles.search(asked.words).best(size))
            labels = self.items.attributes.labels
            named.append(labels.search(labels.of_session(asked.recent, asked.fade)).best(size))
        named.extend(
            model.best(point, size)
            for model, point in zip(self.models, asked.points, strict=True)
            if point is not None
        )
        if len(asked.wished.ids):
            named.append(self.items.labels.search(asked.wished).best(2 * size))
        if asked.wish_vector is not None:
            named.append(self.items.vectors.near(asked.wish_vector[None, :], size))
        pool = np.unique(np.concatenate(named)).astype(np.int64)
        if allowed is not None:
            pool = pool[allowed[pool]]
        if len(pool) < n:
            more = popular if allowed is None else popular[allowed[popular]]
            pool = np.union1d(pool, more[: 2 * n].astype(np.int64))
        return pool

    def _evidence(self, asked: _Asked, items: Ids) -> dict[str, Values]:
        """Return what each source says of these items, z-scored over them."""
        found = {
            "neighbours": standard(np.sqrt(asked.votes.at(items))),
            "together": standard(np.sqrt(asked.partners.at(items))),
            "popularity": standard(self.log.popularity.score[items].astype(np.float64)),
            "text": np.zeros(len(items)),
            "attributes": self._likeness(asked, items),
        }
        vectors = self.items.vectors.vectors
        if len(asked.recent):
            read, meant = (
                (index.vectors[items] @ index.vectors[asked.recent].T).astype(np.float64)
                for index in (self.items.vectors, self.log.meanings)
            )
            found["text"] = standard(
                standard(self.items.titles.overlap(asked.words, items))
                + 0.5 * standard(read @ asked.fade)
                + standard(meant @ asked.fade)
                + standard((meant * asked.fade**0.3).max(axis=1))
            )
        for model, point in zip(self.models, asked.points, strict=True):
            scores = np.zeros(len(items)) if point is None else model.scores(point, items)
            found[model.kind] = standard_known(scores)
        if asked.wish.words:
            told = self.items.labels.covered(asked.wished, items)
            if asked.wish_vector is not None:
                told = told + 0.5 * (vectors[items] @ asked.wish_vector).astype(np.float64)
            found[REQUEST] = standard(told)
        return found

    def _likeness(self, asked: _Asked, items: Ids) -> Values:
        attributes, labels = self.items.attributes, self.items.labels
        found = attributes.affinity(asked.recent, asked.fade, items)
        if len(attributes.labels.of_session(asked.recent, asked.fade).ids):
            words = labels.overlap(labels.of_session(asked.recent, asked.fade), items)
            found = standard(found) + standard(words)
        return standard(found)

    def _fused(self, evidence: dict[str, Values]) -> Values:
        """Return the weighted sum; where attributes are silent, text speaks for them."""
        weights = {source: self.weights.of(source) for source in evidence}
        if not evidence["attributes"].any():
            weights["text"] += weights["attributes"]
        total = np.zeros(len(evidence["popularity"]))
        for source, values in evidence.items():
            total += weights[source] * values
        return total

    def _candidates(self, query: Query, asked: _Asked, items: Ids) -> list[Candidate]:
        evidence = self._evidence(asked, items)
        scores = self._fused(evidence)
        session = [self.catalog[item_id] for item_id in query.session[-RECENT:]]
        rank = self._popular_share(items)
        names = list(evidence)
        columns = np.array([evidence[name] for name in names])
        made: list[Candidate] = []
        for place in np.lexsort((items, -scores)).tolist():
            item = self.catalog.items[items[place]]
            told = dict(zip(names, columns[:, place].tolist(), strict=True))
            made.append(
                Candidate(
                    item=item,
                    score=float(scores[place]),
                    evidence=told,
                    notes=notes(item, session, told, float(rank[place])),
                )
            )
        return made

    def _popular_share(self, items: Ids) -> Values:
        """Return the share of the catalogue that is less popular than each item."""
        score, order = self.log.popularity.score, self.log.popularity.order
        ascending = score[order[::-1]]
        return np.searchsorted(ascending, score[items], side="left") / max(len(order), 1)


def standard(values: Values) -> Values:
    """Return z-scores; all 0 where the values do not differ."""
    if len(values) < 2:
        return np.zeros(len(values))
    away = values - values.sum() / len(values)
    spread = math.sqrt(float(away @ away) / len(values))
    if spread < 1e-9:
        return np.zeros(len(values))
    return np.asarray(away / spread, dtype=np.float64)


def standard_known(values: Values) -> Values:
    """Return z-scores over the numbers that are known; 0, which is their mean, for nan."""
    known = ~np.isnan(values)
    found = np.zeros(len(values))
    found[known] = standard(values[known])
    return found
