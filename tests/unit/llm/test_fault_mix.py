"""Thirty percent faults of all kinds, 64 slates at once: what each slate says fits what it met.

Nothing here is held against the clock alone: how late a slate may be is measured by how late the
event loop itself was, and what a slate must say follows from what the server gave to it.
"""

import asyncio
import contextlib
import random
import re
import time
from collections import defaultdict

from re2llm.llm.cache import AnswerCache
from re2llm.llm.fit import SHORTENED
from re2llm.llm.patience import Patience
from re2llm.llm.ranking import RankAnswer
from re2llm.llm.rerank import ListwiseReranker

IDS = ("c0", "c1", "c2")
GOOD = ("c1", "c0", "c2")
SLATES, AT_ONCE, SECONDS = 160, 64, 5.0
ALL_FAULTS = (
    *("429", "429-after", "500", "hang", "drip", "cut", "truncated", "wrong-schema", "empty"),
    *("filter", "filtered", "overflow", "prose", "garbage", "no-choices", "null"),
)
"""Too many requests with and without a time to come back, errors, silence, a slow drip, a cut
connection, cut off and malformed JSON, another schema, nothing, a content filter before and in the
answer, a context that overflows, and 10 KB of prose."""
LAST = {"filter": "content filter", "filtered": "content filter", "truncated": "1 of 3"}
"""Faults that end a slate, with what it says of them."""
LATE = ("no answer in time", "no answer within", "no time is left", "rests")


async def lags(found: list[float]) -> None:
    """Note how much later than wanted the event loop comes back, for ever."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        found.append(time.monotonic() - before - 0.01)


def check(answer: RankAnswer, met: list[str]) -> None:
    """Hold a slate against what the server gave to it, in order."""
    assert sorted(answer.order) == sorted(IDS)
    if answer.degraded is None:
        assert (answer.order, answer.listed) == (GOOD, 3)
        assert met[-1] == "good"
        assert "overflow" not in met
    elif answer.degraded == SHORTENED:
        assert (answer.order, answer.listed) == (GOOD, 3)
        assert met[-1] == "good"
        assert "overflow" in met
    elif not any(words in answer.degraded for words in LATE):
        assert met[-1] != "good"
        assert LAST.get(met[-1], "") in answer.degraded
    if not answer.listed:
        assert answer.order == IDS
    assert not LAST.keys() & set(met[:-1])
    if "overflow" not in met:
        assert len(met) <= Patience().attempts


async def test_thirty_percent_faults_of_all_kinds_at_64_at_once(server, make, tmp_path):
    chance, given = random.Random(3), []
    first = [*ALL_FAULTS, *["good"] * (AT_ONCE - len(ALL_FAULTS))]
    chance.shuffle(first)

    def pick(number: int) -> str:
        bad = chance.choice(ALL_FAULTS) if chance.random() < 0.3 else "good"
        given.append(first.pop() if first else bad)
        return given[-1]

    await ListwiseReranker(client=server.client()).rerank(make(3))  # loads what it must
    server.pick, before = pick, len(server.requests)
    cache = AnswerCache(tmp_path / "answers.db")
    client = server.client(patience=Patience(deadline=SECONDS, pause=0.05), cache=cache)
    reranker = ListwiseReranker(client=client)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> tuple[RankAnswer, float]:
        async with slots:
            started = time.monotonic()
            answer = await reranker.rerank(make(3, request=f"question {number}"))
            return answer, time.monotonic() - started

    late: list[float] = []
    watching = asyncio.create_task(lags(late))
    made = await asyncio.gather(*(one(number) for number in range(SLATES)))
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    met: dict[int, list[str]] = defaultdict(list)
    for body, fault in zip(server.requests[before:], given, strict=True):
        words = re.search(r"question (\d+)", body["messages"][-1]["content"])
        assert words is not None
        met[int(words[1])].append(fault)
    for number, (answer, _) in enumerate(made):
        check(answer, met[number])
    assert set(given) == {"good", *ALL_FAULTS}
    assert max(took for _, took in made) < SECONDS + 0.5 + 6 * max(late)
    whole = [answer for answer, _ in made if answer.degraded in (None, SHORTENED)]
    assert whole
    assert cache.paid().calls == len(whole)
    cache.close()
