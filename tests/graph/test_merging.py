"""Hints that overlap become one, where that is measured to be no worse."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop_settings import settings_for

from re2llm.errors import UserError
from re2llm.graph.merging import Merging
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.kb_store.hint import Hint, Provenance, Status, hint_id
from re2llm.llm.ranking import RankAnswer, RankTask

TWINS = (
    "Prefer candidates from the same era as the session's items.",
    "Favour candidates of similar years as the session.",
)
OTHER = "Prefer cheaper candidates."
MINE = "Put candidates of the same decade first."


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    settings = settings_for(shop).model_copy(update={"reward": "model"})
    opened = open_parts(settings, None)
    opened.store.put_all(
        [
            Hint(
                hint_id=hint_id(text),
                text=text,
                status=Status.ACTIVE,
                provenance=Provenance(source=source),
            )
            for text, source in (*((one, "explore") for one in (*TWINS, OTHER)), (MINE, "person"))
        ],
        by="test",
        why="to be merged",
    )
    yield opened
    opened.close()


class Steered:
    """Finds the item with any hint that has these words."""

    def __init__(self, parts: Parts, words: str) -> None:
        self._targets = {_ids(case.task): case.target for case in parts.valid_cases()}
        self._words = words

    async def rerank(self, task: RankTask) -> RankAnswer:
        order = [one.item.item_id for one in task.candidates]
        target = self._targets[_ids(task)]
        if task.hint is not None and self._words in task.hint and target in order:
            order.remove(target)
            order.insert(0, target)
        return RankAnswer(order=tuple(order), listed=len(order))


def _ids(task: RankTask) -> tuple[str, ...]:
    return tuple(item.item_id for item in task.session)


async def test_only_hints_that_say_the_same_overlap_and_no_person_s(parts: Parts) -> None:
    pairs = await Merging(parts=parts).overlapping(5)
    assert [{a.text, b.text} for a, b in pairs] == [set(TWINS)] or pairs == []
    off = parts.store.set_status(hint_id(MINE), Status.DISABLED, by="t", why="out of the way")
    assert off.status is Status.DISABLED
    [(a, b)] = await Merging(parts=parts).overlapping(5)
    assert {a.text, b.text} == set(TWINS)
    assert await Merging(parts=parts).overlapping(0) == []


@pytest.mark.parametrize("good", [True, False])
async def test_the_joint_hint_takes_their_place_only_if_it_gains_no_less(
    parts: Parts, good: bool
) -> None:
    class Writes:
        async def merge(self, a: str, b: str) -> str:
            return "Prefer candidates from about the same years as the session."

    first, second = (parts.store.get(hint_id(text)) for text in TWINS)
    assert first is not None
    assert second is not None
    vars(parts)["reranker"] = Steered(parts, "years" if good else "era")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("re2llm.graph.merging.HintJudge", lambda _: Writes())
        made = await Merging(parts=parts, sessions=24, looked_at=32).join(first, second, by="t")
    assert made is not None
    assert made.status is (Status.ACTIVE if good else Status.REFUSED)
    old = [parts.store.get(hint_id(text)) for text in TWINS]
    wanted = Status.RETIRED if good else Status.ACTIVE
    assert [one.status for one in old if one] == [wanted, wanted]
    if good:
        assert made.provenance.parent in {first.hint_id, second.hint_id}


async def test_of_two_that_say_the_same_the_better_one_is_left_with_its_history(
    parts: Parts,
) -> None:
    first, second = (parts.store.get(hint_id(text)) for text in TWINS)
    assert first is not None
    assert second is not None
    # The stand-in answers with the first of two hints that say the same.
    vars(parts)["reranker"] = Steered(parts, first.text[7:])
    made = await Merging(parts=parts, sessions=24, looked_at=32).join(first, second, by="t")
    assert made is not None
    assert (made.hint_id, made.status) == (first.hint_id, Status.ACTIVE)
    gone = parts.store.get(second.hint_id)
    assert gone is not None
    assert (gone.status, gone.reason) == (Status.RETIRED, f"merged into {first.hint_id}")


async def test_what_cannot_be_merged_is_named(parts: Parts) -> None:
    hint = parts.store.get(hint_id(OTHER))
    off = parts.store.set_status(hint_id(TWINS[0]), Status.DISABLED, by="t", why="off")
    assert hint is not None
    with pytest.raises(UserError, match="with itself"):
        await Merging(parts=parts).join(hint, hint, by="t")
    with pytest.raises(UserError, match="is disabled"):
        await Merging(parts=parts).join(hint, off, by="t")
