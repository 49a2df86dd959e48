"""The servers on loopback that benchmarks ask: they count, and say, what they should."""

from re2llm.evals.bench_answers import Speed, count_tokens, ways
from re2llm.evals.bench_prompt_cache import PrefixCache, Rule
from re2llm.evals.bench_rerank import own_time
from re2llm.evals.loopback import loopback
from re2llm.evals.throughput import make_task
from re2llm.llm.client import ModelClient

PLAIN = Rule(name="steps", least=8, step=4)


def test_a_prefix_cache_counts_whole_steps_from_its_least_on():
    cache = PrefixCache(PLAIN)
    start = "a" * 16 + "b" * 20  # 9 tokens, 2 whole steps
    assert cache.cached(start) == 0
    assert cache.cached(start + "c" * 40) == 8
    assert cache.cached("a" * 16 + "z" * 40) == 0
    assert cache.cached(start + "c" * 40) == 16


async def test_the_bill_tells_what_was_cached():
    cache = PrefixCache(Rule(name="blocks", least=16, step=16))
    async with loopback(cache.reply) as model:
        way = ways(ModelClient(model, identity="m"))["listwise"]
        first = await way.rerank(make_task(10))
        again = await way.rerank(make_task(10))
        other = await way.rerank(make_task(10, series=7))
    assert first.degraded is None
    assert first.usage.cached_tokens == 0
    assert again.usage.cached_tokens > 0.9 * again.usage.input_tokens
    assert 0 < other.usage.cached_tokens < 0.8 * other.usage.input_tokens


def test_labels_are_counted_as_four_tokens_and_words_as_one():
    assert count_tokens('"A1", "B2", ') == 9
    assert count_tokens("1. Super Mario Galaxy") == 5


async def test_every_way_writes_what_it_is_taken_to_write():
    wrote = {}
    async with loopback(Speed(read=0, write=0).reply) as model:
        for name, way in ways(ModelClient(model, identity="m")).items():
            answer = await way.rerank(make_task(30))
            assert answer.degraded is None
            assert answer.listed >= 10
            assert len(set(answer.order)) == 30
            wrote[name] = answer.usage.output_tokens
    assert wrote["first-token"] == 1
    assert wrote["listwise, best 10"] < wrote["listwise"] < wrote["titles as answers"]


def test_own_time_has_every_part_of_every_slate():
    made = own_time(5, slates=4)
    assert len(made.prompt) == len(made.reading) == len(made.fusing) == 4
    assert all(seconds > 0 for part in (made.prompt, made.reading, made.fusing) for seconds in part)
    assert "p90" in made.words()
