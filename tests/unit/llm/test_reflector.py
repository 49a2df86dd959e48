import json
from contextlib import closing
from dataclasses import replace

import pytest

from re2llm.llm.cache import AnswerCache
from re2llm.llm.judge import HintJudge
from re2llm.llm.reflection import Failure, Success
from re2llm.llm.reflector import ThreeTurnReflector, read_drafts

IDS = tuple(f"c{i}" for i in range(12))


def reply(body):
    words = body["messages"][-1]["content"]
    if "Turn 1" in words:
        return json.dumps({"guess": "Followed popularity too far."})
    if "Turn 2" in words:
        return json.dumps({"explanation": "It shares the brand of the last item."})
    hint = {"title": "Brand", "text": "Prefer the brand of the last item.", "when": "one brand"}
    return json.dumps({"hints": [hint, {**hint, "text": "PREFER the brand of the last item."}]})


@pytest.fixture
def failure(make):
    return Failure(task=make(12), order=IDS, target="c11")


async def test_three_turns_of_one_talk_bring_hints(server, failure):
    server.answer = reply
    reflection = await ThreeTurnReflector(client=server.client()).reflect(failure)
    assert [draft.text for draft in reflection.drafts] == ["Prefer the brand of the last item."]
    assert reflection.drafts[0].title == "Brand"
    assert reflection.thoughts["guess"] == "Followed popularity too far."
    assert reflection.thoughts["explanation"].startswith("It shares")
    assert reflection.degraded is None
    assert reflection.usage.calls == 3
    assert [len(body["messages"]) for body in server.requests] == [2, 4, 6]


async def test_the_answer_is_not_told_before_the_second_turn(server, failure):
    server.answer = reply
    await ThreeTurnReflector(client=server.client()).reflect(failure)
    first, second, third = (body["messages"][-1]["content"] for body in server.requests)
    assert "<answer>" not in first
    assert "B3" in first
    assert "<answer>\n[B3] Candidate number lll 11\n</answer>" in second
    assert "place 12" in second
    assert "<answer>" in third
    assert "A1 > A2 > A3" in first


async def test_what_was_right_elsewhere_is_shown_when_the_answer_is(server, failure, make):
    server.answer = reply
    success = Success(task=replace(make(12), hint="Mind the brand."), order=IDS[::-1], target="c9")
    await ThreeTurnReflector(client=server.client()).reflect(replace(failure, success=success))
    first, second, third = (body["messages"][-1]["content"] for body in server.requests)
    assert "<success>" not in first
    for words in (second, third):
        inside = words[words.index("<success>") : words.index("</success>")]
        assert "[S1] Candidate number jjj 9" in inside
        assert "<hint>Mind the brand.</hint>" in inside
        assert "was ranked at place 3" in words
        assert "[S7]" not in inside


@pytest.mark.parametrize("fault", ["500", "empty"])
async def test_a_failing_model_gives_no_hints_and_says_why(server, failure, fault):
    server.behaviours = [fault]
    server.answer = lambda body: "No."
    reflection = await ThreeTurnReflector(client=server.client()).reflect(failure)
    assert reflection.drafts == ()
    assert reflection.degraded is not None
    assert "no hints" in reflection.degraded


async def test_a_lost_guess_does_not_lose_the_hints(server, failure):
    server.answer = reply
    server.pick = lambda number: "500" if number < 4 else "good"
    reflection = await ThreeTurnReflector(client=server.client()).reflect(failure)
    assert len(reflection.drafts) == 1
    assert reflection.degraded is not None
    assert reflection.degraded.startswith("no guess")


async def test_what_ran_on_and_on_is_read_as_far_as_it_goes_and_kept(server, failure, tmp_path):
    def endless(body):
        if len(body["messages"]) < 4:
            return '{"guess": "It followed \\"brand\\" too far, and too far, and too'
        return reply(body)

    server.answer = endless
    with closing(AnswerCache(tmp_path / "answers.db")) as cache:
        reflector = ThreeTurnReflector(client=server.client(cache=cache))
        reflection = await reflector.reflect(failure)
        assert (await reflector.reflect(failure)).usage.calls == 0
    assert reflection.degraded is None
    assert reflection.thoughts["guess"] == "It followed brand too far, and too far, and too"


async def test_a_long_session_is_shortened(server, make):
    server.answer = reply
    server.behaviours = ["long"]
    long = make(titles=["x y " * 14 + str(i) for i in range(12)])
    failure = Failure(task=long, order=IDS, target="c11")
    reflection = await ThreeTurnReflector(client=server.client()).reflect(failure)
    assert reflection.degraded is not None or reflection.drafts


async def test_a_target_from_elsewhere_is_no_failure_to_learn_from(server, make):
    failure = Failure(task=make(3), order=("c0", "c1", "c2"), target="z")
    reflection = await ThreeTurnReflector(client=server.client()).reflect(failure)
    assert reflection.degraded == "the target is not among the candidates"
    assert server.requests == []


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ('{"hints": [{"text": "Do X. Then Y."}]}', ["Do X. Then Y."]),
        ('```json\n{"hints": ["1. Do X"]}\n```', ["1. Do X"]),
        ('[{"text": "a"}, {"no": 1}, {"text": 3}, {"text": "b"}, {"text": "c"}]', ["a", "b"]),
        ('<think>{"hints": ["no"]}</think>{"hints": ["yes"]}', ["yes"]),
        ('{"hints": "all of them"}', []),
        ("Prefer brands.", []),
    ],
)
def test_drafts_are_read_whole(text, hints):
    assert [draft.text for draft in read_drafts(text, 2)] == hints


async def test_two_hints_are_compared_in_either_order_for_one_call(server):
    server.answer = lambda body: '{"same": true}'
    judge = HintJudge(server.client())
    assert await judge.same("Prefer x.", "Choose x.") is True
    assert "response_format" in server.requests[0]
    assert judge.usage.calls == 1
    await judge.same("Choose x.", "Prefer x.")
    assert server.requests[0]["messages"] == server.requests[1]["messages"]


async def test_one_question_looks_among_many(server):
    server.answer = lambda body: '{"number": 2}'
    judge = HintJudge(server.client())
    assert await judge.which("Prefer x.", ["Prefer y.", "Choose\n3. x."]) == 2
    assert "2. Choose 3. x." in server.requests[0]["messages"][-1]["content"]
    server.answer = lambda body: '{"number": 3}'
    assert await judge.which("Prefer z.", ["Prefer y.", "Choose x."]) is None


@pytest.mark.parametrize("said", ["yes", '{"same": "maybe"}', '{"other": true}', ""])
async def test_no_clear_word_is_none(server, said):
    server.answer = lambda body: said
    assert await HintJudge(server.client()).same("a", "b") is None
    assert await HintJudge(server.client()).merge("a", "b") is None


async def test_two_hints_become_one(server):
    server.answer = lambda body: '{"text": "Prefer x and y."}'
    assert await HintJudge(server.client()).merge("Prefer x.", "Prefer y.") == "Prefer x and y."
