"""The least that a FastAPI service around a LangGraph is: what ours is measured beside.

One route, a graph of four nodes of which one asks the model, a SQLite checkpointer; no catalogue,
no retrieval, no keys, no limits, no records.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph


class Asked(TypedDict, total=False):
    """What the graph carries."""

    prompt: str
    items: list[str]
    order: str


def serve(folder: Path, port: int, model_url: str) -> None:
    """Serve on loopback until killed."""
    import uvicorn
    from fastapi import FastAPI
    from langchain_openai import ChatOpenAI
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from pydantic import BaseModel, SecretStr

    class Wanted(BaseModel):
        thread: str
        items: list[str]

    model = ChatOpenAI(model="slow", base_url=model_url, api_key=SecretStr("none"), max_retries=0)
    graphs: dict[str, Any] = {}

    async def ask(state: Asked) -> Asked:
        return {"order": str((await model.ainvoke(state["prompt"])).text)}

    async def find(state: Asked) -> Asked:
        return {"items": state["items"]}

    async def word(state: Asked) -> Asked:
        labelled = (f"[{chr(65 + n % 26)}{1 + n // 26}] {i}" for n, i in enumerate(state["items"]))
        return {"prompt": "\n".join(labelled)}

    async def show(state: Asked) -> Asked:
        return {"order": state["order"]}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        graph = StateGraph(Asked)
        steps = {"find": find, "word": word, "ask": ask, "show": show}
        for name, step in steps.items():
            graph.add_node(name, step)
        for before, after in zip([START, *steps], [*steps, END], strict=True):
            graph.add_edge(before, after)
        async with AsyncSqliteSaver.from_conn_string(str(folder / "bare.sqlite")) as saver:
            graphs["bare"] = graph.compile(checkpointer=saver)
            yield

    api = FastAPI(lifespan=lifespan)

    @api.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @api.post("/v1/recommendations")
    async def recommend(body: Wanted) -> dict[str, object]:
        config = {"configurable": {"thread_id": body.thread}}
        told = await graphs["bare"].ainvoke({"items": body.items}, config, durability="exit")
        return {"order": told["order"]}

    uvicorn.run(api, host="127.0.0.1", port=port, log_config=None, access_log=False)
