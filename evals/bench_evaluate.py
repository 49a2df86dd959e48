"""What evaluation costs a session beside the model: asked anew, from the cache, from the journal.

A synthetic shop's test sessions go through the real graph, cache and journal, with a model that
answers at once, so that all the time there is, is ours. Then the same sessions are evaluated again
with every answer in the cache, and once more with every answer in the journal.
Run `python -m re2llm.evals.bench_evaluate --sessions 10000 --repeats 3`.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from re2llm.catalog.sessions import Session
from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.evals.main_table import main_table, make_runner, remembering
from re2llm.evals.offline import Target, questions, run_offline
from re2llm.evals.report import make_report, write_report
from re2llm.evals.results import Comparison, Facts
from re2llm.evals.scores import standard
from re2llm.event_loop import run_quickly
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.langsmith_client import untraced
from re2llm.settings import Settings
from re2llm.workspace import Workspace

_LABEL = re.compile(r"^\[([A-Z]{1,2}[1-9])\]", re.MULTILINE)
_TEST_SHARE = 0.2
"""Of a synthetic shop's sessions, at least so many are test sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds for so many sessions, once or several times.

    Attributes:
        seconds: by the clock.
        work: of the processor; less than `seconds` where others use the machine as well.
    """

    name: str
    sessions: int
    seconds: tuple[float, ...]
    work: tuple[float, ...]

    @property
    def line(self) -> str:
        """Write down medians, and the least and the most where it was done several times."""
        clock, work = (
            _spread([1000 * one / self.sessions for one in told], "ms")
            for told in (self.seconds, self.work)
        )
        whole = _spread(self.seconds, "s")
        return f"{self.name:<34} {whole}; per session {clock}, of the processor {work}\n"


def _spread(values: Sequence[float], unit: str) -> str:
    middle = f"{median(values):.2f} {unit}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f} to {max(values):.2f})"


class AtOnce(BaseChatModel):
    """Names the candidates as they stand, without a thought."""

    @property
    def _llm_type(self) -> str:
        return "at-once"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> ChatResult:
        said = json.dumps({"ranking": " ".join(_LABEL.findall(messages[-1].text))})
        return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **more: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **more)


def open_shop(root: Path, sessions: int, seed: int) -> Parts:
    """Write a shop with enough test sessions, and open it with the model that needs no time."""
    plan = ShopPlan(sessions=round(sessions / _TEST_SHARE) + 50, seed=seed)
    write_shop(Workspace(root).data, plan)
    settings = Settings(workspace=root, model="at-once", seed=seed, _env_file=None)  # type: ignore[call-arg]
    parts = open_parts(settings, AtOnce())
    if len(parts.dataset.test) < sessions:
        raise ValueError(f"the shop has {len(parts.dataset.test)} test sessions only")
    return parts


async def timed(
    name: str, sessions: int, works: Sequence[Callable[[], Awaitable[object]]]
) -> tuple[Took, object]:
    """Do one after the other; what the last one made is returned."""
    seconds, spent = [], []
    for work in works:
        started, worked = time.perf_counter(), time.process_time()
        done = await work()
        seconds.append(time.perf_counter() - started)
        spent.append(time.process_time() - worked)
    return Took(name=name, sessions=sessions, seconds=tuple(seconds), work=tuple(spent)), done


async def measure(
    parts: Parts, asked: Sequence[Session], folder: Path, repeats: int = 1
) -> list[Took]:
    """Evaluate the sessions in every state of cache and journal; one asking per session.

    The first asking can only be done once; the rest so many times.
    """
    facts = Facts(title="bench", data="synthetic shop", model_label="no model, answers at once")
    valid = parts.valid_cases()[:100]
    n = len(asked)

    async def table(journal: str | None) -> Comparison:
        fresh = replace(parts)  # candidates are found anew every time
        path = None if journal is None else folder / journal
        return await main_table(fresh, asked, facts=facts, valid=valid, arms=(), journal_path=path)

    async def scored() -> object:
        target = Target(runner=make_runner(parts, remembering(parts)), paired=False)
        return await run_offline(target, questions(asked), standard(parts.catalog))

    took = []
    again = [f"cached-{number}.jsonl" for number in range(repeats)]
    for name, journals in (
        ("asked for the first time", ["first.jsonl"]),
        ("from the cache", again),
        ("from the journal", again),
    ):
        one, made = await timed(name, n, [partial(table, journal) for journal in journals])
        took.append(one)
    took.append((await timed("from the cache, all evaluators", n, [scored] * repeats))[0])
    assert isinstance(made, Comparison)  # noqa: S101

    async def report() -> object:
        return write_report(make_report(made, sessions=asked), folder / "report")

    return [*took, (await timed("the report", n, [report]))[0]]


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, untraced():
        root = Path(folder)
        parts = open_shop(root / "shop", chosen.sessions, chosen.seed)
        try:
            asked = parts.dataset.test[: chosen.sessions]
            for took in run_quickly(measure(parts, asked, root, chosen.repeats)):
                sys.stdout.write(took.line)
        finally:
            parts.close()


if __name__ == "__main__":
    main()
