"""Every way to ask, against a real model: small, slow and weak, but nobody's imitation of one."""

from dataclasses import replace

import pytest

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.likelihood import LikelihoodReranker
from re2llm.llm.model import close_chat_model, open_chat_model
from re2llm.llm.probe import probe
from re2llm.llm.ranking import RankTask
from re2llm.llm.reflection import Failure
from re2llm.llm.reflector import ThreeTurnReflector
from re2llm.llm.rerank import ListwiseReranker

pytestmark = [pytest.mark.llm, pytest.mark.timeout(600)]

SESSION = ("Super Mario Galaxy - Nintendo Wii", "Mario Kart Wii", "Super Mario Galaxy 2 - Wii")
CANDIDATES = (
    "Madden NFL 06 - Xbox",
    "Turtle Beach Headset for PC",
    "New Super Mario Bros. Wii",
    "Gran Turismo 4 - PlayStation 2",
    "Sony PSP Travel Case",
    "Halo 3 - Xbox 360",
)
TARGET = "c2"
OTHERS = tuple(
    Item(item_id=f"o{n}", title=title)
    for n, title in enumerate(
        (
            "FIFA 08 - PlayStation 3",
            "Logitech Racing Wheel for PC",
            "Halo 2 - Xbox",
            "Nintendo DS Travel Case",
            "Final Fantasy X - PlayStation 2",
            "Sega Genesis Console",
        )
    )
)


@pytest.fixture
def task() -> RankTask:
    return RankTask(
        session=tuple(Item(item_id=f"s{n}", title=title) for n, title in enumerate(SESSION)),
        candidates=tuple(
            Candidate(item=Item(item_id=f"c{n}", title=title), score=-float(n))
            for n, title in enumerate(CANDIDATES)
        ),
    )


def everything(task: RankTask) -> list[str]:
    return sorted(one.item.item_id for one in task.candidates)


async def test_the_server_does_what_it_should(served):
    model = open_chat_model(served)
    found = await probe(model)
    await close_chat_model(model)
    assert found.forms[0] == "json_schema"
    assert found.logprobs


async def test_labels_come_under_a_grammar(client, task):
    answer = await ListwiseReranker(client=client).rerank(task)
    assert client.form == "json_schema"
    assert sorted(answer.order) == everything(task)
    assert answer.repairs.unknown == 0
    assert answer.listed >= 1
    assert answer.usage.calls == 1
    titles = sum(len(title) for title in CANDIDATES) / 4
    assert 0 < answer.usage.output_tokens < titles * 2


async def test_one_token_gives_an_order(client, task):
    answer = await FirstTokenReranker(client=client).rerank(task)
    assert sorted(answer.order) == everything(task)
    assert answer.listed >= 2
    assert answer.degraded is None
    assert answer.usage.output_tokens == 1


async def test_likelihood_finds_what_belongs_to_the_session(scorer, task):
    answer = await LikelihoodReranker(scorer=scorer, others=OTHERS).rerank(task)
    assert answer.order[0] == TARGET
    assert answer.listed == len(CANDIDATES)
    assert answer.usage.output_tokens == 0
    assert answer.usage.calls == 1 + len(CANDIDATES)


async def test_many_prompts_at_once_score_as_each_alone(scorer):
    prefix, titles = "A customer chose\n- Mario Kart\n-", [f" {title}" for title in CANDIDATES]
    together = await scorer.score(prefix, titles)
    for place, title in enumerate(titles):
        alone = await scorer.score(prefix, [title])
        assert alone.tokens[0] == together.tokens[place]
        assert alone.logprobs[0] == pytest.approx(together.logprobs[place], abs=0.3)
    assert together.usage.cached_tokens > 0


async def test_a_hint_is_heard(scorer, task):
    way = LikelihoodReranker(scorer=scorer, prior=0, amplify=1)
    hint = "Prefer accessories, such as a headset or a travel case."
    prefix = await way.rerank(task)
    hinted = await way.rerank(replace(task, hint=hint))
    assert sorted(hinted.order) == everything(task)
    assert hinted.usage.calls == 2 * prefix.usage.calls


async def test_what_does_not_fit_is_shortened(scorer, client, task):
    session = tuple(
        Item(item_id=f"s{n}", title=f"Thing number {n} with a title of several words " * 4)
        for n in range(30)
    )
    wide = {f"note{n}": "many words that say very little of it" for n in range(20)}
    long = replace(task, session=tuple(replace(item, attributes=wide) for item in session))
    answer = await FirstTokenReranker(client=client).rerank(long)
    assert sorted(answer.order) == everything(task)
    assert answer.degraded == "the prompt was shortened to fit"
    assert (await LikelihoodReranker(scorer=scorer, prior=0).rerank(long)).listed == len(CANDIDATES)


async def test_reflection_ends_in_hints_or_says_why_not(client, task):
    order = tuple(i for i in everything(task) if i != TARGET)
    failure = Failure(task=task, target=TARGET, order=(*order, TARGET))
    reflection = await ThreeTurnReflector(client=client).reflect(failure)
    assert reflection.usage.calls >= 1
    assert reflection.drafts or reflection.degraded
    assert all(draft.text for draft in reflection.drafts)
