"""What a served hint is counted for when feedback comes, through the real graph."""

from dataclasses import replace

from learning_app import HELPFUL, missed, with_steps

from re2llm.graph.app import Re2LLM
from re2llm.kb_store.entry import Tally as Counts
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.life import LifeRules, sweep
from re2llm.kb_store.quota import QuotaLimits, ReflectionQuota
from re2llm.llm.ranking import RankTask
from re2llm.nodes.tally import Tally, session_kind

HINT = hint_id(HELPFUL)


class Turned:
    """Says that without the hint the candidates stand the other way round."""

    async def order(self, task: RankTask, hint: str | None) -> list[str] | None:
        assert hint is None
        assert task.hint == HELPFUL
        return [one.item.item_id for one in task.candidates][::-1]


def counting(app: Re2LLM, *, share: float = 1.0) -> Re2LLM:
    store = app.parts.store
    store.put(Hint(hint_id=HINT, text=HELPFUL, status=Status.ACTIVE), by="test", why="to be used")
    steps = app.parts.steps
    tally = Tally(
        store=store,
        catalog=app.parts.catalog,
        base=app.parts.as_served.measure,
        share=share,
        depth=10,
    )
    quiet = replace(steps, tally=tally)
    return with_steps(app, quiet)


def counts(app: Re2LLM) -> tuple[int, int, int]:
    hint = app.parts.store.get(HINT)
    assert hint is not None
    return hint.shown, hint.helped, hint.hurt


async def test_a_slate_counts_once_and_only_with_a_hint(app: Re2LLM) -> None:
    app = counting(app)
    plain, _ = await missed(app, 1)
    await app.feedback(plain.id, chosen=plain.item_ids[0])
    assert counts(app) == (0, 0, 0)
    slate, _ = await missed(app, hint=HINT)
    for _ in range(2):
        await app.feedback(slate.id, chosen=slate.item_ids[0])
    assert counts(app)[0] == 1
    nothing, _ = await missed(app, 2, hint=HINT)
    await app.feedback(nothing.id, chosen=None)
    assert counts(app)[0] == 2
    kinds = app.parts.store.log.by_kind(HINT, tenant="default")
    sessions = [app.parts.dataset.test[number].items for number in (0, 2)]
    assert set(kinds) == {session_kind(session) for session in sessions}


async def test_the_verdict_compares_with_the_slate_without_the_hint(app: Re2LLM) -> None:
    app = counting(app)
    expected = [0, 0]
    for number in range(12):
        session = app.parts.dataset.test[number]
        base, _ = await missed(app, number)
        slate, _ = await missed(app, number, hint=HINT)
        chosen = next((i for i in slate.item_ids if i not in base.item_ids), None)
        if chosen is not None:
            expected[0] += 1
        else:
            chosen = next(i for i in base.item_ids if i in session.candidates)
            before, after = base.item_ids.index(chosen), slate.item_ids.index(chosen)
            expected[0] += after < before
            expected[1] += after > before
        await app.feedback(slate.id, chosen=chosen, source=f"shopper {number}")
    assert counts(app) == (12, *expected)
    assert sum(expected) > 0


async def test_one_source_is_heard_once_about_a_hint(app: Re2LLM) -> None:
    app = counting(app)
    steps = app.parts.steps
    tally = Tally(store=app.parts.store, catalog=app.parts.catalog, base=Turned(), share=1.0)
    app = with_steps(app, replace(steps, tally=tally))
    for number in range(5):
        slate, _ = await missed(app, number, hint=HINT)
        await app.feedback(slate.id, chosen=slate.item_ids[0], source="the one")
    shown, helped, hurt = counts(app)
    assert (shown, helped + hurt) == (5, 1)


async def test_feedback_of_a_batch_and_slates_out_of_the_share_leave_no_verdict(
    app: Re2LLM,
) -> None:
    app = counting(app, share=0.0)
    session = app.parts.dataset.test[0]
    slate, _ = await missed(app, hint=HINT)
    paid = app.parts.client.budget.spent.calls
    await app.feedback(slate.id, chosen=slate.item_ids[-1])
    assert counts(app) == (1, 0, 0)
    assert app.parts.client.budget.spent.calls == paid
    given = {"session": list(session.items), "feedback": {"chosen": slate.item_ids[0]}}
    await app.graph.ainvoke(
        given,  # type: ignore[arg-type]
        {"configurable": {"thread_id": "batch"}},
    )
    assert counts(app) == (1, 0, 0)
    assert Counts(shown=1) in app.parts.store.log.by_kind(HINT, tenant="default").values()


class First:
    """Puts the last candidate first with a hint; without one it is not to be asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def order(self, task: RankTask, hint: str | None) -> list[str] | None:
        assert hint is not None
        self.asked.append(hint)
        return [one.item.item_id for one in task.candidates][::-1]


async def test_a_shadow_is_tried_where_no_hint_was_served_and_never_shown(app: Re2LLM) -> None:
    store = app.parts.store
    store.put(Hint(hint_id=HINT, text=HELPFUL, status=Status.SHADOW), by="test", why="promising")
    base = First()
    steps = app.parts.steps
    tally = Tally(store=store, catalog=app.parts.catalog, base=base, shadows=1.0, depth=10)
    later = replace(steps.reflect, quota=ReflectionQuota(None, QuotaLimits(tenant=0)))
    app = with_steps(app, replace(steps, tally=tally, reflect=later))
    expected = [0, 0]
    for number in range(16):
        slate, _ = await missed(app, number)
        assert slate.hint_id is None
        task_order = (await app.graph.aget_state({"configurable": {"thread_id": slate.id}})).values
        candidates = [one["item_id"] for one in task_order["candidates"]]
        served = task_order["ranking"]["items"]
        chosen = candidates[-1] if number % 8 else candidates[0]
        before, after = (min(one.index(chosen), 10) for one in (served, candidates[::-1]))
        expected[0] += after < before
        expected[1] += after > before
        await app.feedback(slate.id, chosen=chosen, source=f"shopper {number}")
    assert base.asked == [HELPFUL] * 16
    assert counts(app) == (0, *expected)
    assert expected[0] >= 12
    moved = sweep(store, LifeRules(), now=0.0, last_noted={})
    assert [(hint.hint_id, hint.status) for hint in moved] == [(HINT, Status.ACTIVE)]
    # One source is heard once, and a share of none asks for nothing.
    slate, _ = await missed(app, 20)
    await app.feedback(slate.id, chosen=slate.item_ids[0], source="shopper 1")
    assert counts(app) == (0, *expected)


async def test_without_a_share_no_shadow_is_tried(app: Re2LLM) -> None:
    store = app.parts.store
    store.put(Hint(hint_id=HINT, text=HELPFUL, status=Status.SHADOW), by="test", why="promising")
    base = First()
    tally = Tally(store=store, catalog=app.parts.catalog, base=base)
    app = with_steps(app, replace(app.parts.steps, tally=tally))
    slate, hidden = await missed(app)
    await app.feedback(slate.id, chosen=hidden)
    assert base.asked == []


def test_kinds_of_sessions() -> None:
    given = ([], ["a"], ["a", "b"], ["a", "b", "a"], list("abcde"))
    assert [session_kind(one) for one in given] == ["empty", "single", "short", "repeat", "long"]
