"""The graph alone, in somebody else's: what it takes for feedback, for which slate, for whom."""

from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from shop_settings import settings_for

from re2llm import Re2LLM, build_graph
from re2llm.errors import UserError
from re2llm.graph.builder import RecommendApp
from re2llm.nodes.context import Context
from re2llm.nodes.state import Feedback, NewHint, Ranking


class Chat(TypedDict, total=False):
    """A chatbot's state that shares even what comes of feedback."""

    session: list[str]
    given_candidates: list[str]
    k: int
    ranking: Ranking
    feedback: Feedback | None
    new_hints: list[NewHint]


@dataclass(frozen=True, kw_only=True)
class Mine:
    """Somebody else's context; `hint` means something else there."""

    user: str = "jo"
    tenant: str = "acme"
    hint: int = 3


def embedded(app: Re2LLM, **more: Any) -> Any:
    chat = StateGraph(Chat, **more)
    chat.add_node("recommend", build_graph(app.parts.steps).compile())
    chat.add_edge(START, "recommend")
    chat.add_edge("recommend", END)
    return chat.compile(checkpointer=InMemorySaver())


def alone(app: Re2LLM) -> RecommendApp:
    return build_graph(app.parts.steps).compile(checkpointer=InMemorySaver())


def thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}}


def asked(app: Re2LLM, number: int = 0) -> Any:
    session = app.parts.dataset.test[number]
    return {"session": list(session.items), "given_candidates": list(session.candidates or ())}


def shown(said: Any) -> list[str]:
    """Return the slate that waits for feedback."""
    slate: list[str] = said["__interrupt__"][0].value["slate"]
    return slate


def hidden(app: Re2LLM, said: Any, number: int = 0) -> str:
    """Return a candidate that the slate does not show."""
    return next(one for one in asked(app, number)["given_candidates"] if one not in shown(said))


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ("B77", "feedback is an object"),
        (["B77"], "feedback is an object"),
        ({"chosen": 5}, "valid string"),
        ({"taken": "B77"}, "Field required"),
        ({"chosen": None, "source": 7}, "valid string"),
        ({"chosen": None, "slate": "another"}, "'another' is not the slate shown here"),
    ],
)
async def test_what_is_no_feedback_leaves_the_slate_waiting_for_it(
    app: Re2LLM, wrong: object, fault: str
) -> None:
    graph = alone(app)
    said = await graph.ainvoke(asked(app), thread("a"))
    told = await graph.ainvoke(Command(resume=wrong), thread("a"))
    waiting = told["__interrupt__"][0].value
    assert fault in waiting["fault"]
    assert waiting["slate"] == said["__interrupt__"][0].value["slate"]
    right = {"chosen": hidden(app, said), "slate": waiting["slate_id"]}
    heard = await graph.ainvoke(Command(resume=right), thread("a"))
    assert "__interrupt__" not in heard
    assert heard["feedback"]["chosen"] == hidden(app, said)
    assert heard["new_hints"]


async def test_feedback_is_not_heard_for_the_next_slate_of_a_thread(app: Re2LLM) -> None:
    for graph in (alone(app), embedded(app)):
        said = await graph.ainvoke(asked(app), thread("a"))
        first = await graph.ainvoke(Command(resume={"chosen": hidden(app, said)}), thread("a"))
        assert first["new_hints"]
        log = app.parts.store.log.position()
        second = await graph.ainvoke(asked(app, 1), thread("a"))
        assert set(shown(second)) <= set(asked(app, 1)["given_candidates"])
        last = await graph.ainvoke(Command(resume={"chosen": None}), thread("a"))
        assert last["feedback"]["chosen"] is None
        assert last["new_hints"] == []
        assert app.parts.store.log.position() == log


async def test_feedback_is_not_heard_again_where_nothing_waits(app: Re2LLM) -> None:
    graph = build_graph(app.parts.steps).compile()
    first = await graph.ainvoke(asked(app), context=Context(wait=False))
    taken = {"chosen": first["ranking"]["items"][-1]}
    told = await graph.ainvoke({**asked(app), "feedback": taken})
    assert told["new_hints"]
    log = app.parts.store.log.position()
    again = await graph.ainvoke({**asked(app, 1), "feedback": told["feedback"]})
    assert again["feedback"] is None
    assert again["new_hints"] == []
    assert app.parts.store.log.position() == log


async def test_a_graph_with_a_context_of_its_own(app: Re2LLM) -> None:
    graph = embedded(app, context_schema=Mine)
    said = await graph.ainvoke(asked(app), thread("a"), context=Mine())
    await graph.ainvoke(Command(resume={"chosen": hidden(app, said)}), thread("a"), context=Mine())
    assert app.parts.store.hints() == []
    assert app.parts.store.hints(tenant="acme")


async def test_what_is_learnt_stays_with_the_tenant_that_was_served(app: Re2LLM) -> None:
    graph = alone(app)
    said = await graph.ainvoke(asked(app), thread("a"), context=Context(tenant="acme"))
    taken = {"chosen": hidden(app, said)}
    with pytest.raises(UserError, match="another tenant than 'other'"):
        await graph.ainvoke(Command(resume=taken), thread("a"), context=Context(tenant="other"))
    heard = await graph.ainvoke(Command(resume=taken), thread("a"))
    assert heard["new_hints"]
    assert app.parts.store.tenants() == ["acme"]


async def test_without_a_word_it_serves_the_tenant_of_the_workspace(shop: Any) -> None:
    settings = settings_for(shop).model_copy(update={"tenant": "acme"})
    async with await Re2LLM.open(settings) as app:
        graph = alone(app)
        said = await graph.ainvoke(asked(app), thread("a"))
        await graph.ainvoke(Command(resume={"chosen": hidden(app, said)}), thread("a"))
        assert app.parts.store.tenants() == ["acme"]


async def test_the_application_refuses_what_is_no_feedback(app: Re2LLM) -> None:
    session = app.parts.dataset.test[0]
    slate = await app.recommend(session.items)
    with pytest.raises(UserError, match="'source'"):
        await app.feedback(slate.id, chosen=None, source="x" * 600)
    assert not (await app.feedback(slate.id, chosen=None, source="x")).error
