"""The conversation as a graph: `messages` in, `messages` out, remembered by whose checkpointer."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from shop_settings import settings_for

from re2llm import Re2LLM, chat_graph
from re2llm.service.asked import Asked
from re2llm.service.chat.state import ChatContext, ChatState
from re2llm.service.embedding import LatestSlates, OwnSlates, make_chat


async def test_a_chat_remembers_and_its_feedback_is_learnt_from(app: Re2LLM) -> None:
    graph = chat_graph(app).compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "one"}}

    async def say(words: str) -> dict:  # type: ignore[type-arg]
        return dict(await graph.ainvoke({"messages": [HumanMessage(words)]}, thread))  # type: ignore[arg-type]

    first = await say("a tripod")
    told = await say("under 60")
    assert told["cards"]
    for item_id in told["cards"]:
        item = app.parts.catalog[item_id]
        assert "Tripod" in item.attributes["category"]  # type: ignore[operator]
        assert float(item.attributes["price"]) < 60  # type: ignore[arg-type]
        assert item.title in str(told["messages"][-1].text)
    assert len(told["messages"]) == len(first["messages"]) + 2 == 4
    taken = await say("I'll take the first one")
    assert taken["understood"]["act"] == "take"
    outcome = await app.feedback(told["slate_id"], chosen=told["cards"][0], source="chat")
    assert not outcome.error  # the same again is the same outcome


@dataclass(frozen=True, kw_only=True)
class Mine:
    """Somebody else's context; `k` means something else there."""

    tenant: str
    k: str = "many"


@pytest.mark.parametrize(("context", "tenant"), [(Mine(tenant="acme"), "acme"), (None, "here")])
async def test_a_chat_in_a_graph_with_a_context_of_its_own(
    shop: Path, context: Mine | None, tenant: str
) -> None:
    settings = settings_for(shop).model_copy(update={"tenant": "here"})
    async with await Re2LLM.open(settings) as app:
        graph = StateGraph(ChatState, context_schema=Mine)
        graph.add_node("chat", chat_graph(app).compile())
        graph.add_edge(START, "chat")
        said = await graph.compile().ainvoke(
            {"messages": [HumanMessage("a tripod")]}, context=context
        )
        assert len(said["cards"]) <= 5
        thread = {"configurable": {"thread_id": said["slate_id"]}}
        served = await app.graph.aget_state(thread)  # type: ignore[arg-type]
        assert served.values["tenant"] == tenant


async def test_other_feedback_on_the_same_slate_is_refused(app: Re2LLM) -> None:
    slates = OwnSlates(app=app)
    slate = (await slates.make("default", Asked(request="a tripod", k=2))).slate
    await app.feedback(slate.id, chosen=slate.item_ids[0], source="chat")
    assert await slates.take(ChatContext(), slate.id, slate.item_ids[0])
    assert not await slates.take(ChatContext(), slate.id, slate.item_ids[1])


async def test_only_the_latest_slates_wait_in_memory(app: Re2LLM) -> None:
    saver = LatestSlates(most=2)
    from re2llm.graph.builder import build_graph

    graph = build_graph(app.parts.steps).compile(checkpointer=saver)
    for name in ("a", "b", "c"):
        await graph.ainvoke(
            {"session": [], "k": 2}, {"configurable": {"thread_id": name}}, durability="exit"
        )
    kept = {found.config["configurable"]["thread_id"] async for found in saver.alist(None)}
    assert kept == {"b", "c"}


async def test_for_a_langgraph_server(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from re2llm.graph.served import _environment_parts, make_graph, make_parts

    monkeypatch.setenv("RE2LLM_WORKSPACE", str(shop))
    for made in (_environment_parts, make_graph, make_chat):
        made.cache_clear()
    try:
        graph = make_chat()
        assert graph.checkpointer is None
        assert make_graph() is make_graph()  # beside it, on the same workspace
        said = await graph.ainvoke({"messages": [{"role": "user", "content": "a tripod"}]})  # type: ignore[arg-type]
        assert said["messages"][-1].text.startswith("Here are")
        taken = await graph.ainvoke({**said, "messages": [HumanMessage("I'll take the first")]})  # type: ignore[arg-type]
        assert taken["messages"]
    finally:
        make_parts().close()
        for made in (_environment_parts, make_graph, make_chat):
            made.cache_clear()
