"""How often a hint in other words is found to be one that is there already, and at what cost.

Run `python -m re2llm.evals.bench_redundancy`. Each knowledge base holds one wording of every group
in `paraphrases`, and beside them the same in certain sessions alone; every other wording is a
draft. `reach` takes a judge that is always right, so that it tells what is asked about; the last
two columns take the offline stand-in as judge, which is no language model. `--encoder minilm` finds
the nearest by meaning, as a workspace with that encoder does; the default finds them by words.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.hashing import HashingEncoder
from re2llm.catalog.minilm import MiniLmEncoder
from re2llm.evals.paraphrases import GROUPS
from re2llm.kb_store.hint import Hint, Status, hint_id
from re2llm.kb_store.memory_store import MemoryHintStore
from re2llm.kb_store.redundancy import Judge, Redundancy, RedundancyRules
from re2llm.llm.standin.advice import same

_CONDITIONS = (
    "short sessions",
    "sessions that keep to one brand",
    "sessions that wander",
    "long sessions",
    "sessions that begin with a gift",
    "sessions on one platform",
)
RULES = {
    "by distance alone": RedundancyRules(ask=2.0),
    "asked above cosine .6, the nearest 3": RedundancyRules(ask=0.6, neighbours=3),
    "asked about the nearest 8": RedundancyRules(neighbours=8),
    "asked about the nearest 24": RedundancyRules(neighbours=24),
    "asked about the nearest 60": RedundancyRules(),
}


@dataclass(slots=True)
class Oracle:
    """Knows which hints are of one group."""

    asked: int = 0

    async def same(self, a: str, b: str) -> bool | None:
        """Say so."""
        self.asked += 1
        return any(a in group and b in group for group in GROUPS)

    async def which(self, text: str, others: Sequence[str]) -> int | None:
        """Name it."""
        self.asked += 1
        group = next(group for group in GROUPS if text in group)
        return next((place for place, one in enumerate(others, start=1) if one in group), 0)


@dataclass(slots=True)
class StandIn:
    """Judges as the offline stand-in does."""

    async def same(self, a: str, b: str) -> bool | None:
        """Compare what it understands."""
        return same(a, b)

    async def which(self, text: str, others: Sequence[str]) -> int | None:
        """Take the first that it understands alike."""
        return next((place for place, one in enumerate(others, start=1) if same(text, one)), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Shares of drafts; `questions` is the mean per draft."""

    rules: str
    hints: int
    drafts: int
    reach: float
    questions: float
    found: float
    mistaken: float


async def measure(
    rules: str, sizes: Sequence[int], draws: int, encoder: TextEncoder, seed: int = 0
) -> list[Found]:
    """Look for twins of every draft, in knowledge bases of these sizes."""
    lines = []
    for size in sizes:
        rng = np.random.default_rng(seed)
        oracle, counts = Oracle(), np.zeros(4, dtype=np.int64)
        for _ in range(draws):
            kept = [int(rng.integers(len(group))) for group in GROUPS]
            held = [group[place] for group, place in zip(GROUPS, kept, strict=True)]
            store = MemoryHintStore(encoder)
            texts = [*held, *_conditional(size - len(held), rng)]
            store.put_all([_active(text) for text in texts], by="bench", why="bench")
            for number, group in enumerate(GROUPS):
                for draft in (text for place, text in enumerate(group) if place != kept[number]):
                    right = await _twin(store, oracle, rules, draft)
                    said = await _twin(store, StandIn(), rules, draft)
                    hit = said == held[number]
                    counts += (1, right == held[number], hit, not hit and _another(said, group))
        n = int(counts[0])
        reach, found, mistaken = (float(count) / n for count in counts[1:])
        lines.append(
            Found(
                rules=rules,
                hints=size,
                drafts=n,
                reach=reach,
                questions=oracle.asked / n,
                found=found,
                mistaken=mistaken,
            )
        )
    return lines


def _conditional(n: int, rng: np.random.Generator) -> list[str]:
    made = [
        f"In {where}, {group[0][0].lower()}{group[0][1:]}"
        for where in _CONDITIONS
        for group in GROUPS
    ]
    return [made[place] for place in rng.permutation(len(made))[: max(n, 0)]]


def _another(text: str, group: Sequence[str]) -> bool:
    """Say whether a twin asks for something else, not for the same in some sessions alone."""
    return bool(text) and not any(one[1:] in text for one in group)


def _active(text: str) -> Hint:
    return Hint(hint_id=hint_id(text), text=text, status=Status.ACTIVE)


async def _twin(store: MemoryHintStore, judge: Judge, rules: str, draft: str) -> str:
    redundancy = Redundancy(store=store, judge=judge, rules=RULES[rules])
    twin = await redundancy.twin(draft, tenant="default", status=[Status.ACTIVE])
    return twin.text if twin else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hints", type=int, nargs="+", default=[20, 40, 120])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--encoder", choices=["lexical", "minilm"], default="lexical")
    options = parser.parse_args(arguments)
    minilm = options.encoder == "minilm"
    encoder: TextEncoder = MiniLmEncoder.load() if minilm else HashingEncoder()
    sys.stdout.write(
        "| how | hints | drafts | reach | questions per draft | found, stand-in | mistaken, "
        "stand-in |\n|---|---:|---:|---:|---:|---:|---:|\n"
    )
    for rules in RULES:
        for line in asyncio.run(measure(rules, options.hints, options.draws, encoder)):
            sys.stdout.write(
                f"| {line.rules} | {line.hints} | {line.drafts} | {line.reach:.2f} |"
                f" {line.questions:.2f} | {line.found:.2f} | {line.mistaken:.2f} |\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
