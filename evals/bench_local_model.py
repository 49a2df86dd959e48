"""What a real model adds, asked in every way, alone and fused with retrieval, and what it costs.

Run as `python -m re2llm.evals.bench_local_model --data FOLDER` while `re2llm serve-model` runs.
What was answered is kept in `--keep`; the same command goes on where it stopped. Where there are
few sessions, `--both` judges the validation sessions as well: each half with the weights that were
learnt on the other one, and retrieval with what the training sessions taught it.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from re2llm.errors import UserError
from re2llm.evals.local_table import Asked, Row, Tape, Told, judge, lines
from re2llm.evals.local_trials import Trial, read_trials
from re2llm.evals.metrics import ndcg, ranks
from re2llm.llm.cache import AnswerCache
from re2llm.llm.client import ModelClient
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.likelihood import ClientScorer, LikelihoodReranker, some_items
from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model
from re2llm.llm.patience import Patience
from re2llm.llm.prompts import prompt_version
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.sanitise import sanitise
from re2llm.llm.score_model import close_score_model, open_score_model

HINT = "Prefer items for the same console or platform as the items before, the latest above all."
WAYS = ("likelihood", "hint", "first-token", "listwise")
_COUNTED = 20
"""So many sessions tell how long titles are."""
_AMPLIFY = (0.0, 0.5, 1.0, 2.0, 4.0)
_PATIENCE = Patience(deadline=600, attempts=2, share=1.0)


class Reranker(Protocol):
    """Any way to rerank."""

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation."""


async def ask_all(
    name: str, reranker: Reranker, trials: Sequence[Trial], hint: str | None, tape: Tape
) -> list[Told]:
    """Ask one session after the other; tell how far it is.

    Args:
        name: all that tells this way from others, but for the hint and the prompts' version.
        reranker: whom to ask.
        trials: the sessions.
        hint: given with each question.
        tape: what was told before is not asked again; where nothing was told, it is.
    """
    told, started = [], time.perf_counter()
    for number, trial in enumerate(trials, 1):
        question = f"{prompt_version()} {name} {hint} {trial.session_id}"
        one = tape.get(question)
        if one is None:
            before = time.perf_counter()
            answer = await reranker.rerank(replace(trial.task, hint=hint))
            took = time.perf_counter() - before if answer.usage.calls else float("nan")
            one = Told(answer=answer, seconds=took, output_tokens=answer.usage.output_tokens)
            if answer.listed:
                tape.keep(question, one)
        told.append(one)
        left = (time.perf_counter() - started) / number * (len(trials) - number)
        sys.stderr.write(f"\r{name}: {number}/{len(trials)}, {left:.0f} s left    ")
    sys.stderr.write("\n")
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """All that the ways are tried with.

    Attributes:
        both: whether the validation sessions are judged as well.
    """

    valid: tuple[Trial, ...]
    test: tuple[Trial, ...]
    tape: Tape
    both: bool

    @property
    def judged(self) -> tuple[Trial, ...]:
        """All sessions of the table, in its order."""
        return (*self.test, *self.valid) if self.both else self.test

    async def ask(
        self, name: str, trials: Sequence[Trial], way: Reranker, hint: str | None
    ) -> Asked:
        """Ask about these sessions."""
        told = await ask_all(name, way, trials, hint, self.tape)
        return Asked(trials=trials, told=told)

    async def run(self, name: str, way: Reranker, hint: str | None = None) -> Row:
        """Ask in one way and judge it."""
        valid = await self.ask(name, self.valid, way, hint)
        test = await self.ask(name, self.test, way, hint)
        return judge(name, [(valid, test), (test, valid)] if self.both else [(valid, test)])

    async def best_amplified(self, way: LikelihoodReranker, hint: str) -> Row:
        """Try how far to push the hint, and report the weight that is best on other sessions."""
        parts, found = [], []
        halves = (self.valid, self.test)
        for learnt_on, on in (halves, halves[::-1]) if self.both else (halves,):
            asked, worth = {}, {}
            for weight in _AMPLIFY:
                louder = replace(way, amplify=weight)
                name = f"hint, amplified {weight:g}"
                asked[weight] = await self.ask(name, learnt_on, louder, hint)
                orders = [one.answer.order for one in asked[weight].told]
                values = ndcg(ranks(orders, [trial.target for trial in learnt_on]), 10)
                worth[weight] = float(values.mean())
            best = max(worth, key=lambda weight: (worth[weight], -weight))
            sys.stdout.write(
                f"amplified hint, NDCG@10 of {len(learnt_on)} sessions by weight: "
                + ", ".join(f"{weight:g}: {value:.3f}" for weight, value in worth.items())
                + "\n"
            )
            loud = replace(way, amplify=best)
            parts.append((asked[best], await self.ask(f"hint, amplified {best:g}", on, loud, hint)))
            found.append(f"{best:g}")
        return judge(f"hint, amplified {', '.join(found)}", parts)

    async def learn_priors(self, way: LikelihoodReranker) -> None:
        """Ask for all candidates' priors, and tell what they take beside a slate."""
        calls, seconds = 0, 0.0
        trials = (*self.valid, *self.test)
        for number, trial in enumerate(trials, 1):
            sys.stderr.write(f"\rpriors: {number}/{len(trials)} sessions    ")
            started = time.perf_counter()
            usage = await way.learn_priors([one.item for one in trial.candidates])
            if usage.calls:
                calls, seconds = calls + usage.calls, seconds + time.perf_counter() - started
        sys.stderr.write("\n")
        if calls:
            sys.stdout.write(f"priors: {calls} titles, {seconds / calls:.3f} s each, once\n")

    def without_model(self) -> list[Row]:
        """Rank by lot, and by retrieval alone."""
        targets = [trial.target for trial in self.judged]
        by_lot = [[one.item.item_id for one in trial.task.candidates] for trial in self.judged]
        retrieved = [[one.item.item_id for one in trial.candidates] for trial in self.judged]
        return [
            Row(name="random", alone=ranks(by_lot, targets)),
            Row(name="retrieval", alone=ranks(retrieved, targets)),
        ]


