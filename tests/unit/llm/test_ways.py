"""Ways to rerank beside the one question: one token, passes, windows."""

import math
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_tasks import make_task

from re2llm.llm.cache import AnswerCache
from re2llm.llm.fallback import retrieval_order
from re2llm.llm.first_token import FirstTokenReranker, by_logprob
from re2llm.llm.labels import SINGLE_TOKENS
from re2llm.llm.passes import ShuffledPasses, central_order, join_answers, kendall_tau
from re2llm.llm.ranking import RankAnswer
from re2llm.llm.usage import Usage
from re2llm.llm.windows import SlidingWindow


@dataclass
class Sorter:
    """Ranks by the number in the id, highest first; fails for some calls."""

    fails: tuple[int, ...] = ()
    calls: list[int] = field(default_factory=list)

    async def rerank(self, task):
        self.calls.append(len(task.candidates))
        if len(self.calls) - 1 in self.fails:
            return retrieval_order(task, "down")
        ids = sorted((c.item.item_id for c in task.candidates), key=lambda i: -int(i[1:]))
        return RankAnswer(order=tuple(ids), listed=len(ids), usage=Usage(calls=1))


@dataclass
class First:
    """Likes whatever stands first, as a model with position bias does, and knows the best."""

    async def rerank(self, task):
        ids = [c.item.item_id for c in task.candidates]
        ids = ["c7", *(i for i in ids if i != "c7")]
        return RankAnswer(order=tuple(ids), listed=len(ids), usage=Usage(calls=1))


def answer(order, listed=None):
    return RankAnswer(order=tuple(order), listed=len(order) if listed is None else listed)


async def test_windows_bring_the_best_to_the_top(make):
    sorter = Sorter()
    result = await SlidingWindow(reranker=sorter, size=10, step=5).rerank(make(33))
    assert result.order[:5] == ("c32", "c31", "c30", "c29", "c28")
    assert sorted(result.order) == sorted(f"c{i}" for i in range(33))
    assert sorter.calls == [10, 10, 10, 10, 10, 8]
    assert result.usage.calls == 6
    assert result.degraded is None


async def test_a_failed_window_stays_and_is_told(make):
    result = await SlidingWindow(reranker=Sorter(fails=(0, 1)), size=10, step=5).rerank(make(20))
    assert sorted(result.order) == sorted(f"c{i}" for i in range(20))
    assert result.degraded == "2 of 3 windows: down"


async def test_few_candidates_are_asked_about_once(make):
    sorter = Sorter()
    await SlidingWindow(reranker=sorter).rerank(make(20))
    assert sorter.calls == [20]


def test_a_step_beyond_the_window_is_refused():
    with pytest.raises(ValueError, match="step 30"):
        SlidingWindow(reranker=Sorter(), size=20, step=30)


async def test_passes_stop_when_two_agree(make):
    sorter = Sorter()
    result = await ShuffledPasses(reranker=sorter).rerank(make(12))
    assert sorter.calls == [12, 12]
    assert result.order[0] == "c11"


async def test_passes_average_position_bias_out(make):
    result = await ShuffledPasses(reranker=First(), passes=5).rerank(make(30))
    assert result.usage.calls == 5
    assert result.order[0] == "c7"
    assert result.order[1:] != tuple(i for i in (f"c{n}" for n in range(30)) if i != "c7")


async def test_passes_outlive_failures(make):
    result = await ShuffledPasses(reranker=Sorter(fails=(0, 2, 3)), passes=5).rerank(make(12))
    assert result.order[0] == "c11"
    assert result.degraded == "down"
    dead = await ShuffledPasses(reranker=Sorter(fails=tuple(range(9)))).rerank(make(12))
    assert dead.order == tuple(f"c{i}" for i in range(12))
    assert dead.listed == 0


@given(st.permutations("abcdef"), st.lists(st.permutations("abcdef"), max_size=5))
def test_the_majority_is_followed(order, others):
    answers = [answer(order)] * (len(others) + 1) + [answer(other) for other in others]
    assert central_order(list("abcdef"), answers) == list(order)


