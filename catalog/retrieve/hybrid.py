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
from re2llm.catalog.retrieve.additions import Places
from re2llm.catalog.retrieve.limits import Limits, positions
from re2llm.catalog.retrieve.neighbours import latest_distinct
from re2llm.catalog.retrieve.notes import notes
from re2llm.catalog.retrieve.sides import ItemSide, LogSide
from re2llm.catalog.retrieve.sparse import NOTHING, Ids, Sums
from re2llm.catalog.retrieve.weights import EQUAL, REQUEST, Weights
from re2llm.catalog.retrieve.wishes import NO_WISH, Wish, read_wish
from re2llm.catalog.retrieve.words import (
    buckets,
)
from re2llm.catalog.sessions import SessionLog

Values = NDArray[np.float64]

RECENT = 20
"""Latest distinct items of the session that text and attributes are compared with."""
FADE = 0.9
"""What each step back in the session counts beside the one after it."""
POOL = 150
"""Items that each source may name, at least."""
NO_IDS: Ids = np.zeros(0, dtype=np.int64)
FEW = 5000
"""Where no more items than this meet the filters, all of them are looked at."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query, read: what every source is asked with."""

    session: Ids
    limits: Limits
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

    def adding(self, changed: Ids, log: SessionLog) -> "HybridRetriever":
        """Return the same with what came later; this one's own additions are left out.

        Args:
            changed: (n,) positions, ascending, of items that are new to the catalogue or otherwise
                than when the index was built.
            log: later sessions.
        """
        items = self.items
        if len(changed):
            items = items.adding(self.catalog, Places(changed, items.size), self.encoder)
        log_side = self.log.adding(items, log, len(self.catalog))
        return replace(self, items=items, log=log_side)

    def with_weights(self, weights: Weights) -> "HybridRetriever":
        """Return the same with other weights."""
        return replace(self, weights=weights)

    def with_models(self, models: Sequence[SequenceModel], weights: Weights) -> "HybridRetriever":
        """Return the same with sequence models, and with weights learnt with them."""
        return replace(self, models=tuple(models), weights=weights, without=self.weights)

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        """Return up to n candidates that meet the query's filters, best first."""
        if n < 1 or not self.items.total:
            return []
        asked = self._ask(query, sold=True)
        pool = self._pool(asked, n)
        if not len(pool):
            return []
        scores = self._fused(self._evidence(asked, pool))
        best = pool[np.lexsort((pool, -scores))[:n]]
        return self._candidates(asked, np.sort(best))

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        """Score these items as candidates, best first; unknown ones are left out.

        The filters apply; what is out of stock is scored, so that sessions on record can be.
        """
        asked = self._ask(query, sold=False)
        return self._candidates(asked, asked.limits.meet(np.unique(self._known(item_ids))))

    def meeting(self, filters: Filters) -> Ids:
        """Return the positions of all items that meet the filters, in stock or not."""
        query = Query(session=(), filters=filters)
        return self._limits(query, NO_WISH, sold=False).meet(np.arange(self.items.total))

    def _limits(self, query: Query, wish: Wish, *, sold: bool) -> Limits:
        return Limits.of(
            query,
            wish,
            catalog=self.catalog,
            attributes=self.items.attributes,
            labels=self.items.labels,
            sold=sold,
        )

    def _known(self, item_ids: Sequence[str]) -> Ids:
        """Return positions; what was put into the catalogue after these additions is unknown."""
        found = positions(self.catalog, item_ids)
        return found[found < self.items.total]

    def _ask(self, query: Query, *, sold: bool) -> _Asked:
        session = self._known(query.session)
        recent = latest_distinct(session, RECENT)
        fade = np.power(FADE, np.arange(len(recent), dtype=np.float64))
        wish = read_wish(query.request)
        wished = NOTHING
        vector = None
        if wish.words:
            labels = self.items.labels
            terms = buckets(wish.words)
            wished = labels.of_terms(terms[labels.known(terms)])
            vector = encode_or_none(self.encoder, wish.text)
        return _Asked(
            session=session,
            limits=self._limits(query, wish, sold=sold),
            recent=recent,
            fade=fade,
            votes=self.log.neighbours.votes(session),
            partners=self.log.together.partners_of(session),
            words=self.items.titles.of_session(recent, fade),
            wish=wish,
            wished=wished,
            wish_vector=vector,
            points=tuple(model.point(session[session < len(model.rows)]) for model in self.models),
        )

    def _pool(self, asked: _Asked, n: int) -> Ids:
        limits, every = asked.limits, None
        if limits.any:
            few = max(FEW, n)
            every = np.arange(self.items.total) if self.items.total <= few else limits.listed()
            if every is not None and len(every) <= few:
                return limits.meet(every)
        size = max(POOL, 3 * n)
        popularity = self.log.popularity
        named: list[NDArray[np.integer]] = [
            asked.votes.best(size),
            asked.partners.best(size),
            next(popularity.walk(size, self.items.total), NO_IDS),
            popularity.order[:size],
        ]
        if len(asked.recent):
            for index in (self.items.vectors, self.log.meanings):
                own = index.of_items(asked.recent)
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
        pool = limits.meet(pool)
        if len(pool) >= n:
            return pool
        if every is not None:
            best = np.lexsort((every, -popularity.of_items(every)))[: 2 * n]
            return np.union1d(pool, every[best])
        for popular in popularity.walk(size, self.items.total):
            pool = np.union1d(pool, limits.meet(popular))
            if len(pool) >= 2 * n:
                break
        return pool

    def _evidence(self, asked: _Asked, items: Ids) -> dict[str, Values]:
        """Return what each source says of these items, z-scored over them."""
        found = {
            "neighbours": standard(np.sqrt(asked.votes.at(items))),
            "together": standard(np.sqrt(asked.partners.at(items))),
            "popularity": standard(self.log.popularity.of_items(items)),
            "text": np.zeros(len(items)),
            "attributes": self._likeness(asked, items),
        }
        if len(asked.recent):
            read, meant = (
                (index.of_items(items) @ index.of_items(asked.recent).T).astype(np.float64)
                for index in (self.items.vectors, self.log.meanings)
            )
            found["text"] = standard(
                standard(self.items.titles.overlap(asked.words, items))
                + 0.5 * standard(read @ asked.fade)
                + standard(meant @ asked.fade)
                + standard((meant * asked.fade**0.3).max(axis=1))
            )
        for model, point in zip(self.models, asked.points, strict=True):
            scores = np.full(len(items), np.nan)
            if point is not None:
                old = items < len(model.rows)
                scores[old] = model.scores(point, items[old])
            found[model.kind] = standard_known(scores)
        if asked.wish.words:
            told = self.items.labels.covered(asked.wished, items)
            if asked.wish_vector is not None:
                close = self.items.vectors.of_items(items) @ asked.wish_vector
                told = told + 0.5 * close.astype(np.float64)
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

    def _candidates(self, asked: _Asked, items: Ids) -> list[Candidate]:
        evidence = self._evidence(asked, items)
        scores = self._fused(evidence)
        session = [self.catalog.items[place] for place in asked.session[-RECENT:].tolist()]
        rank = self.log.popularity.share(items)
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
