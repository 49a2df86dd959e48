"""`python -m re2llm.evals.bench_chat DIALOGUES`: who reads shoppers' messages, and how well.

Each turn of each script is read twice: by the rules, and by the model that the environment names,
checked by the rules, on the same memory and cards; the conversation goes on as the rules read it.
DIALOGUES is a JSON list of `{"name": ..., "turns": [{"say": ...}]}`.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import cast

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from rich.console import Console
from rich.table import Table

from re2llm.catalog.shop.shop import ShopPlan, write_shop
from re2llm.errors import UserError
from re2llm.graph.app import Re2LLM
from re2llm.graph.models import close_models, open_model
from re2llm.llm.client import ModelClient
from re2llm.llm.patience import Patience
from re2llm.service.chat.by_model import ByModel
from re2llm.service.chat.gathered import read_lexicon
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.state import ChatState, shown
from re2llm.service.chat.understanding import PlainUnderstanding
from re2llm.service.chat.understood import Understood
from re2llm.service.chat.vocabulary import Vocabulary
from re2llm.service.embedding import chat_graph
from re2llm.settings import STAND_IN, Settings, read_settings
from re2llm.workspace import Workspace

_BESIDE = {"by", "fault", "unknown", "fact"}
"""What may differ between two readings that come to the same."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """How messages were read.

    Attributes:
        by: who read how many.
        faults: why the rules read messages though the model was asked.
        alike: how many of the model's readings come to the rules' own.
        other: the others: message, the rules' reading, the model's.
        seconds: for each question to the model.
    """

    by: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    alike: int = 0
    other: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def note(self, message: str, ruled: Understood, read: Understood, seconds: float) -> None:
        """Count one message."""
        if read.by == "rules" and read.fault is None:
            self.by["rules, the model not asked"] += 1
            return
        self.seconds.append(seconds)
        self.by[read.by] += 1
        if read.fault is not None:
            self.faults[read.fault] += 1
            return
        one, two = (
            each.model_dump_json(exclude=_BESIDE, exclude_defaults=True) for each in (ruled, read)
        )
        if one == two:
            self.alike += 1
        else:
            self.other.append((message, one, two))


async def read_scripts(
    app: Re2LLM, model: ByModel, scripts: Sequence[list[str]], tally: Tally
) -> None:
    """Hold the conversations."""
    rules = PlainUnderstanding(lexicon=await asyncio.to_thread(read_lexicon, app.parts.catalog))
    chat = chat_graph(app).compile(checkpointer=InMemorySaver())
    for number, lines in enumerate(scripts):
        state: ChatState = {}
        for message in lines:
            memory = Memory.from_json(state.get("memory"))
            cards = shown(state, app.parts.catalog)
            ruled = rules.understand(message, memory, cards)
            started = time.perf_counter()
            read = await model.understand(message, memory, cards)
            tally.note(message, ruled, read, time.perf_counter() - started)
            config: RunnableConfig = {"configurable": {"thread_id": str(number)}}
            said = await chat.ainvoke({"messages": [HumanMessage(message)]}, config)
            state = cast(ChatState, said)


def tell(tally: Tally, name: str, console: Console) -> None:
    """Print what was counted."""
    table = Table("messages", "count", title=f"read under {name}")
    for who, count in tally.by.most_common():
        table.add_row(f"read by {who}", str(count))
    for fault, count in tally.faults.most_common():
        table.add_row(f"  left to the rules: {fault}", str(count))
    table.add_row("the model's reading comes to the rules' own", str(tally.alike))
    table.add_row("it comes to something else", str(len(tally.other)))
    if tally.seconds:
        low, high = min(tally.seconds), max(tally.seconds)
        table.add_row("seconds, median", f"{median(tally.seconds):.1f} ({low:.1f} to {high:.1f})")
    console.print(table)
    for message, ruled, read in tally.other:
        console.print(
            f"{message!r}\n  rules {ruled}\n  model {read}", highlight=False, markup=False
        )


def read_file(path: Path) -> list[list[str]]:
    """Return each dialogue's lines, without those that need facts of cards filled in."""
    return [
        [turn["say"] for turn in one["turns"] if not re.search(r"\{.+\}", turn["say"])]
        for one in json.loads(path.read_text("utf-8"))
    ]


async def run(scripts: Sequence[list[str]], *, deadline: float) -> None:
    """Measure on a shop of its own.

    Raises:
        UserError: no model is set.
    """
    settings = read_settings()
    if settings.offline:
        raise UserError("the stand-in reads no messages; set RE2LLM_MODEL and RE2LLM_BASE_URL")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_shop(Workspace(root).data, ShopPlan(items=900, sessions=300, seed=3))
        plain = Settings(workspace=root, model=STAND_IN, k=5, candidates=20, _env_file=None)  # type: ignore[call-arg]
        async with await Re2LLM.open(plain) as app:
            vocabulary = await asyncio.to_thread(Vocabulary, app.parts.catalog)
            asked, identity = open_model(settings, None)
            patience = Patience(deadline=deadline, attempts=2, share=1.0)
            client = ModelClient(asked, identity=identity, patience=patience)
            model = ByModel(vocabulary, client, deadline=deadline)
            tally = Tally()
            try:
                await read_scripts(app, model, scripts, tally)
            finally:
                await close_models([asked])
    tell(tally, settings.model, Console(width=150))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dialogues", type=Path)
    parser.add_argument("--count", type=int, default=1000, help="so many dialogues, drawn by seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--deadline", type=float, default=60.0, help="seconds for one message")
    given = parser.parse_args()
    try:
        scripts = read_file(given.dialogues)
        random.Random(given.seed).shuffle(scripts)
        asyncio.run(run(scripts[: given.count], deadline=given.deadline))
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
