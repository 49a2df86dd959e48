"""The graph as a part of something larger: a subgraph, a tool, without an event loop."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import pytest
from chat_model_server import ChatModelServer, calls, chat_model_server
from langgraph.graph import END, START, StateGraph
from shop_settings import settings_for

from re2llm import Re2LLM, SyncRe2LLM, UserError, build_graph, make_graph, recommend_tool
from re2llm.nodes.state import Ranking


@pytest.fixture
def model() -> Iterator[ChatModelServer]:
    with chat_model_server() as server:
        yield server


class Chat(TypedDict, total=False):
    """A chatbot's state that shares keys with the recommender's."""

    session: list[str]
    k: int
    ranking: Ranking
    said: str


async def test_as_a_subgraph_of_a_chatbot(app: Re2LLM) -> None:
    def speak(state: Chat) -> Chat:
        best = app.parts.catalog[state["ranking"]["items"][0]]
        return {"said": f"How about {best.title}?"}

    chat = StateGraph(Chat)
    chat.add_node("recommend", build_graph(app.parts.steps).compile())
    chat.add_node("speak", speak)
    chat.add_edge(START, "recommend")
    chat.add_edge("recommend", "speak")
    chat.add_edge("speak", END)
    session = list(app.parts.dataset.test[0].items)
    said = await chat.compile().ainvoke({"session": session, "k": 3})
    assert said["said"].startswith("How about ")


async def test_as_a_tool(app: Re2LLM) -> None:
    tool = recommend_tool(app)
    told = json.loads(await tool.ainvoke({"request": "a present under 40", "k": 3}))
    assert len(told["items"]) == 3
    assert all(item["price"] <= 40 for item in told["items"])
    wrong = json.loads(await tool.ainvoke({"filters": {"price": {}}}))
    assert "no bounds" in wrong["error"]


async def test_as_a_tool_of_an_agent_that_mends_its_call(
    app: Re2LLM, model: ChatModelServer
) -> None:
    """A real `create_agent` agent, whose model calls wrongly, reads why, and calls again."""
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    def act(messages: list[dict[str, Any]]) -> dict[str, Any]:
        last = messages[-1]
        if last["role"] == "user":
            return calls("recommend", request="a tripod", filters={"price": {"max": "cheap"}})
        told = json.loads(last["content"])
        if "error" in told:
            assert "'max' must be a number" in told["error"]
            return calls("recommend", request="a tripod", filters={"price": {"max": 60}}, k=2)
        return {"content": json.dumps(told["items"])}

    model.act = act
    chat = ChatOpenAI(model="scripted", base_url=model.url, api_key=SecretStr("none"))
    agent = create_agent(chat, tools=[recommend_tool(app)])
    said = await agent.ainvoke({"messages": [{"role": "user", "content": "a tripod under 60"}]})
    items = json.loads(said["messages"][-1].text)
    assert len(items) == 2
    assert all(item["price"] <= 60 for item in items)
    assert [each["function"]["name"] for each in model.asked[0]["tools"]] == ["recommend"]


def test_without_an_event_loop(shop: Path) -> None:
    with SyncRe2LLM(settings_for(shop)) as app:
        slate = app.recommend(app.app.parts.dataset.test[0].items)
        assert not app.feedback(slate.id, chosen=slate.item_ids[0]).error
    with pytest.raises(UserError, match="no catalogue"):
        SyncRe2LLM(settings_for(shop / "elsewhere"))


async def test_for_a_langgraph_server(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RE2LLM_WORKSPACE", str(shop))
    graph = make_graph()
    assert graph.checkpointer is None
    output = await graph.ainvoke({"session": [], "k": 2})
    assert len(output["ranking"]["items"]) >= 2
