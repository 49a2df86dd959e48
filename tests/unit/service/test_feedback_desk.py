"""Whose word feedback is over HTTP, and that none is lost while the records do not answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
from langgraph.checkpoint.memory import InMemorySaver
from service_client import KEYS, opened, serve_settings

from re2llm.database import DatabaseUnavailable
from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.builder import build_graph
from re2llm.kb_store.admission import AdmissionRules, HintAdmission, Writer
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.redundancy import Redundancy
from re2llm.llm.reflection import Failure, HintDraft, Reflection
from re2llm.service.claims import Claims
from re2llm.service.feedback import FeedbackDesk
from re2llm.service.front import Front
from re2llm.service.keys import Caller
from re2llm.service.records import open_records
from re2llm.service.slates import Slates
from re2llm.service.whose import Whose, whose

HELPFUL = "Prefer candidates of the category that most of the session is about."


class Proposes:
    """A model that proposes one hint, always."""

    async def reflect(self, failure: Failure) -> Reflection:
        return Reflection(drafts=(HintDraft(text=HELPFUL),))


class Helps:
    """A trial that it passes."""

    async def own_gain(self, failure: Failure, hint_text: str) -> float:
        return 0.3

    async def similar_gains(self, failure: Failure, hint_text: str, n: int) -> list[float]:
        return ([0.1, 0.2] * n)[:n]


def proposing(app: Re2LLM) -> Re2LLM:
    """The application with that model and that trial; all else is real."""
    admission = HintAdmission(
        app.parts.store,
        leak=app.parts.leak,
        redundancy=Redundancy(store=app.parts.store),
        trial=Helps(),
        writer=Writer(source="feedback"),
        rules=AdmissionRules(sources=2),
    )
    steps = app.parts.steps
    reflect = replace(steps.reflect, reflector=Proposes(), admission=admission)
    app.graph = build_graph(replace(steps, reflect=reflect)).compile(checkpointer=InMemorySaver())
    return app


async def miss(
    client: httpx.AsyncClient, app: Re2LLM, number: int, key: str = "", **more: str
) -> dict[str, object]:
    """Be served a session of one's own, and take what was not shown."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    session = app.parts.dataset.test[number]
    begun = (await client.post("/v1/sessions", headers=headers)).json()["session_id"]
    body = {"session_id": begun, "session": list(session.items), "hint": "none"}
    body |= {"candidates": list(session.candidates or ())}
    slate = (await client.post("/v1/recommendations", json=body, headers=headers)).json()
    shown = [card["item_id"] for card in slate["items"]]
    taken = [item_id for item_id in session.candidates or () if item_id not in shown][-1]
    path = f"/v1/slates/{slate['slate_id']}/feedback"
    answer = await client.post(path, json={"chosen": taken, **more}, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


def status(app: Re2LLM, tenant: str = "default") -> Status:
    """What became of the proposed hint."""
    found = app.parts.store.get(hint_id(HELPFUL, tenant), tenant=tenant)
    assert found is not None
    return found.status


async def test_sessions_of_one_key_are_one_source_and_two_shoppers_are_two(app: Re2LLM) -> None:
    north = "north-key-0123456789"
    async with opened(proposing(app), api_keys=KEYS) as client:
        for number in range(4):
            await miss(client, app, number, north)
        assert status(app, "north") is Status.SHADOW
        for number in range(4, 6):
            await miss(client, app, number, "north-chat-0123456789", shopper=f"made up {number}")
        # The public key is another source than the shop's own, and its shoppers are not believed.
        held = app.parts.store.supporters(hint_id(HELPFUL, "north"), tenant="north")
        assert held == 2
        south = "south-key-0123456789"
        await miss(client, app, 6, south, shopper="ann")
        await miss(client, app, 7, south, shopper="ann")
        assert status(app, "south") is Status.SHADOW
        await miss(client, app, 8, south, shopper="bob")
        assert status(app, "south") is Status.ACTIVE


def test_the_best_known_identity_counts() -> None:
    staff = Caller(tenant="t", name="key-1")
    page = Caller(tenant="t", name="key-2", staff=False)
    local = Caller(tenant="t", name="local", keyed=False)
    assert whose(staff, "s", "ann") == whose(local, "other", "ann")
    assert "ann" not in whose(staff, "s", "ann").source
    assert whose(staff, "s") == Whose(source="key-1", session="session s")
    assert whose(page, "s", "ann") == Whose(source="key-2")
    assert whose(local, "s") == Whose(source="session s")
    assert whose(local, None) == Whose(source="local")


@contextmanager
def broken(app: Re2LLM, fault: Callable[[], Exception]) -> Iterator[None]:
    """Let the hints' record refuse every write, while all other records go on."""
    log = app.parts.store.log
    append = log.append

    def refuse(_: object) -> list[object]:
        raise fault()

    vars(log)["append"] = refuse
    try:
        yield
    finally:
        vars(log)["append"] = append


async def test_feedback_outlives_a_time_without_the_hints_record(app: Re2LLM) -> None:
    app = proposing(app)
    async with opened(app, feedback_wait=0.5, lease=0.4) as client:
        with broken(app, lambda: DatabaseUnavailable("the server went away")):
            told = await miss(client, app, 0)
            assert told["state"] == "pending"
        # It is back: what was accepted is worked on without being told again.
        path = f"/v1/slates/{told['slate_id']}"
        later = (await client.get(path, params={"wait": 20})).json()
    assert later["state"] == "done"
    assert [hint["text"] for hint in later["new_hints"]] == [HELPFUL]
    assert status(app) is Status.SHADOW


async def test_what_only_the_caller_can_mend_is_settled_at_once(app: Re2LLM) -> None:
    async with opened(proposing(app), lease=30) as client:
        with broken(app, lambda: UserError("that is no feedback")):
            told = await miss(client, app, 0)
    assert told["state"] == "done"
    assert told["notices"] == ["that is no feedback"]


async def test_the_service_moves_hints_that_must_move_and_never_two_at_once(app: Re2LLM) -> None:
    store = app.parts.store
    harmful, quiet = "Prefer what is dear.", "Prefer what is new."
    for text in (harmful, quiet):
        new = Hint(hint_id=hint_id(text, "south"), text=text, status=Status.ACTIVE, tenant="south")
        store.put(new, by="test", why="to be judged")
    store.record(hint_id(harmful, "south"), shown=40, hurt=30, tenant="south")
    database = open_records(None)
    claims = Claims(database=database, lease=30)
    desk = FeedbackDesk(app=app, slates=Slates(database), claims=claims)
    front = Front.open(app, serve_settings(), app.parts.workspace.root)
    assert front.feedback.look_after in [chore.work for chore in front._chores()]
    front.database.close()
    other = Claims(database=database, lease=30)
    async with other.tried("upkeep") as mine:
        assert mine
        assert await desk.look_after() == 0
    assert await desk.look_after() == 1
    assert await desk.look_after() == 0
    moved = store.get(hint_id(harmful, "south"), tenant="south")
    assert moved is not None
    assert (moved.status, "hurts more" in moved.reason) == (Status.RETIRED, True)
    database.close()


async def test_what_waits_for_reflection_can_be_watched(app: Re2LLM) -> None:
    async with opened(app) as client:
        assert "re2llm_reflections_waiting 0.0" in (await client.get("/metrics")).text
        for tenant, errors in (("north", 62), ("south", 61)):
            for number in range(errors):
                app.parts.quota.take(f"slate {number}", tenant=tenant, what="{}")
        assert "re2llm_reflections_waiting 3.0" in (await client.get("/metrics")).text
