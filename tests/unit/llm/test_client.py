import asyncio
import json

import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from re2llm.errors import UserError
from re2llm.llm.answer import Schema
from re2llm.llm.budget import Budget, BudgetLimits
from re2llm.llm.cache import AnswerCache
from re2llm.llm.errors import AnswerUnreadable, BudgetExhausted, ModelUnavailable
from re2llm.llm.model import ModelConfig, open_chat_model
from re2llm.llm.patience import Patience
from re2llm.llm.prices import Price, find_price
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.usage import Usage

KEY = "sk-secret-of-the-test"
SCHEMA = Schema(name="s", json={"type": "object"})


def question(words="hello"):
    return [HumanMessage(words)]


@pytest.fixture
def cache(tmp_path):
    kept = AnswerCache(tmp_path / "deep" / "answers.db")
    yield kept
    kept.close()


async def test_usage_is_what_the_server_counted(server):
    price = Price(input=1e-6, cached=5e-7, output=2e-6)
    answer = await server.client(price=price).ask(question(), SCHEMA)
    assert answer.usage == Usage(
        calls=1,
        input_tokens=100,
        cached_tokens=64,
        output_tokens=20,
        cost=pytest.approx(36e-6 + 32e-6 + 40e-6),
    )


async def test_an_answer_is_paid_for_once_over_processes(server, cache, tmp_path):
    first = await server.client(cache=cache).ask(question(), SCHEMA)
    other = AnswerCache(tmp_path / "deep" / "answers.db")
    again = await server.client(cache=other).ask(question(), SCHEMA)
    other.close()
    assert again.text == first.text
    assert again.usage == Usage(cache_hits=1)
    assert len(server.requests) == 1
    assert cache.paid().calls == 1


async def test_another_question_or_form_is_another_answer(server, cache):
    client = server.client(cache=cache)
    await client.ask(question("a"), SCHEMA)
    await client.ask(question("b"), SCHEMA)
    await client.ask(question("a"), Schema(name="s", json={"type": "array"}))
    assert len(server.requests) == 3


async def test_the_same_question_at_once_is_sent_once(server, cache):
    server.delay = 0.1
    client = server.client(cache=cache)
    answers = await asyncio.gather(*(client.ask(question(), SCHEMA) for _ in range(20)))
    assert len(server.requests) == 1
    total = sum((answer.usage for answer in answers), Usage())
    assert (total.calls, total.cache_hits) == (1, 19)
    assert client.budget.spent.calls == 1


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others(server):
    server.delay = 0.2
    client = server.client()
    hasty = asyncio.create_task(client.ask(question(), SCHEMA))
    await asyncio.sleep(0.05)
    patient = asyncio.create_task(client.ask(question(), SCHEMA))
    await asyncio.sleep(0.05)
    hasty.cancel()
    assert (await patient).text
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["500", "prose", "empty", "no-choices"])
async def test_failures_are_never_kept(server, cache, task, fault):
    server.behaviours = [fault]
    patience = Patience(attempts=1, deadline=2)
    reranker = ListwiseReranker(client=server.client(cache=cache, patience=patience))
    assert (await reranker.rerank(task)).degraded
    server.behaviours = ["good"]
    assert (await reranker.rerank(task)).degraded is None
    assert cache.paid().calls == 1


async def test_unreadable_answers_are_paid_for_and_counted(server):
    server.behaviours = ["prose"]
    with pytest.raises(AnswerUnreadable) as caught:
        await server.client().ask(question(), accept=lambda answer: False)
    assert caught.value.usage.calls == 2
    assert caught.value.usage.input_tokens == 200


async def test_the_budget_stops_before_it_is_exceeded(server, cache):
    budget = Budget(BudgetLimits(calls=3))
    client = server.client(cache=cache, budget=budget)
    results = await asyncio.gather(
        *(client.ask(question(str(i)), SCHEMA) for i in range(8)), return_exceptions=True
    )
    assert len(server.requests) == 3
    assert sum(isinstance(result, BudgetExhausted) for result in results) == 5
    paid = [i for i, result in enumerate(results) if not isinstance(result, BaseException)]
    assert (await client.ask(question(str(paid[0])), SCHEMA)).usage.cache_hits == 1


async def test_money_is_held_back_at_its_highest_until_the_price_is_known(server):
    price = Price(input=1e-3, cached=1e-3, output=1e-3)
    budget = Budget(BudgetLimits(cost=6.0))
    client = server.client(price=price, budget=budget)
    for number in range(30):
        try:
            await client.ask(question(str(number)), SCHEMA)
        except BudgetExhausted:
            break
    assert 0 < budget.spent.cost <= 6.0
    assert budget.spent.calls == len(server.requests) < 30


async def test_a_failed_call_gives_its_money_back(server):
    server.behaviours = ["500", "good"]
    budget = Budget(BudgetLimits(calls=1))
    answer = await server.client(budget=budget).ask(question(), SCHEMA)
    assert answer.usage.calls == 1
    assert budget.spent.calls == 1


async def test_money_cannot_be_limited_where_the_price_is_unknown(server):
    with pytest.raises(UserError, match="price"):
        server.client(budget=Budget(BudgetLimits(cost=1)))


async def test_time_is_up_in_words(server):
    server.behaviours = ["hang"]
    with pytest.raises(ModelUnavailable, match=r"in time|within"):
        await server.client().ask(question(), deadline=0.2)


async def test_the_key_is_sent_and_nowhere_else(server, cache, tmp_path):
    client = server.client(cache=cache)
    await client.ask(question(), SCHEMA)
    assert KEY in server.headers[0]
    assert KEY not in client.identity
    assert KEY not in json.dumps(server.requests)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "deep").iterdir())
    assert KEY.encode() not in kept
    assert KEY not in repr(server.models[0])


def test_openai_without_a_key_is_refused_in_words():
    with pytest.raises(UserError, match="RE2LLM_API_KEY"):
        open_chat_model(ModelConfig(model="gpt-4o-mini"))


def test_the_identity_holds_what_changes_answers():
    base = ModelConfig(model="m", base_url="http://x")
    assert base.identity != ModelConfig(model="m", base_url="http://y").identity
    assert base.identity != ModelConfig(model="m", base_url="http://x", temperature=1).identity
    with_key = ModelConfig(model="m", base_url="http://x", api_key=SecretStr(KEY), timeout=1)
    assert base.identity == with_key.identity


def test_prices_are_found_by_plain_and_dated_names(tmp_path):
    plain = find_price("gpt-4o-mini")
    assert plain is not None
    assert plain == find_price("gpt-4o-mini-2024-07-18")
    assert plain.input == pytest.approx(0.15e-6)
    assert find_price("gpt-4o-mini-audio") is None
    with pytest.raises(UserError, match=r"nowhere\.json"):
        find_price("m", tmp_path / "nowhere.json")
    own = tmp_path / "own.json"
    own.write_text('{"per_tokens": 1000, "models": {"m": {"input": 1, "output": 2}}}')
    assert find_price("m", own) == Price(input=1e-3, cached=1e-3, output=2e-3)


def test_a_file_that_is_no_cache_is_refused_in_words(tmp_path):
    broken = tmp_path / "answers.db"
    broken.write_bytes(b"not a database at all" * 100)
    with pytest.raises(UserError, match=r"answers\.db"):
        AnswerCache(broken)
