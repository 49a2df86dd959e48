"""What each way of answering costs: tokens written and seconds per slate, side by side.

Run as `python -m re2llm.evals.bench_answers --data FOLDER`. A server on loopback, which is no
model, reads and writes at a fixed speed, and writes whole answers in the form that each way asks
for. Titles as answers, all of them, best first, are how Re2LLM's authors ask. Tokens are counted as
GPT-2 cuts a text before it looks at its vocabulary: words may be cut further, labels are not, so
that titles are rather counted too low.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from re2llm.errors import UserError
from re2llm.evals.local_trials import Trial, read_trials
from re2llm.evals.loopback import chat_reply, loopback
from re2llm.llm.client import ModelClient
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.passes import OneReranker, ShuffledPasses
from re2llm.llm.rank_prompt import rank_messages
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reader import complete, read_answer
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.windows import SlidingWindow

_PIECE = re.compile(r" ?[^\W\d_]+| ?\d| ?[^\w\s]+|\s+|_")
_LINE = re.compile(r"^\[(\w+)\] ([^|\n]+)", re.MULTILINE)
_BEST = 10


def count_tokens(text: str) -> int:
    """Count a text's tokens, at the least."""
    return len(_PIECE.findall(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast the server is, in seconds per token."""

    read: float
    write: float

    async def reply(self, body: Mapping[str, Any]) -> Mapping[str, object]:
        """Write a whole answer in the form that is asked for, and take the time for it."""
        said = "\n".join(one["content"] for one in body["messages"])
        lines = _LINE.findall(said.partition("<candidates>")[2].partition("</candidates>")[0])
        names = [name for name, _ in lines][::-1]
        if body.get("logprobs"):
            text = names[0]
        elif "response_format" in body:
            best = re.search(r"Name the (\d+) candidates", said)
            text = json.dumps({"ranking": " ".join(names[: int(best[1]) if best else None])})
        else:
            text = "\n".join(f"{n}. {title}" for n, (_, title) in enumerate(lines[::-1], 1))
        read, wrote = count_tokens(said), count_tokens(text)
        await asyncio.sleep(self.read * read + self.write * wrote)
        first = names[:20] if body.get("logprobs") else ()
        return chat_reply(text, read=read, wrote=wrote, first=first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Titles:
    """Asks without a form, and reads titles back."""

    client: ModelClient

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation."""
        answer = await self.client.ask(rank_messages(task, text=True))
        titles = [one.item.title for one in task.candidates]
        reading = read_answer(answer.text, titles)
        order, repairs = complete(reading, [one.item.item_id for one in task.candidates])
        return RankAnswer(
            order=order, listed=len(reading.places), repairs=repairs, usage=answer.usage
        )


def ways(client: ModelClient) -> dict[str, OneReranker]:
    """Return every way that writes."""
    listwise = ListwiseReranker(client=client)
    return {
        "titles as answers": Titles(client=client),
        "listwise": listwise,
        f"listwise, best {_BEST}": ListwiseReranker(client=client, places=_BEST),
        "first-token": FirstTokenReranker(client=client),
        "windows": SlidingWindow(reranker=listwise),
        "passes": ShuffledPasses(reranker=listwise),
    }


async def compare(trials: Sequence[Trial], speed: Speed) -> None:
    """Ask about every session in every way, and print what it took."""
    base = 0.0
    async with loopback(speed.reply) as model:
        for name, way in ways(ModelClient(model, identity="speed")).items():
            seconds, wrote, calls = [], [], []
            for trial in trials:
                started = time.perf_counter()
                answer = await way.rerank(replace(trial.task, candidates=trial.candidates))
                seconds.append(time.perf_counter() - started)
                wrote.append(answer.usage.output_tokens)
                calls.append(answer.usage.calls)
            tokens = statistics.fmean(wrote)
            base = base or tokens
            quarters = statistics.quantiles(seconds, n=4)
            sys.stdout.write(
                f"{name:<20}{statistics.fmean(calls):>5.1f} calls {tokens:>7.1f} tokens out "
                f"(titles / {base / tokens:.1f}) {quarters[1]:>6.2f} s, middle half "
                f"{quarters[0]:.2f} to {quarters[2]:.2f}\n"
            )


def main(arguments: list[str] | None = None) -> None:
    """Write a table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of JSON lines")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--read", type=float, default=0.0001, help="seconds per token read")
    parser.add_argument("--write", type=float, default=0.01, help="seconds per token written")
    given = parser.parse_args(arguments)
    try:
        trials = read_trials(given.data, valid=20, test=given.sessions).test
    except UserError as error:
        parser.error(str(error))
    sys.stdout.write(f"{len(trials)} sessions of {given.data.name}\n")
    asyncio.run(compare(trials, Speed(read=given.read, write=given.write)))


if __name__ == "__main__":
    main()
