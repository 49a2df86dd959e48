"""Every source at once: who is looked at, how the evidence is joined, and what is said of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from re2llm.catalog.candidates import Candidate, Query
from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.filters import Filters
from re2llm.catalog.items import Catalog
from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.additions import Places, Retold
from re2llm.catalog.retrieve.asked import RECENT, Asked, Reader
from re2llm.catalog.retrieve.evidence import Measurer, Measures
from re2llm.catalog.retrieve.notes import POPULAR, Notes, told
from re2llm.catalog.retrieve.pool import Pool
from re2llm.catalog.retrieve.sides import ItemSide, LogSide
from re2llm.catalog.retrieve.sparse import Ids, highest
from re2llm.catalog.retrieve.weights import EQUAL, Weights
from re2llm.catalog.retrieve.wishes import NO_WISH
from re2llm.catalog.sessions import SessionLog


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

    def adding(
        self, changed: Ids, log: SessionLog, retold: Retold | None = None
    ) -> "HybridRetriever":
        """Return the same with what came later; this one's own additions are left out.

        Args:
            changed: (n,) positions, ascending, of items that are new to the catalogue or otherwise
                than when the index was built.
            log: later sessions.
            retold: those of the index that are among them, as they were; None for none.
        """
        items = self.items
        if len(changed):
            items = items.adding(self.catalog, Places(changed, items.size), self.encoder)
        later = self.log.placing(items).adding(log, retold or Retold.none(), len(self.catalog))
        return replace(self, items=items, log=later)

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
        asked = self._reader.ask(query, sold=True)
        pool = Pool(items=self.items, log=self.log, models=self.models).of(asked, n)
        if not len(pool):
            return []
        measures = self._measured(asked, pool)
        scores = measures.fused(measures.evidence(), self.weights)
        best = highest(scores, n)
        return self._candidates(asked, pool.take(best), measures.only(best))

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        """Score these items as candidates, best first; unknown ones are left out.

        The filters apply; what is out of stock is scored, so that sessions on record can be.
        """
        reader = self._reader
        asked = reader.ask(query, sold=False)
        items = asked.limits.meet(np.unique(reader.known(item_ids)))
        return self._candidates(asked, items, self._measured(asked, items))

    def meeting(self, filters: Filters) -> Ids:
        """Return the positions of all items that meet the filters, in stock or not."""
        query = Query(session=(), filters=filters)
        limits = self._reader.limits(query, NO_WISH, sold=False)
        return limits.meet(np.arange(self.items.total))

    @property
    def _reader(self) -> Reader:
        return Reader(
            catalog=self.catalog,
            encoder=self.encoder,
            items=self.items,
            log=self.log,
            models=self.models,
        )

    def _measured(self, asked: Asked, items: Ids) -> Measures:
        return Measurer(items=self.items, log=self.log, models=self.models).of(asked, items)

    def _candidates(self, asked: Asked, items: Ids, measures: Measures) -> list[Candidate]:
        """Return candidates, best first; `items` ascend, and `measures` are theirs."""
        evidence = measures.evidence()
        scores = measures.fused(evidence, self.weights)
        order = (-scores).argsort(kind="stable")
        every = self.catalog.items
        notes = Notes.on([every[place] for place in asked.session[-RECENT:].tolist()])
        evidence, names = evidence.take(order, axis=1), measures.names
        said = told(
            names, evidence, self.log.popularity.beyond(measures.popularity[order], POPULAR)
        )
        return [
            Candidate(
                item=every[place],
                score=score,
                # Not strict: it doubles what this takes, and rows are as long as there are names.
                evidence=dict(zip(names, row)),  # noqa: B905
                notes=notes.of(every[place], code),
            )
            for place, score, row, code in zip(
                items.take(order).tolist(),
                scores.take(order).tolist(),
                evidence.T.tolist(),
                said,
                strict=True,
            )
        ]
