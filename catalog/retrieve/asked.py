"""What a query asks every source: read once, before any item is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Query
from re2llm.catalog.encoder import TextEncoder, encode_or_none
from re2llm.catalog.items import Catalog
from re2llm.catalog.lexical import words
from re2llm.catalog.neural.serving import SequenceModel
from re2llm.catalog.retrieve.limits import Limits, positions
from re2llm.catalog.retrieve.neighbours import latest_distinct
from re2llm.catalog.retrieve.sides import ItemSide, LogSide
from re2llm.catalog.retrieve.sparse import NOTHING, Ids, Sums, Values
from re2llm.catalog.retrieve.wishes import Wish, read_wish
from re2llm.catalog.retrieve.words import buckets
from re2llm.catalog.said import in_shops_words

RECENT = 20
"""Latest distinct items of the session that count."""
FADE = 0.9
"""What each step back in the session counts beside the one after it, for text and attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query, read.

    Attributes:
        session: known positions, oldest first.
        recent: the latest distinct ones, latest first.
        fade: what each of them counts.
        votes: of the nearest sessions.
        partners: of the recent items.
        words: of their titles.
        labels: of their attributes.
        told: words of their titles and attributes; nothing where they have no labels.
        read: (recent, dim) vectors of their texts.
        meant: (recent, dim) what their words mean to shoppers.
        wished: words of the request, by rarity.
        points: where each sequence model sees the session lead; None where it knows none of it.
    """

    session: Ids
    limits: Limits
    recent: Ids
    fade: Values
    votes: Sums
    partners: Sums
    words: Sums
    labels: Sums
    told: Sums
    read: NDArray[np.float32]
    meant: NDArray[np.float32]
    wish: Wish
    wished: Sums
    wish_vector: NDArray[np.float32] | None
    points: tuple[NDArray[np.float32] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What queries are read with."""

    catalog: Catalog
    encoder: TextEncoder
    items: ItemSide
    log: LogSide
    models: Sequence[SequenceModel]

    def ask(self, query: Query, *, sold: bool) -> Asked:
        """Read a query; `sold` leaves out what is out of stock."""
        items, log = self.items, self.log
        session = self.known(query.session)
        recent = latest_distinct(session, RECENT)
        fade = np.power(FADE, np.arange(len(recent), dtype=np.float64))
        wish = self._wish(query)
        wished, vector = NOTHING, None
        if wish.words:
            terms = buckets(wish.words)
            wished = items.labels.of_terms(terms[items.labels.known(terms)])
            vector = encode_or_none(self.encoder, wish.text)
        labels = items.attributes.labels.of_session(recent, fade)
        return Asked(
            session=session,
            limits=self.limits(query, wish, sold=sold),
            recent=recent,
            fade=fade,
            votes=log.neighbours.votes(recent),
            partners=log.together.partners_of(recent),
            words=items.titles.of_session(recent, fade),
            labels=labels,
            told=items.labels.of_session(recent, fade) if len(labels.ids) else NOTHING,
            read=items.vectors.of_items(recent),
            meant=log.meanings.of_items(recent),
            wish=wish,
            wished=wished,
            wish_vector=vector,
            points=tuple(model.point(session[session < len(model.rows)]) for model in self.models),
        )

    def _wish(self, query: Query) -> Wish:
        """Read the request, in the shop's words, without those that tell no candidates apart.

        These are words for all that is sold, and what all candidates have by a filter: whoever
        filters for action films wants them all looked at, not those with "Action" in the title.
        """
        wish = read_wish(query.request)
        if not (wish.words or wish.without):
            return wish
        attributes = self.items.attributes
        plain = partial(in_shops_words, is_kind=attributes.is_kind, known=self._known_word)
        held = [one for values in query.filters.equal.values() for one in values]
        silent = attributes.goods().union(*(words(one) for one in held if isinstance(one, str)))
        telling = [word for word in plain(wish.words) if word not in silent]
        without = tuple(tuple(plain(phrase)) for phrase in wish.without)
        return replace(wish, words=tuple(telling), without=without, text=" ".join(telling))

    def _known_word(self, word: str) -> bool:
        return bool(self.items.labels.known(buckets([word]))[0])

    def limits(self, query: Query, wish: Wish, *, sold: bool) -> Limits:
        """Return what a query and its words rule out."""
        return Limits.of(
            query,
            wish,
            catalog=self.catalog,
            attributes=self.items.attributes,
            labels=self.items.labels,
            sold=sold,
        )

    def known(self, item_ids: Sequence[str]) -> Ids:
        """Return positions; what was put into the catalogue after these additions is unknown."""
        found = positions(self.catalog, item_ids)
        return found[found < self.items.total]
