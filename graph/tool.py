"""The recommender as a LangChain tool, for an agent to bind."""

import json

from langchain_core.tools import StructuredTool
from pydantic import BaseModel, Field

from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM


class RecommendArguments(BaseModel):
    """What an agent says to get recommendations."""

    session: list[str] = Field(
        default_factory=list, description="ids of the items the shopper looked at, oldest first"
    )
    request: str | None = Field(default=None, description="what the shopper wants, in words")
    filters: dict[str, object] | None = Field(
        default=None,
        description='hard limits, e.g. {"price": {"max": 50}, "brand": ["Acme"]}',
    )
    k: int = Field(default=5, ge=1, le=50, description="how many items to recommend")


def recommend_tool(app: Re2LLM, *, name: str = "recommend") -> StructuredTool:
    """Make a tool that answers with a slate as JSON, item facts from the catalogue only.

    Wrong arguments come back as an `error` that tells the agent how to mend them.
    """

    async def recommend(
        session: list[str] | None = None,
        request: str | None = None,
        filters: dict[str, object] | None = None,
        k: int = 5,
    ) -> str:
        try:
            slate = await app.recommend(
                session=session or [], request=request, filters=filters, k=k
            )
        except UserError as error:
            return json.dumps({"error": str(error)})
        items = [
            {"item_id": item.item_id, "title": item.title, **item.attributes}
            for item in slate.items
        ]
        return json.dumps({"slate_id": slate.id, "items": items, "notices": slate.notices})

    return StructuredTool.from_function(
        coroutine=recommend,
        name=name,
        description="Recommend items of this shop for a session, a request in words, or both.",
        args_schema=RecommendArguments,
    )
