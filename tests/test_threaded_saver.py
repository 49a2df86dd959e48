"""The SQLite checkpointer keeps what LangGraph's own would keep, and ends in order."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from re2llm.checkpoints import open_checkpoints
from re2llm.threaded_saver import NEW, ThreadedSqliteSaver


class State(TypedDict, total=False):
    asked: str
    told: str


async def ask(state: State) -> State:
    return {"told": interrupt({"asked": state["asked"]})}


def compiled(saver) -> CompiledStateGraph:
    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile(checkpointer=saver)


def thread(name: str) -> dict:
    return {"configurable": {"thread_id": name}}


async def test_a_run_that_waits_goes_on_after_a_restart(tmp_path: Path):
    path = tmp_path / "kept.sqlite"
    async with open_checkpoints(path) as saver:
        await compiled(saver).ainvoke({"asked": "size?"}, thread("a"), durability="exit")
    async with open_checkpoints(path) as saver:
        graph = compiled(saver)
        assert (await graph.aget_state(thread("a"))).interrupts[0].value == {"asked": "size?"}
        told = await graph.ainvoke(Command(resume="M"), thread("a"), durability="exit")
    assert told == {"asked": "size?", "told": "M"}


async def test_it_reads_what_langgraphs_own_wrote_and_the_other_way_round(tmp_path: Path):
    path = tmp_path / "kept.sqlite"
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        await compiled(saver).ainvoke({"asked": "old"}, thread("a"))
    async with ThreadedSqliteSaver.opened(path) as saver:
        graph = compiled(saver)
        assert (await graph.aget_state(thread("a"))).values == {"asked": "old"}
        await graph.ainvoke({"asked": "new"}, thread("b"))
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        assert (await compiled(saver).aget_state(thread("b"))).values == {"asked": "new"}


async def test_many_at_once_are_all_kept_listed_and_forgotten(tmp_path: Path):
    async with ThreadedSqliteSaver.opened(tmp_path / "kept.sqlite") as saver:
        graph = compiled(saver)
        names = [f"t{number}" for number in range(80)]
        await asyncio.gather(
            *(graph.ainvoke({"asked": name}, thread(name), durability="exit") for name in names)
        )
        listed = [one async for one in saver.alist(None)]
        assert sorted(one.config["configurable"]["thread_id"] for one in listed) == sorted(names)
        async for one in saver.alist(None):  # noqa: B007
            break
        await saver.adelete_thread("t7")
        assert await saver.aget_tuple(thread("t7")) is None
        assert await saver.aget_tuple(thread("t8")) is not None


async def test_who_gives_up_waiting_leaves_no_transaction_open(tmp_path: Path):
    async with ThreadedSqliteSaver.opened(tmp_path / "kept.sqlite") as saver:
        graph = compiled(saver)
        await graph.ainvoke({"asked": "first"}, thread("a"))
        saver.lock.acquire()
        late = asyncio.create_task(saver.adelete_thread("a"))
        await asyncio.sleep(0)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        assert not saver.conn.in_transaction
        saver.lock.release()
        await graph.ainvoke({"asked": "second"}, thread("b"))
        assert not saver.conn.in_transaction
        assert (await graph.aget_state(thread("b"))).values == {"asked": "second"}


async def test_writes_that_wait_together_are_committed_once_and_fail_alone(tmp_path: Path):
    statements: list[str] = []
    async with ThreadedSqliteSaver.opened(tmp_path / "kept.sqlite") as saver:
        await compiled(saver).ainvoke({"asked": "first"}, thread("a"), durability="exit")
        kept = await saver.aget_tuple(thread("a"))
        assert kept is not None

        def put(name: str, values: dict[str, object]) -> Coroutine[Any, Any, RunnableConfig]:
            checkpoint = {**kept.checkpoint, "channel_values": values}
            where = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
            return saver.aput(where, checkpoint, {}, {})

        saver.conn.set_trace_callback(statements.append)
        saver.lock.acquire()
        names = [f"t{number}" for number in range(6)]
        tasks = [asyncio.create_task(put(name, {"asked": name})) for name in names]
        wrong = asyncio.create_task(put("wrong", {"asked": threading.Lock()}))
        await asyncio.sleep(0)
        saver.lock.release()
        await asyncio.gather(*tasks)
        with pytest.raises(TypeError):
            await wrong
        saver.conn.set_trace_callback(None)
        assert statements.count("COMMIT") == 1
        assert not saver.conn.in_transaction
        for name in names:
            found = await saver.aget_tuple(thread(name))
            assert found is not None
            assert found.checkpoint["channel_values"] == {"asked": name}
        assert await saver.aget_tuple(thread("wrong")) is None


async def test_of_a_new_thread_nothing_is_read(tmp_path: Path):
    statements: list[str] = []
    async with ThreadedSqliteSaver.opened(tmp_path / "kept.sqlite") as saver:
        graph = compiled(saver)
        await graph.ainvoke({"asked": "first"}, thread("a"), durability="exit")
        saver.conn.set_trace_callback(statements.append)
        new = {"configurable": {"thread_id": "b", NEW: True}}
        await graph.ainvoke({"asked": "size?"}, new, durability="exit")
        assert not [one for one in statements if one.lstrip().startswith("SELECT")]
        saver.conn.set_trace_callback(None)
        told = await graph.ainvoke(Command(resume="M"), thread("b"), durability="exit")
    assert told["told"] == "M"
