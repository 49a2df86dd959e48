"""Questions to rerankers."""

from collections.abc import Sequence
from typing import Any

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.llm.ranking import RankTask


def make_task(n: int = 3, *, titles: Sequence[str] = (), **more: Any) -> RankTask:
    names = list(titles) or [f"Candidate number {chr(97 + i % 26) * 3} {i}" for i in range(n)]
    return RankTask(
        session=(Item(item_id="s1", title="First"), Item(item_id="s2", title="Second")),
        candidates=tuple(
            Candidate(item=Item(item_id=f"c{i}", title=title), score=-float(i))
            for i, title in enumerate(names)
        ),
        **more,
    )
