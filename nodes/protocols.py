"""What the steps need from the rooms below, and nothing of how those do it."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Candidate, Query
from re2llm.kb_store.hint import Hint
from re2llm.kb_store.store import Eligible
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reflection import Failure, Reflection, Success
from re2llm.policy.choice import Choice


class Retriever(Protocol):
    """Finds candidates. Blocking; the steps call it off the event loop."""

    def retrieve(self, query: Query, n: int) -> list[Candidate]:
        """Return up to n candidates that meet the query's filters, best first."""

    def score(self, query: Query, item_ids: Sequence[str]) -> list[Candidate]:
        """Score these items (known ids) as candidates, best first; the filters apply."""


class HintPolicy(Protocol):
    """Chooses a hint, or none. Blocking and quick; knows hints as vectors and records."""

    @property
    def version(self) -> str:
        """Name this policy, for the record."""

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:
        """Choose for one session; `state` is (features,)."""


@runtime_checkable
class Shortlisting(Protocol):
    """A policy that can narrow any number of hints down quickly, by what it would choose."""

    def shortlist(self, state: NDArray[np.float32], eligible: Eligible, n: int) -> Eligible:
        """Return up to n hints, by id: those with the highest scores for this session."""


class Reranker(Protocol):
    """Orders candidates by a language model. Never raises for what the model does."""

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation of the task's candidates."""


class Fusion(Protocol):
    """Joins the model's order with the retrieval evidence."""

    def fuse(
        self, candidates: Sequence[Candidate], answer: RankAnswer, *, hinted: bool = False
    ) -> list[tuple[str, float]]:
        """Return every candidate's id with its final score, best first.

        `hinted` says whether the model was given a hint: a steered order may count for more.
        """


class Reflector(Protocol):
    """Asks the model what went wrong and what to do about it."""

    async def reflect(self, failure: Failure) -> Reflection:
        """Return hint drafts; empty and `degraded` where the model gave nothing usable."""


class Examples(Protocol):
    """Knows rankings that were right. Blocking and quick."""

    def like(self, failure: Failure) -> Success | None:
        """Return one of a session like this one, or None."""


class Admission(Protocol):
    """Decides which drafts enter the knowledge base, and enters them."""

    async def admit(
        self, failure: Failure, reflection: Reflection, *, tenant: str, source: str = ""
    ) -> Sequence[Hint]:
        """Return every draft as a hint with its status and reason; refused ones included.

        `source` is who gave the feedback (opaque): what one source says counts once.
        """
