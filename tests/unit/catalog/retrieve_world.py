"""A small shop that the retrieval tests look things up in."""

import numpy as np

from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve.index import HybridRetriever
from re2llm.catalog.sessions import SessionLog

_KINDS = ("racing", "puzzle", "chess", "farming", "flight")
_BRANDS = ("Acme", "Borel", "Cobalt")


def shop(size: int = 60) -> Catalog:
    """Items i0, i1, ...: kind i % 5, brand i % 3, price 5 + i, every tenth out of stock."""
    return Catalog(
        Item(
            item_id=f"i{i}",
            title=f"{_KINDS[i % 5].title()} Adventure {i}",
            attributes={
                "brand": _BRANDS[i % 3],
                "genres": (_KINDS[i % 5],),
                "price": 5.0 + i,
                "year": 1980 + i % 40,
                "available": 0 if i % 10 == 9 else 1,
            },
        )
        for i in range(size)
    )


def sessions(size: int = 60, count: int = 300, seed: int = 0) -> SessionLog:
    """Sessions that stay within one kind."""
    draws = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        kind = draws.integers(5)
        rows.append((draws.integers(size // 5, size=draws.integers(2, 6)) * 5 + kind).tolist())
    return SessionLog.from_sequences(rows)


def retriever(size: int = 60) -> HybridRetriever:
    """An index over the shop and its sessions."""
    catalog = shop(size)
    return HybridRetriever.in_memory(catalog, sessions(size), encoder(catalog))


def encoder(catalog: Catalog) -> LexicalEncoder:
    """An encoder fitted on the shop."""
    return LexicalEncoder.fit([item.title for item in catalog], dim=96)
