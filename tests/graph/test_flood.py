"""What a flood of feedback costs, what waits, and who can bring a hint in."""

from dataclasses import replace

from learning_app import HELPFUL, WrittenReflector, missed, trusting, with_steps

from re2llm.graph.app import Re2LLM
from re2llm.graph.postponed import reflect_postponed
from re2llm.kb_store.hint import Status, hint_id
from re2llm.kb_store.quota import QuotaLimits, ReflectionQuota


def limited(app: Re2LLM, reflector: WrittenReflector, limits: QuotaLimits) -> Re2LLM:
    """The application with a quota, and a model that proposes one helpful hint."""
    steps = app.parts.steps
    reflect = replace(
        steps.reflect,
        reflector=reflector,
        admission=trusting(app),
        quota=ReflectionQuota(None, limits),
    )
    app.parts.__dict__["steps"] = replace(steps, reflect=reflect)
    return with_steps(app, app.parts.steps)


async def test_a_flood_costs_no_more_than_the_quota_and_the_rest_waits(app: Re2LLM) -> None:
    reflector = WrittenReflector()
    app = limited(app, reflector, QuotaLimits(tenant=3, source=2))
    notices = []
    for number in range(8):
        slate, hidden = await missed(app, number)
        outcome = await app.feedback(slate.id, chosen=hidden, source=f"shopper {number}")
        again = await app.feedback(slate.id, chosen=hidden, source=f"shopper {number}")
        assert outcome.error
        assert again.new_hints == outcome.new_hints
        notices += outcome.notices
    assert len(reflector.asked) == 3
    assert len([note for note in notices if "reflection is postponed: 3 were made" in note]) == 5
    some = await reflect_postponed(app.parts, most=2)
    assert (some.reflected, some.left) == (2, 3)
    rest = await reflect_postponed(app.parts)
    assert (rest.reflected, rest.left) == (3, 0)
    targets = {failure.target for failure in reflector.asked}
    assert len(reflector.asked) == 8
    assert len(targets) > 1
    assert all(failure.target in failure.order for failure in reflector.asked)


async def test_contradictions_of_one_source_bring_no_hint_in_and_two_sources_do(
    app: Re2LLM,
) -> None:
    app = limited(app, WrittenReflector(), QuotaLimits(source=100))
    for number in range(6):
        slate, hidden = await missed(app, number)
        outcome = await app.feedback(slate.id, chosen=hidden, source="the one")
        assert [hint["status"] for hint in outcome.new_hints] == [Status.SHADOW]
    # The same sessions again, and another item each time.
    for number in range(6):
        session = app.parts.dataset.test[number]
        slate = await app.recommend(session.items, candidates=session.candidates, hint="none")
        hidden = [i for i in session.candidates or () if i not in slate.item_ids]
        await app.feedback(slate.id, chosen=hidden[0], source="the one")
    held = app.parts.store.get(hint_id(HELPFUL))
    assert held is not None
    assert held.status is Status.SHADOW
    assert app.parts.store.supporters(held.hint_id) == 1
    slate, hidden_item = await missed(app, 7)
    outcome = await app.feedback(slate.id, chosen=hidden_item, source="another")
    assert [hint["status"] for hint in outcome.new_hints] == [Status.ACTIVE]
