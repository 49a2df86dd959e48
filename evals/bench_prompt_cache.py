"""What share of a prompt's tokens a provider's own prompt cache serves, by what is asked.

Run as `python -m re2llm.evals.bench_prompt_cache --data FOLDER`. A server on loopback, which is no
provider, counts as such caches do: a prompt's beginning that was sent before is cached in steps of
128 tokens from 1,024 on (OpenAI's rule), or in blocks of 16 (vLLM's). A token is taken to be four
characters. The questions are those of the folder's sessions, as they would be served.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from re2llm.errors import UserError
from re2llm.evals.local_trials import Trial, read_trials
from re2llm.evals.loopback import chat_reply, loopback
from re2llm.llm.client import ModelClient
from re2llm.llm.first_token import FirstTokenReranker
from re2llm.llm.passes import ShuffledPasses
from re2llm.llm.ranking import RankTask
from re2llm.llm.reflection import Failure
from re2llm.llm.reflector import ThreeTurnReflector
from re2llm.llm.rerank import ListwiseReranker
from re2llm.llm.usage import Usage
from re2llm.llm.windows import SlidingWindow

_TOKEN = 4
_LABEL = re.compile(r"^\[(\w+)\]", re.MULTILINE)
_HINTS = (
    None,
    "Prefer items for the same console or platform as the items before, the latest above all.",
    "Weigh the latest choice more than all earlier ones.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a provider caches: from so many tokens on, in steps."""

    name: str
    least: int
    step: int


RULES = (
    Rule(name="from 1,024 tokens in steps of 128", least=1024, step=128),
    Rule(name="in blocks of 16", least=16, step=16),
)


@dataclass(slots=True)
class PrefixCache:
    """Answers with all labels, and tells how much of the prompt began as an earlier one did."""

    rule: Rule
    known: set[int] = field(default_factory=set)

    async def reply(self, body: Mapping[str, Any]) -> Mapping[str, object]:
        """Answer a request."""
        messages: Sequence[Mapping[str, str]] = body["messages"]
        text = "\0".join(f"{one['role']}\0{one['content']}" for one in messages)
        names = list(dict.fromkeys(_LABEL.findall(messages[-1]["content"])))
        words = {"guess": "w " * 60, "explanation": "w " * 90, "hints": [{"text": "w " * 20}]}
        answer = json.dumps({"ranking": " ".join(names[::-1]), **words})
        return chat_reply(
            answer,
            read=len(text) // _TOKEN,
            wrote=len(answer) // _TOKEN,
            cached=self.cached(text),
            first=names[:20] if body.get("logprobs") else (),
        )

    def cached(self, text: str) -> int:
        """Return how many tokens of the prompt's beginning are known, and remember it."""
        step = self.rule.step * _TOKEN
        ends = range(step, len(text) + 1, step)
        begins = [hash(text[:end]) for end in ends]
        found = max(
            (end for end, key in zip(ends, begins, strict=True) if key in self.known), default=0
        )
        self.known.update(begins)
        return found // _TOKEN if found >= self.rule.least * _TOKEN else 0


async def ask(name: str, client: ModelClient, trials: Sequence[Trial]) -> Usage:
    """Ask about every session, one after the other; return the bill."""
    listwise, usage = ListwiseReranker(client=client), Usage()
    for trial in trials:
        task = replace(trial.task, candidates=trial.candidates)
        match name:
            case "listwise":
                answers = [await listwise.rerank(task)]
            case "listwise under 3 hints":
                answers = [await listwise.rerank(replace(task, hint=hint)) for hint in _HINTS]
            case "windows of 20":
                answers = [await SlidingWindow(reranker=listwise).rerank(task)]
            case "passes":
                answers = [await ShuffledPasses(reranker=listwise).rerank(task)]
            case "first token":
                answers = [await FirstTokenReranker(client=client).rerank(task)]
            case _:
                usage += await _reflect(client, task, trial.target)
                continue
        usage = sum((answer.usage for answer in answers), usage)
    return usage


WAYS = (
    *("listwise", "listwise under 3 hints", "first token", "windows of 20", "passes"),
    "reflection in 3 turns",
)


async def _reflect(client: ModelClient, task: RankTask, target: str) -> Usage:
    order = tuple(one.item.item_id for one in task.candidates if one.item.item_id != target)
    failure = Failure(task=task, target=target, order=(*order, target))
    return (await ThreeTurnReflector(client=client).reflect(failure)).usage


async def measure(rule: Rule, name: str, trials: Sequence[Trial]) -> Usage:
    """Ask a fresh server in one way."""
    async with loopback(PrefixCache(rule).reply) as model:
        return await ask(name, ModelClient(model, identity="counts"), trials)


def main(arguments: list[str] | None = None) -> None:
    """Write a table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of JSON lines")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    given = parser.parse_args(arguments)
    try:
        trials = read_trials(given.data, valid=20, test=given.sessions).test
    except UserError as error:
        parser.error(str(error))
    for rule in RULES:
        sys.stdout.write(f"cached {rule.name}, {len(trials)} sessions of {given.data.name}:\n")
        for name in given.ways:
            usage = asyncio.run(measure(rule, name, trials))
            share = usage.cached_tokens / max(usage.input_tokens, 1)
            per = usage.input_tokens / max(usage.calls, 1)
            sys.stdout.write(
                f"  {name:<24}{usage.calls:>5} calls, {per:>6.0f} tokens in each, "
                f"{share:>6.1%} cached\n"
            )


if __name__ == "__main__":
    main()
