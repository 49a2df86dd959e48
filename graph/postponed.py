"""Reflection on what the quota postponed."""

import asyncio
import json
from dataclasses import dataclass

from re2llm.graph.parts import Parts
from re2llm.nodes.state import NewHint, State


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """What came of postponed failures.

    Attributes:
        reflected: how many were reflected on.
        left: how many wait still: more than were asked for, or the model gave nothing usable.
        new_hints: what was proposed, and what became of it.
    """

    reflected: int
    left: int
    new_hints: tuple[NewHint, ...]


async def reflect_postponed(
    parts: Parts, *, most: int = 100, tenant: str | None = None, within_quota: bool = False
) -> CaughtUp:
    """Reflect on up to `most` postponed failures, the sources in turn.

    A process that dies on the way loses nothing: what it had not finished waits as before, and
    what the model said already is not paid for again.

    Args:
        parts: the opened workspace.
        most: bounds what this costs.
        tenant: whose failures; the settings' tenant without a word.
        within_quota: whether to stop where the quota has no room yet.
    """
    tenant = tenant or parts.settings.tenant
    reflect = parts.steps.reflect
    quota = reflect.quota
    if quota is None:
        return CaughtUp(reflected=0, left=0, new_hints=())
    done = 0
    new_hints: list[NewHint] = []
    for one in await asyncio.to_thread(quota.waiting, tenant, most):
        if parts.client.budget.refused:
            break
        if within_quota and not await asyncio.to_thread(quota.grant, one.slate, tenant=tenant):
            continue
        state: State = json.loads(one.what)
        told = await reflect.learn(state, tenant=tenant)
        if told["new_hints"] or not told["notices"]["reflect"]:
            await asyncio.to_thread(quota.settle, one.slate, tenant=tenant)
            new_hints += told["new_hints"]
            done += 1
    left = await asyncio.to_thread(quota.count_waiting, tenant)
    return CaughtUp(reflected=done, left=left, new_hints=tuple(new_hints))