async def compare(given: argparse.Namespace) -> None:
    """Ask in every way and print the table."""
    trials = read_trials(given.data, valid=given.valid, test=given.sessions, both=given.both)
    given.keep.mkdir(parents=True, exist_ok=True)
    cache = AnswerCache(given.keep / "answers.sqlite")
    tape = Tape(given.keep / f"{given.model.replace('/', '-')}.jsonl")
    bench = Bench(valid=trials.valid, test=trials.test, tape=tape, both=given.both)
    config = ModelConfig(model=given.model, base_url=given.url, timeout=_PATIENCE.deadline)
    chat, scores = open_chat_model(config), open_score_model(config)
    client = ModelClient(chat, identity=given.model, cache=cache, patience=_PATIENCE)
    scorer = ModelClient(scores, identity=given.model, cache=cache, patience=_PATIENCE)
    likelihood = LikelihoodReranker(
        scorer=ClientScorer(client=scorer), others=some_items(trials.items)
    )
    rows = bench.without_model()
    if "likelihood" in given.ways:
        await bench.learn_priors(likelihood)
        rows.append(await bench.run("likelihood", likelihood))
    if "hint" in given.ways:
        rows.append(await bench.run("likelihood, hint", likelihood, given.hint))
        rows.append(await bench.best_amplified(likelihood, given.hint))
    if "first-token" in given.ways:
        rows.append(await bench.run("first token", FirstTokenReranker(client=client)))
    if "listwise" in given.ways:
        rows.append(await bench.run("listwise labels", ListwiseReranker(client=client)))
    judged = "all of them judged, each half by the other" if given.both else "the former judged"
    sys.stdout.write(
        f"{given.data.name}: {len(bench.test)} test and {len(bench.valid)} validation sessions, "
        f"{judged}\n"
    )
    for line in lines(rows, rows[1].alone):
        sys.stdout.write(line + "\n")
    tokens = await title_tokens(ClientScorer(client=scorer), bench.test)
    sys.stdout.write(f"titles as answers would take {tokens:.0f} output tokens per slate\n")
    await close_chat_model(chat)
    await close_score_model(scores)
    cache.close()


async def title_tokens(scorer: ClientScorer, trials: Sequence[Trial]) -> float:
    """Return how many tokens the candidates' titles have in all, one line each, on average."""
    counts = []
    for trial in trials[:_COUNTED]:
        texts = [f" {sanitise(one.item.title, 160)}\n" for one in trial.candidates]
        counts.append(float((await scorer.score("-", texts)).tokens.sum()))
    return float(np.mean(counts))


def main(arguments: list[str] | None = None) -> None:
    """Write the table to standard output, and progress to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of JSON lines")
    parser.add_argument("--sessions", type=int, default=200, help="test sessions")
    parser.add_argument("--valid", type=int, default=60, help="validation sessions")
    parser.add_argument("--both", action="store_true", help="judge the validation sessions as well")
    parser.add_argument("--url", default="http://127.0.0.1:8081/v1")
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--hint", default=HINT)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--keep", type=Path, default=Path("runs/local-model"))
    try:
        asyncio.run(compare(parser.parse_args(arguments)))
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
