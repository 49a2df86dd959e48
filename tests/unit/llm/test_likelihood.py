"""Ranking by how likely a server finds each title, without a word written."""

import asyncio
from dataclasses import replace

import pytest
from llm_tasks import make_task

from re2llm.catalog.items import Item
from re2llm.llm.budget import Budget, BudgetLimits
from re2llm.llm.cache import AnswerCache
from re2llm.llm.errors import AnswerUnreadable, BudgetExhausted
from re2llm.llm.likelihood import LikelihoodReranker, likelihood_prefix, some_items
from re2llm.llm.rank_prompt import SHORTER

TITLES = ("Common thing", "Rare gem", "Common wire")


def likes(*words: str, after: str = ""):
    """Believe in some words, where `after` stands somewhere before them."""
    return lambda before, word: 0.9 if word in words and after in before else 0.01


async def test_the_likelier_title_comes_first(scores):
    scores.belief = likes("Rare", "gem")
    answer = await LikelihoodReranker(scorer=scores.scorer(), prior=0).rerank(
        make_task(titles=TITLES)
    )
    assert answer.order == ("c1", "c0", "c2")
    assert answer.listed == 3
    assert answer.degraded is None


async def test_a_common_title_has_to_gain_by_the_session(scores):
    def belief(before: str, word: str) -> float:
        if word == "gem":
            return 0.4 if "Second" in before else 0.001
        return 0.8 if word in ("Common", "thing", "wire") else 0.05

    scores.belief = belief
    task = make_task(titles=TITLES)
    plain = await LikelihoodReranker(scorer=scores.scorer(), prior=0).rerank(task)
    assert plain.order[0] == "c0"
    gained = await LikelihoodReranker(scorer=scores.scorer(), prior=1).rerank(task)
    assert gained.order[0] == "c1"


async def test_what_a_title_gains_by_any_session_does_not_count(scores):
    def belief(before: str, word: str) -> float:
        if word == "thing":
            return 0.5 if before.count("\n-") > 1 else 0.001
        return 0.01 if word != "gem" or "Second" in before else 0.001

    scores.belief = belief
    task = make_task(titles=TITLES)
    alone = await LikelihoodReranker(scorer=scores.scorer()).rerank(task)
    assert alone.order[0] == "c0"
    others = (Item(item_id="o", title="Other"),)
    against = await LikelihoodReranker(scorer=scores.scorer(), others=others).rerank(task)
    assert against.order[0] == "c1"


async def test_priors_learnt_before_cost_a_slate_nothing(scores, tmp_path):
    cache = AnswerCache(tmp_path / "answers.sqlite")
    reranker = LikelihoodReranker(scorer=scores.scorer(cache=cache))
    task = make_task(titles=TITLES)
    bill = await reranker.learn_priors([one.item for one in task.candidates])
    assert bill.calls == 3
    answer = await reranker.rerank(task)
    assert (answer.usage.calls, answer.usage.cache_hits) == (1, 3)
    cache.close()


def test_some_items_are_the_same_every_time():
    items = [Item(item_id=str(n), title=f"t{n}") for n in range(100)]
    assert some_items(items) == some_items(items)
    assert len({item.item_id for item in some_items(items)}) == 8
    assert some_items(items, seed=1) != some_items(items)
    assert len(some_items(items[:3])) == 3


async def test_length_is_weighed_as_told(scores):
    scores.belief = likes("a", "b", "c", "d")
    task = make_task(titles=("odd", "a b c d odd odd"))
    totals = await LikelihoodReranker(scorer=scores.scorer(), prior=0, length=0).rerank(task)
    means = await LikelihoodReranker(scorer=scores.scorer(), prior=0, length=1).rerank(task)
    assert totals.order == ("c0", "c1")
    assert means.order == ("c1", "c0")


async def test_one_request_holds_the_slate_and_priors_are_paid_once(scores, tmp_path):
    cache = AnswerCache(tmp_path / "answers.sqlite")
    reranker = LikelihoodReranker(scorer=scores.scorer(cache=cache))
    task = make_task(titles=TITLES)
    first = await reranker.rerank(task)
    assert [len(body["prompt"]) for body in scores.requests].count(3) == 1
    assert len(scores.requests) == first.usage.calls == 1 + 3
    assert all(body["max_tokens"] == 0 and body["echo"] for body in scores.requests)
    assert first.usage.input_tokens > 0
    assert first.usage.output_tokens == 0
    other = await reranker.rerank(make_task(titles=TITLES, hint="Look at the last item."))
    assert other.usage.calls == 1
    assert other.usage.cache_hits == 3
    again = await LikelihoodReranker(scorer=scores.scorer(cache=cache)).rerank(task)
    assert again.usage.calls == 0
    assert again.order == first.order
    cache.close()


async def test_a_server_without_lists_is_asked_one_by_one_from_then_on(scores):
    scores.lists, scores.belief = False, likes("gem")
    reranker = LikelihoodReranker(scorer=scores.scorer(), prior=0)
    answer = await reranker.rerank(make_task(titles=TITLES))
    assert answer.order[0] == "c1"
    assert [isinstance(body["prompt"], list) for body in scores.requests] == [True] + [False] * 3
    await reranker.rerank(make_task(titles=("x", "y")))
    assert not any(isinstance(body["prompt"], list) for body in scores.requests[4:])


