"""A town of two tenants whose shoppers ask two replicas, and what they were told is safe."""

import asyncio
import itertools
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess

import httpx

from re2llm.evals import slow_model
from re2llm.evals.site import Replica, Site

TENANTS = ("north", "south")
VICTIMS = ("replica", "postgres", "chroma", "model")
KEYS = ",".join(f"{tenant}:{tenant}-key-0123456789" for tenant in TENANTS)
_PATIENCE = 120.0
"""Seconds within which all must be well again."""


@dataclass(slots=True, kw_only=True)
class Acknowledged:
    """What a tenant was told is safe: slate id to the item taken, hint ids, and all answers.

    Attributes:
        refused: in words, what was refused although nothing was wrong with it.
    """

    feedback: dict[str, str | None] = field(default_factory=dict)
    hints: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def note(self, answer: httpx.Response) -> None:
        """Count an answer."""
        self.statuses[answer.status_code] += 1
        if 400 <= answer.status_code < 500:
            self.refused[f"{answer.request.url.path}: {answer.text[:300]}"] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashes:
    """What was found; from `lost_feedback` on all must be 0.

    Attributes:
        recovered: seconds after each kill until everything was ready again, by victim.
        unfinished: feedback that was not worked on to its end in time.
        strange: hints or slates that another tenant sees.
    """

    statuses: Counter[int]
    refused: Counter[str]
    feedback: int
    hints: int
    recovered: dict[str, list[float]]
    lost_feedback: int
    lost_hints: int
    unfinished: int
    strange: int


class Town:
    """The site, its model server, and clients that never stop."""

    def __init__(self, site: Site, model_port: int, items: Sequence[str]) -> None:
        """Nothing runs yet."""
        self.site = site
        self.items = items
        self.told = {tenant: Acknowledged() for tenant in TENANTS}
        self.replicas: list[Replica] = []
        self._model_port = model_port
        self._model: ForkServerProcess | None = None
        self._numbers = itertools.count()

    def start_model(self) -> None:
        """Start the model server."""
        context = multiprocessing.get_context("forkserver")
        serve = slow_model.serve
        self._model = context.Process(target=serve, args=(self._model_port, 0.02), daemon=True)
        self._model.start()

    async def kill(self, victim: str) -> None:
        """End it without a word, wait a moment, and start it again."""
        site = self.site
        if site.database is None or site.chroma is None or self._model is None:
            raise RuntimeError("the site is not whole")
        if victim == "replica":
            await self.replicas.pop(0).kill()
            self.replicas.append(await site.start())
        elif victim == "postgres":
            await asyncio.to_thread(site.database.kill)
            await asyncio.sleep(2)
            await asyncio.to_thread(site.database.start)
        elif victim == "chroma":
            site.chroma.kill()
            await asyncio.sleep(2)
            await asyncio.to_thread(site.chroma.start)
        else:
            self.stop_model()
            await asyncio.sleep(2)
            self.start_model()

    def stop_model(self) -> None:
        """End the model server without a word."""
        if self._model is not None:
            self._model.kill()
            self._model.join()

    async def well(self) -> None:
        """Wait until every replica says that it is ready and its index is up to date."""
        async with asyncio.timeout(_PATIENCE):
            for replica in list(self.replicas):
                while True:
                    try:
                        answer = await replica.client.get("/readyz")
                        if answer.status_code == 200 and answer.json()["index"]:
                            break
                    except httpx.TransportError:
                        pass
                    await asyncio.sleep(0.1)

    async def shop(self, tenant: str) -> None:
        """Ask for slates, tell what was taken, and add hints, for ever."""
        told = self.told[tenant]
        turns: Iterator[int] = itertools.count()
        while True:
            number = next(self._numbers)
            replica = self.replicas[next(turns) % len(self.replicas)]
            try:
                await self._once(replica.client, tenant, number, told)
            except httpx.TransportError:
                told.statuses[0] += 1
                await asyncio.sleep(0.05)

    async def _once(
        self, client: httpx.AsyncClient, tenant: str, number: int, told: Acknowledged
    ) -> None:
        headers = _bearer(tenant)
        session = [self.items[number * step % len(self.items)] for step in (3, 5)]
        body: dict[str, object] = {"session": session, "request": f"wish {number}", "k": 5}
        slate = await client.post("/v1/recommendations", json=body, headers=headers)
        told.note(slate)
        if slate.status_code == 200:
            shown = {card["item_id"] for card in slate.json()["items"]}
            missed = (item for item in self.items if item not in shown)
            chosen = next(missed) if number % 3 == 0 else next(iter(shown))
            slate_id = slate.json()["slate_id"]
            path = f"/v1/slates/{slate_id}/feedback"
            answer = await client.post(path, json={"chosen": chosen}, headers=headers)
            told.note(answer)
            if answer.status_code in (200, 202):
                told.feedback[slate_id] = chosen
        if number % 5 == 0:
            text = f"Prefer items of kind {number} that {tenant} shoppers like."
            answer = await client.post("/v1/hints", json={"text": text}, headers=headers)
            told.note(answer)
            if answer.status_code == 201:
                told.hints.add(answer.json()["hint_id"])

    async def reckon(self, recovered: dict[str, list[float]]) -> Crashes:
        """Compare what was acknowledged with what is there."""
        lost = unfinished = strange = lost_hints = 0
        for tenant, told in self.told.items():
            other = TENANTS[1 - TENANTS.index(tenant)]
            client = self.replicas[0].client
            for slate_id, chosen in told.feedback.items():
                found = await self._settled(client, slate_id, tenant)
                lost += found.get("chosen") != chosen
                unfinished += found.get("state") != "done"
                path = f"/v1/slates/{slate_id}"
                foreign = await client.get(path, headers=_bearer(other))
                strange += foreign.status_code != 404
            for replica in self.replicas:
                answer = await replica.client.get("/v1/hints", headers=_bearer(tenant))
                there = {hint["hint_id"] for hint in answer.json()}
                lost_hints += len(told.hints - there)
                strange += len(there & self.told[other].hints)
        return Crashes(
            statuses=sum((told.statuses for told in self.told.values()), Counter()),
            refused=sum((told.refused for told in self.told.values()), Counter()),
            feedback=sum(len(told.feedback) for told in self.told.values()),
            hints=sum(len(told.hints) for told in self.told.values()),
            recovered=recovered,
            lost_feedback=lost,
            lost_hints=lost_hints,
            unfinished=unfinished,
            strange=strange,
        )

    async def _settled(
        self, client: httpx.AsyncClient, slate_id: str, tenant: str
    ) -> dict[str, object]:
        path, headers = f"/v1/slates/{slate_id}", _bearer(tenant)
        told: dict[str, object] = (await client.get(path, headers=headers)).json()
        ends = time.monotonic() + 30
        while told.get("state") == "pending" and time.monotonic() < ends:
            told = (await client.get(f"{path}?wait=5", headers=headers)).json()
        return told


def _bearer(tenant: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {tenant}-key-0123456789"}
