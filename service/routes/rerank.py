"""A reranker as Cohere's clients expect one: documents in, places and scores out."""

import uuid
from typing import Literal, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.llm.ranking import RankTask
from re2llm.service.front import CallerDep, FrontDep
from re2llm.service.problems import Problem
from re2llm.service.schemas import ItemId, sane

router = APIRouter(tags=["rerank"])
_LONGEST = 10_000
"""Characters of a document that are read."""


class Document(BaseModel):
    """A document: its text, or the id of an item whose facts are read, or fields of any name."""

    model_config = ConfigDict(extra="allow")

    text: str | None = Field(default=None, max_length=_LONGEST)
    id: ItemId | None = None

    @model_validator(mode="after")
    def _sane(self) -> Self:
        sane(self.model_extra)
        return self


class RerankIn(BaseModel):
    """As in Cohere's API; `session` is ours: item ids that the shopper looked at, oldest first.

    Fields that only steer Cohere's own models (`max_tokens_per_doc`, `max_chunks_per_doc`,
    `priority` and what else clients send) are accepted and ignored: long texts are cut.
    """

    query: str = Field(min_length=1, max_length=2000)
    documents: list[str | Document] = Field(min_length=1, max_length=500)
    model: str | None = Field(default=None, max_length=200)
    """Accepted and ignored: the service has one model."""
    top_n: int | None = Field(default=None, ge=1)
    return_documents: bool = False
    rank_fields: list[str] | None = Field(default=None, max_length=100)
    """The fields of documents that are read, in this order; by default `text`, else all."""
    session: list[ItemId] = Field(default_factory=list, max_length=1000)


class Result(BaseModel):
    """One document; `relevance_score` tells its place between 1 (first) and 0, no probability."""

    index: int
    relevance_score: float
    document: dict[str, str] | None = None


class RerankMeta(BaseModel):
    """What a client may want to know beside the results."""

    api_version: dict[str, str]
    warnings: list[str] = []


class RerankOut(BaseModel):
    """The documents, best first."""

    id: str
    results: list[Result]
    meta: RerankMeta
    object: Literal["rerank"] = "rerank"


@router.post("/v1/rerank", response_model_exclude_none=True)
@router.post("/v2/rerank", response_model_exclude_none=True)
async def rerank(
    body: RerankIn,
    request: Request,
    front: FrontDep,
    caller: CallerDep,  # noqa: ARG001
) -> RerankOut:
    """Rank documents for a query; where the model is down they keep their order, with a warning."""
    parts = front.app.parts
    texts = [_text(document, place, body) for place, document in enumerate(body.documents)]
    items = [
        _item(front, document, place, texts[place]) for place, document in enumerate(body.documents)
    ]
    known = (parts.catalog.get(item_id) for item_id in body.session)
    task = RankTask(
        session=tuple(item for item in known if item is not None),
        candidates=tuple(
            Candidate(item=item, score=-float(place)) for place, item in enumerate(items)
        ),
        request=body.query,
        k=min(body.top_n or len(items), len(items)),
    )
    answer = await parts.reranker.rerank(task)
    results = [
        Result(
            index=int(name),
            relevance_score=round(1 - place / len(items), 6),
            document={"text": texts[int(name)]} if body.return_documents else None,
        )
        for place, name in enumerate(answer.order[: task.k])
    ]
    warnings = [answer.degraded] if answer.degraded else []
    version = request.url.path.removeprefix("/v").partition("/")[0]
    meta = RerankMeta(api_version={"version": version}, warnings=warnings)
    return RerankOut(id=str(uuid.uuid4()), results=results, meta=meta)


def _text(document: str | Document, place: int, body: RerankIn) -> str:
    if isinstance(document, str):
        return document[:_LONGEST]
    fields = document.model_dump(exclude_none=True)
    if body.rank_fields is None and document.text is not None:
        return document.text
    names = body.rank_fields or [name for name in fields if name != "id"]
    told = [str(fields[name]) for name in names if name in fields]
    if not told and document.id is None:
        wanted = f"none of {body.rank_fields!r}" if body.rank_fields else "neither 'text' nor 'id'"
        raise Problem(422, f"document {place} has {wanted}")
    return " ".join(told)[:_LONGEST]


def _item(front: FrontDep, document: str | Document, place: int, text: str) -> Item:
    """Make a document an item under its place, so that equal documents stay apart."""
    if isinstance(document, Document) and document.id is not None:
        known = front.app.parts.catalog.get(document.id)
        if known is not None:
            return Item(item_id=str(place), title=known.title, attributes=known.attributes)
        if not text:
            raise Problem(404, f"document {place}: item {document.id!r} is not in the catalogue")
    return Item(item_id=str(place), title=text)