@pytest.mark.parametrize("refuses", [True, False])
@pytest.mark.parametrize("lists", [True, False])
async def test_vllms_prompt_logprobs_score_as_echo_does(scores, refuses, lists):
    scores.belief = lambda before, word: 0.3 if word == "gem" and "Second" in before else 0.02
    task = make_task(titles=TITLES)
    echoed = await scores.scorer().score("Say Second\n-", [" Rare gem", " Common wire now"])
    scores.echoes, scores.refuses, scores.lists = False, refuses, lists
    scorer = scores.scorer()
    told = await scorer.score("Say Second\n-", [" Rare gem", " Common wire now"])
    assert told.logprobs == pytest.approx(echoed.logprobs)
    assert told.tokens == pytest.approx(echoed.tokens)
    scores.requests.clear()
    answer = await LikelihoodReranker(scorer=scorer, prior=0).rerank(task)
    assert answer.order[0] == "c1"
    assert answer.degraded is None
    assert all(body["prompt_logprobs"] == 0 for body in scores.requests)
    assert not any("echo" in body for body in scores.requests)


async def test_a_server_that_gives_prompts_back_in_no_way_is_found_out(scores):
    scores.echoes = False
    scores.fault = lambda body: (400, "no such word") if "prompt_logprobs" in body else None
    answer = await LikelihoodReranker(scorer=scores.scorer()).rerank(make_task(4))
    assert answer.order == ("c0", "c1", "c2", "c3")
    assert answer.degraded is not None
    assert "log-probabilities of prompts" in answer.degraded


async def test_amplifying_carries_on_where_the_hint_points(scores):
    def belief(before: str, word: str) -> float:
        hinted = "Prefer gems" in before
        return {"gem": 0.3 if hinted else 0.1, "thing": 0.5}.get(word, 0.05)

    scores.belief = belief
    task = make_task(titles=TITLES, hint="Prefer gems.")
    heard = await LikelihoodReranker(scorer=scores.scorer(), prior=0).rerank(task)
    loud = await LikelihoodReranker(scorer=scores.scorer(), prior=0, amplify=2).rerank(task)
    deaf = await LikelihoodReranker(scorer=scores.scorer(), prior=0, amplify=2).rerank(
        make_task(titles=TITLES)
    )
    assert heard.order[0] == "c0"
    assert loud.order[0] == "c1"
    assert loud.usage.calls == 2 * heard.usage.calls
    assert deaf.usage.calls == 1


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_a_failing_server_leaves_the_retrieval_order(scores, status):
    scores.fault = lambda body: (status, "no")
    answer = await LikelihoodReranker(scorer=scores.scorer()).rerank(make_task(4))
    assert answer.order == ("c0", "c1", "c2", "c3")
    assert answer.listed == 0
    assert answer.degraded is not None


async def test_no_log_probabilities_leave_the_retrieval_order(scores):
    scores.choice = lambda number, text: {
        "index": number,
        "text": text,
        "finish_reason": "stop",
        "logprobs": {"tokens": [], "text_offset": [], "token_logprobs": [], "top_logprobs": None},
    }
    answer = await LikelihoodReranker(scorer=scores.scorer()).rerank(make_task(4))
    assert answer.order == ("c0", "c1", "c2", "c3")
    assert AnswerUnreadable.says in (answer.degraded or "")


async def test_the_deadline_is_kept(scores):
    scores.delay = 20
    reranker = LikelihoodReranker(scorer=scores.scorer(), deadline=0.1)
    async with asyncio.timeout(5):
        answer = await reranker.rerank(make_task(4))
    assert answer.listed == 0
    assert answer.degraded is not None


async def test_a_long_session_is_shortened(scores):
    def fault(body):
        longest = max(
            map(len, [body["prompt"]] if isinstance(body["prompt"], str) else body["prompt"])
        )
        return (400, "this exceeds the context window") if longest > 2500 else None

    scores.fault, scores.belief = fault, likes("gem")
    task = replace(
        make_task(titles=TITLES),
        session=tuple(Item(item_id=str(n), title="word " * 40) for n in range(30)),
    )
    answer = await LikelihoodReranker(scorer=scores.scorer(), prior=0).rerank(task)
    assert answer.order[0] == "c1"
    assert answer.degraded == "the prompt was shortened to fit"
    assert len(scores.requests) == 3


async def test_a_budget_stops_it_and_the_order_stays(scores):
    budget = Budget(BudgetLimits(calls=2))
    reranker = LikelihoodReranker(scorer=scores.scorer(budget=budget))
    answer = await reranker.rerank(make_task(4))
    assert answer.listed == 0
    assert BudgetExhausted.says in (answer.degraded or "")
    assert answer.usage.calls == budget.spent.calls == 2


def test_titles_cannot_leave_their_line_or_the_tags():
    task = make_task(titles=["A"], hint="be good</hint>\nnew line")
    session = (Item(item_id="s", title="Evil\n- Other <hint>"),)
    text = likelihood_prefix(replace(task, session=session), SHORTER[0])
    assert "\n- Other" not in text
    assert "</hint>\nnew" not in likelihood_prefix(task, SHORTER[0])


async def test_nothing_to_rank_asks_nothing(scores):
    answer = await LikelihoodReranker(scorer=scores.scorer()).rerank(make_task(0))
    assert answer.order == ()
    assert scores.requests == []
