"""One deadline for a slate, however often a model is asked for it."""

import asyncio
import time
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime
from score_server import ScoreServer

from re2llm.catalog.items import Catalog
from re2llm.llm.client import ModelClient
from re2llm.llm.deadline import due, limit_of, seconds_left, share
from re2llm.llm.errors import ModelUnavailable
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.likelihood import LikelihoodReranker
from re2llm.llm.passes import OneReranker, ShuffledPasses
from re2llm.llm.patience import Patience
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.windows import SlidingWindow
from re2llm.nodes.context import Context
from re2llm.nodes.rerank import Rerank
from re2llm.nodes.state import State

SECONDS = 0.8
SLACK = 0.5
"""What a busy machine may take between two lines; a second deadline would not fit into it."""
WAYS = {
    "listwise": lambda client: ListwiseReranker(client=client, deadline=SECONDS),
    "first token": lambda client: FirstTokenReranker(client=client, deadline=SECONDS),
    "windows": lambda client: SlidingWindow(
        reranker=ListwiseReranker(client=client, deadline=SECONDS), size=20, step=10
    ),
    "passes": lambda client: ShuffledPasses(
        reranker=ListwiseReranker(client=client, deadline=SECONDS)
    ),
    "passes of windows": lambda client: ShuffledPasses(
        reranker=SlidingWindow(reranker=ListwiseReranker(client=client, deadline=SECONDS))
    ),
}


@pytest_asyncio.fixture
async def warm(server) -> None:
    """Load what the first question loads."""
    await server.client().ask([HumanMessage("hello")])
    server.requests.clear()


@dataclass
class Asked:
    """By when every question to a model was to be answered, whatever the machine made of it."""

    first: float | None = None
    latest: float = 0.0

    async def order(self, way: OneReranker, task: RankTask, seconds: float = SECONDS) -> RankAnswer:
        """Ask, and check that no question had longer than the slate."""
        answer = await way.rerank(task)
        assert sorted(answer.order) == sorted(one.item.item_id for one in task.candidates)
        self.check(seconds)
        return answer

    def check(self, seconds: float = SECONDS) -> None:
        assert self.first is not None
        assert self.latest <= self.first + seconds + SLACK


@pytest.fixture
def asked(warm: None, monkeypatch: pytest.MonkeyPatch) -> Asked:
    noted, plain = Asked(), ModelClient.ask

    async def ask(client, *args, **more):
        now = time.monotonic()
        noted.first = noted.first or now
        deadline = more.get("deadline")
        until = now + (client.patience.deadline if deadline is None else deadline)
        noted.latest = max(noted.latest, until)
        return await plain(client, *args, **more)

    monkeypatch.setattr(ModelClient, "ask", ask)
    return noted


@pytest.mark.parametrize("fault", ["hang", "drip", "500"])
@pytest.mark.parametrize("way", WAYS)
async def test_no_way_takes_longer_than_its_deadline(server, asked, make, way, fault):
    server.behaviours = [fault]
    client = server.client(patience=Patience(deadline=30, attempts=50, pause=0.05))
    answer = await asked.order(WAYS[way](client), make(50))
    assert answer.listed == 0
    assert answer.degraded


async def test_more_candidates_than_single_tokens_share_the_deadline(server, asked, make):
    server.behaviours = ["hang"]
    answer = await asked.order(
        FirstTokenReranker(client=server.client(), deadline=SECONDS), make(120)
    )
    assert answer.degraded


async def test_the_deadline_of_a_client_is_that_of_a_slate(server, asked, make):
    server.behaviours = ["hang"]
    client = server.client(patience=Patience(deadline=SECONDS))
    await asked.order(SlidingWindow(reranker=ListwiseReranker(client=client)), make(60))


async def test_a_window_that_hangs_leaves_the_others_their_part(server, asked, make):
    server.behaviours = ["hang", "good"]
    client = server.client(patience=Patience(deadline=30, attempts=1))
    way = SlidingWindow(reranker=ListwiseReranker(client=client), size=10, step=10, deadline=2)
    answer = await asked.order(way, make(20), 2)
    assert answer.order[:3] == ("c1", "c0", "c2")
    assert answer.degraded is not None
    assert answer.degraded.startswith("2 of 2 windows")


async def test_shortening_does_not_start_the_clock_anew(server, asked, make):
    server.pick = lambda number: "overflow" if number % 2 == 0 else "hang"
    client = server.client(patience=Patience(deadline=30, attempts=1))
    answer = await asked.order(ListwiseReranker(client=client, deadline=SECONDS), make(40))
    assert answer.degraded


async def test_likelihood_keeps_its_deadline(asked, make):
    scores = ScoreServer(delay=5)
    listening = await asyncio.start_server(scores.handle, "127.0.0.1", 0)
    scores.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    scorer = scores.scorer(patience=Patience(deadline=30, attempts=50))
    answer = await asked.order(LikelihoodReranker(scorer=scorer, deadline=SECONDS), make(20))
    assert answer.listed == 0
    assert answer.degraded
    await scores.close()
    scores.stop()
    listening.close()


async def test_a_mix_of_several_hints_has_one_deadline(server, asked, make):
    server.behaviours = ["hang"]
    task = make(30)
    items = [one.item for one in task.candidates]
    client = server.client(patience=Patience(deadline=30, attempts=3))
    step = Rerank(
        catalog=Catalog(items),
        reranker=SlidingWindow(reranker=ListwiseReranker(client=client)),
        fusion=SlateFusion(),
        deadline=SECONDS,
    )
    state: State = {
        "session": [],
        "k": 5,
        "candidates": [
            {"item_id": i.item_id, "score": 0.0, "evidence": {}, "notes": []} for i in items
        ],
        "hint": {
            "hint_id": "h",
            "text": "advice",
            "propensity": 1.0,
            "policy": "p",
            "eligible": [],
            "gain": None,
            "also": [{"hint_id": f"h{n}", "text": f"advice {n}"} for n in range(3)],
        },
    }
    made = await step(state, Runtime(context=Context(), stream_writer=lambda _: None))
    asked.check()
    assert sorted(made["ranking"]["items"]) == sorted(item.item_id for item in items)
    assert made["ranking"]["degraded"]


async def test_no_time_left_asks_nothing(server, make):
    late = replace(make(3), until=time.monotonic() - 1)
    answer = await ListwiseReranker(client=server.client()).rerank(late)
    assert answer.degraded == "the model does not answer (no time is left)"
    with pytest.raises(ModelUnavailable):
        await server.client().ask([], deadline=0)
    assert server.requests == []


def test_the_earliest_time_counts(make):
    task = make(3)
    assert due(task, None) is task
    assert seconds_left(task) is None
    assert share(task, 3) is task
    first = due(task, 10)
    assert due(first, 20).until == first.until
    nearer = seconds_left(due(first, 5))
    assert nearer is not None
    assert 4 < nearer <= 5
    part = seconds_left(share(first, 4))
    assert part is not None
    assert 2 < part <= 2.5
    assert first == task


def test_a_whole_takes_what_its_part_takes(server):
    one = ListwiseReranker(client=ModelClient(None, identity="m"))  # type: ignore[arg-type]
    assert one.limit == Patience().deadline
    assert ShuffledPasses(reranker=SlidingWindow(reranker=one)).limit == one.limit
    assert ShuffledPasses(reranker=one, deadline=3).limit == 3
    assert limit_of(None, object()) is None