def test_tau_counts_pairs():
    assert kendall_tau(answer("abcd"), answer("abcd")) == 1
    assert kendall_tau(answer("abcd"), answer("dcba")) == -1
    assert kendall_tau(answer("abcd"), answer("abdc")) == pytest.approx(1 - 2 / 6)
    assert kendall_tau(answer("abcd", 1), answer("abcd")) == 0


@given(data=st.data())
def test_joined_answers_are_permutations(data):
    task = make_task(6)
    ids = [f"c{i}" for i in range(6)]
    answers = [
        replace(answer(data.draw(st.permutations(ids))), listed=data.draw(st.integers(0, 6)))
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    joined = join_answers(task, answers)
    assert sorted(joined.order) == ids
    assert (joined.listed == 0) == all(one.listed == 0 for one in answers)


def test_tokens_are_read_with_their_spaces_once():
    tokens = [(" B", -0.1), ("A", -1.0), ("The", -1.1), ("B", -2.0), ("\u2581C", -3.0)]
    assert by_logprob(tokens, ["A", "B", "C"]) == [1, 0, 2]


async def test_one_token_orders_the_list(server, make):
    top = [
        {"token": token, "logprob": math.log(p), "bytes": None}
        for token, p in ((" C", 0.5), ("A", 0.3), ("x", 0.1), ("C", 0.05))
    ]
    server.more = {"logprobs": {"content": [{**top[0], "top_logprobs": top}], "refusal": None}}
    result = await FirstTokenReranker(client=server.client()).rerank(make(4))
    assert result.order == ("c2", "c0", "c1", "c3")
    assert result.listed == 2
    sent = server.requests[0]
    assert sent["top_logprobs"] == 20
    assert sent.get("max_completion_tokens", sent.get("max_tokens")) == 1
    assert "\nC Candidate" not in sent["messages"][1]["content"]
    assert "[C] Candidate" in sent["messages"][1]["content"]


async def test_a_server_without_logprobs_gives_its_one_label_and_says_so(server, make):
    server.answer = lambda body: "C"
    result = await FirstTokenReranker(client=server.client()).rerank(make(4))
    assert result.order == ("c2", "c0", "c1", "c3")
    assert result.listed == 1
    assert result.degraded is not None
    assert "no token probabilities" in result.degraded
    server.answer = lambda body: "I would"
    nothing = await FirstTokenReranker(client=server.client()).rerank(make(5))
    assert nothing.order == ("c0", "c1", "c2", "c3", "c4")
    assert nothing.listed == 0
    assert nothing.degraded


async def test_more_candidates_than_single_tokens_are_asked_about_in_windows(server, make):
    names = [*SINGLE_TOKENS[-20:]]
    top = [{"token": t, "logprob": -float(n), "bytes": None} for n, t in enumerate(names)]
    server.more = {"logprobs": {"content": [{**top[0], "top_logprobs": top}], "refusal": None}}
    result = await FirstTokenReranker(client=server.client()).rerank(make(120))
    assert sorted(result.order) == sorted(f"c{n}" for n in range(120))
    assert result.degraded is None
    assert result.usage.calls == len(server.requests) == 4
    assert all(body["messages"][1]["content"].count("\n[") <= 52 for body in server.requests)
    assert result.listed == 120


async def test_one_likely_label_alone_is_no_order(server, make, tmp_path):
    top = [{"token": t, "logprob": -float(n), "bytes": None} for n, t in enumerate(("B", "The"))]
    server.more = {"logprobs": {"content": [{**top[0], "top_logprobs": top}], "refusal": None}}
    cache = AnswerCache(tmp_path / "answers.db")
    result = await FirstTokenReranker(client=server.client(cache=cache)).rerank(make(4))
    assert result.order[0] == "c1"
    assert result.degraded == "the likeliest tokens name 1 of 4 candidates"
    assert cache.paid().calls == 0
    cache.close()
