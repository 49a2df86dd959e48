"""What feedback does: nothing after a hit, reflection after an error, once, in any process."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from shop_settings import settings_for

from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.slate import Slate

SCRIPT = Path(__file__).parents[1] / "give_feedback.py"


async def missed(app: Re2LLM) -> tuple[Slate, str]:
    """Return a slate, and a candidate that it ranked but did not show."""
    session = app.parts.dataset.test[0]
    slate = await app.recommend(session.items, candidates=session.candidates)
    hidden = [i for i in session.candidates or () if i not in slate.item_ids]
    return slate, hidden[-1]


async def test_a_hit_teaches_nothing(app: Re2LLM) -> None:
    slate, _ = await missed(app)
    outcome = await app.feedback(slate.id, chosen=slate.item_ids[0])
    assert not outcome.error
    assert outcome.new_hints == ()
    assert outcome.usage.calls == 0


async def test_nothing_chosen_is_no_error(app: Re2LLM) -> None:
    slate, _ = await missed(app)
    assert not (await app.feedback(slate.id, chosen=None)).error


async def test_an_error_makes_it_reflect_and_one_source_cannot_activate_a_hint(
    app: Re2LLM,
) -> None:
    slate, hidden = await missed(app)
    outcome = await app.feedback(slate.id, chosen=hidden, source="shopper")
    assert outcome.error
    assert outcome.new_hints
    assert {hint["status"] for hint in outcome.new_hints} <= {"shadow", "candidate", "refused"}
    kept = {hint.hint_id for hint in app.parts.store.hints()}
    assert {hint["hint_id"] for hint in outcome.new_hints} <= kept
    title = app.parts.catalog[hidden].title
    assert all(title not in hint["text"] for hint in outcome.new_hints)


async def test_saying_it_again_changes_nothing_and_saying_otherwise_is_refused(
    app: Re2LLM,
) -> None:
    slate, hidden = await missed(app)
    first = await app.feedback(slate.id, chosen=hidden)
    log = app.parts.store.log.position()
    again = await app.feedback(slate.id, chosen=hidden)
    assert again.new_hints == first.new_hints
    assert app.parts.store.log.position() == log
    with pytest.raises(UserError, match="other feedback"):
        await app.feedback(slate.id, chosen=slate.item_ids[0])


async def test_feedback_for_what_was_never_served_is_refused(app: Re2LLM) -> None:
    with pytest.raises(UserError, match="no slate 'nonsense'"):
        await app.feedback("nonsense", chosen=None)
    slate, _ = await missed(app)
    with pytest.raises(UserError, match="'nothing'"):
        await app.feedback(slate.id, chosen="nothing")


async def test_another_process_takes_the_feedback(shop: Path) -> None:
    async with await Re2LLM.open(settings_for(shop)) as app:
        slate, hidden = await missed(app)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), str(shop), slate.id, hidden, stdout=PIPE, stderr=PIPE
    )
    printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    told = json.loads(printed)
    assert told["error"]
    async with await Re2LLM.open(settings_for(shop)) as app:
        kept = {hint.hint_id for hint in app.parts.store.hints()}
    assert {hint["hint_id"] for hint in told["new_hints"]} <= kept


async def test_a_second_writer_is_refused_with_a_clear_message(app: Re2LLM, shop: Path) -> None:
    with pytest.raises(UserError, match=r"in use|another process|writes"):
        await Re2LLM.open(settings_for(shop))
    assert app.parts.store.hints() == []
