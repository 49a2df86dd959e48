"""Does any request that the OpenAPI document allows, or nearly allows, make the service fail?

Schemathesis draws requests for every route from the document; half of them name things that exist.
A status of 500 and above is a failure. Run `python -m re2llm.evals.fuzz_service --examples 200`.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Err

from re2llm.evals.bench_service import make_shop
from re2llm.evals.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """What the routes answered.

    Attributes:
        statuses: route to how often each status came.
        failures: route to the requests that were answered with 500 or above, as curl commands.
    """

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """Count all requests."""
        return sum(counted.total() for counted in self.statuses.values())


def fuzz(url: str, examples: int, seed: int = 0) -> Fuzzed:
    """Send requests to a service on loopback; blocking.

    Args:
        url: of a service that needs no key.
        examples: requests per route, about half of them as the document allows.
        seed: of the draws.
    """
    told = Fuzzed()
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    known = _known(url)
    turn = itertools.count(seed)

    def ask(case: Any) -> None:
        number = next(turn)
        if number % 2:
            for name, values in known.items():
                if name in case.path_parameters:
                    case.path_parameters[name] = values[number // 2 % len(values)]
        answer = case.call()
        told.statuses[case.operation.label][answer.status_code] += 1
        if answer.status_code >= 500:
            told.failures.setdefault(case.operation.label, []).append(case.as_curl_command())

    for result in schema.get_all_operations():
        if isinstance(result, Err):
            raise result.err()
        operation = result.ok()
        told.statuses[operation.label] = Counter()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            drawn = given(case=operation.as_strategy(generation_mode=mode))(ask)
            quietly = settings(
                max_examples=max(1, examples // 2),
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            with suppress(Unsatisfiable):  # where nothing can be told, nothing wrong can be
                quietly(drawn)()
    return told


def _known(url: str) -> Mapping[str, list[str]]:
    """Make a session, a slate and a hint to be named."""
    with httpx.Client(base_url=url) as client:
        sessions = [client.post("/v1/sessions").json()["session_id"] for _ in range(3)]
        slates = [client.post("/v1/recommendations", json={"k": 3}).json() for _ in range(3)]
        texts = [f"Prefer items that are {what}." for what in ("cheap", "new", "well made")]
        hints = [client.post("/v1/hints", json={"text": text}).json() for text in texts]
    return {
        "session_id": sessions,
        "slate_id": [slate["slate_id"] for slate in slates],
        "item_id": [slate["items"][0]["item_id"] for slate in slates],
        "hint_id": [hint["hint_id"] for hint in hints],
    }


async def _served(root: Path, examples: int, seed: int) -> Fuzzed:
    await asyncio.to_thread(make_shop, root / "shop", 300, 300)
    async with AsyncExitStack() as stack:
        given_settings = {"RE2LLM_RATE_LIMIT": "10000000", "RE2LLM_FEEDBACK_WAIT": "1"}
        site = Site(shop=root / "shop", settings=given_settings, stack=stack)
        replica = await site.start()
        url = str(replica.client.base_url).rstrip("/")
        return await asyncio.to_thread(fuzz, url, examples, seed)


def main() -> int:
    """Fuzz and report; 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="requests per route")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(_served(Path(folder), chosen.examples, chosen.seed))
    for route, statuses in told.statuses.items():
        counted = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        sys.stdout.write(f"{route:<50} {counted}\n")
    failed = sum(map(len, told.failures.values()))
    sys.stdout.write(f"{told.requests} requests, {failed} answered with 500 or above\n")
    for curls in told.failures.values():
        sys.stdout.write(f"{curls[0]}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
