"""Small planted worlds, and hints made of arrays, for the policy's tests."""

import asyncio
from dataclasses import replace

from re2llm.evals.worlds import WORLDS, TableRewards, World, draw_world
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.store import Eligible
from re2llm.policy.hint_side import HintSide
from re2llm.policy.training import Trained, Trainer


def small_world(
    name: str = "strong", *, features: int = 12, seed: int = 0, changed: float = 0.0
) -> World:
    kind = replace(
        WORLDS[name], sessions=120, held_out=300, hints=6, kinds=3, features=features, dim=16
    )
    return draw_world(kind, seed, changed=changed)


def train(world: World, trainer: Trainer, *, calls: int, seed: int = 0) -> Trained:
    source = TableRewards(world.problem.hints.ids, world.rewards)
    return asyncio.run(trainer.train(world.problem, source, calls=calls, seed=seed))


def eligible_of(side: HintSide, *, off: tuple[str, ...] = ()) -> Eligible:
    hints = tuple(
        Hint(
            hint_id=hint_id,
            text=hint_id,
            status=Status.DISABLED if hint_id in off else Status.ACTIVE,
        )
        for hint_id in side.ids
    )
    return Eligible(hints=hints, vectors=side.vectors)
