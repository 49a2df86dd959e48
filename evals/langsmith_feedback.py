"""What shoppers took of served slates, as LangSmith feedback and, if wanted, as examples."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import NAMESPACE_URL, UUID, uuid5

from langsmith import Client
from langsmith.utils import LangSmithError, LangSmithNotFoundError
from requests import RequestException

from re2llm.checkpoints import open_checkpoints
from re2llm.errors import UserError
from re2llm.evals.metrics import Metric, ranks
from re2llm.langsmith_client import without_key
from re2llm.masking import mask
from re2llm.nodes.state import State

SPLIT = "production"
"""The split of examples that were made of served slates."""
_AT_ONCE = 100
_SCORES = (Metric("HR", 10), Metric("NDCG", 10), Metric("MRR"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A served slate and the item that was taken.

    Attributes:
        slate_id: also the id of the slate's trace.
        mark: grows with time; what was sent up to a mark need not be looked at again.
        order: all candidates, best first.
        chosen: the item; None where the shopper took none.
    """

    slate_id: UUID
    session: tuple[str, ...]
    order: tuple[str, ...]
    chosen: str | None
    k: int
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """Up to where feedback was sent, per destination; a small file in the workspace."""

    path: Path

    def read(self, destination: str) -> str:
        """Return the mark; nothing where nothing was sent."""
        return self._all().get(destination, "")

    def write(self, destination: str, mark: str) -> None:
        """Keep a mark; a crash leaves the old one."""
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps({**self._all(), destination: mark}), "utf-8")
        partial.replace(self.path)

    def _all(self) -> dict[str, str]:
        try:
            return dict(json.loads(self.path.read_text("utf-8")))
        except (OSError, ValueError):
            return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How much was sent."""

    slates: int
    examples: int


async def read_taken(path: Path, *, url: str | None = None, after: str = "") -> list[Taken]:
    """Read the slates that have feedback, the oldest first; none where the file is missing.

    Args:
        path: of the SQLite file.
        url: of a Postgres, in place of the file.
        after: the mark up to which nothing is wanted; reading ends there.
    """
    if not url and not await asyncio.to_thread(path.is_file):
        return []
    found: dict[str, Taken | None] = {}
    async with open_checkpoints(path, url=url) as saver:
        async for kept in saver.alist(None):  # the newest first
            where = kept.config["configurable"]
            mark = str(where["checkpoint_id"])
            if mark <= after:
                break
            thread = str(where["thread_id"])
            if thread not in found:
                state = cast(State, kept.checkpoint["channel_values"])
                found[thread] = _taken(thread, state, mark)
    read = [taken for taken in found.values() if taken is not None]
    return sorted(read, key=lambda taken: taken.mark)


def send_taken(
    client: Client,
    taken: Sequence[Taken],
    *,
    project: str,
    dataset: str | None = None,
    done: Callable[[str], None] | None = None,
) -> Sent:
    """Send feedback on the slates' traces; the same feedback keeps its id, so twice is once.

    Args:
        client: from `re2llm.langsmith_client`.
        taken: slates with feedback.
        project: where the slates' traces went.
        dataset: a dataset, made if needed, that the slates with a taken item become examples of.
        done: called with the mark of what has arrived, now and then.

    Raises:
        UserError: LangSmith does not answer or refuses, or knows no such project.
    """
    if not taken:
        return Sent(slates=0, examples=0)
    try:
        session = client.read_project(project_name=project).id
        examples = 0
        for some in _pieces(taken, _AT_ONCE):
            for one in some:
                for key, score in _scores(one).items():
                    client.create_feedback(
                        one.slate_id,
                        key,
                        score=score,
                        session_id=session,
                        feedback_id=uuid5(one.slate_id, key),
                        stop_after_attempt=1,
                    )
            examples += 0 if dataset is None else _add(client, dataset, some)
            if done is not None:
                done(some[-1].mark)
    except LangSmithNotFoundError as error:
        raise UserError(
            f"LangSmith knows no project {project!r}; serve with LANGSMITH_TRACING=true first, or "
            "set LANGSMITH_PROJECT to where the traces are"
        ) from error
    except (LangSmithError, RequestException) as error:
        raise UserError(
            f"LangSmith did not take the feedback ({without_key(error)}); check endpoint and "
            "key, and send it again: nothing is counted twice"
        ) from error
    return Sent(slates=len(taken), examples=examples)


def _pieces(taken: Sequence[Taken], most: int) -> Iterator[Sequence[Taken]]:
    """Cut into pieces of at most so many."""
    for start in range(0, len(taken), most):
        yield taken[start : start + most]


def _scores(taken: Taken) -> dict[str, float]:
    """Score a slate by what was taken; taking nothing scores 0."""
    place = ranks([taken.order], [taken.chosen or ""])
    scores = {metric.name: float(metric.values(place)[0]) for metric in _SCORES}
    shown = taken.chosen is not None and taken.chosen in taken.order[: taken.k]
    return {"taken": float(taken.chosen is not None), "taken from the slate": float(shown)} | scores


def _add(client: Client, name: str, taken: Sequence[Taken]) -> int:
    try:
        dataset = client.read_dataset(dataset_name=name)
    except LangSmithNotFoundError:
        dataset = client.create_dataset(name, description="Served slates and what was taken.")
    there = {example.id for example in client.list_examples(dataset_id=dataset.id)}
    fresh = [
        {
            "id": example_id,
            "inputs": mask(
                {
                    "session_id": one.slate_id.hex,
                    "session": list(one.session),
                    "given_candidates": sorted(one.order),
                }
            ),
            "reference_outputs": {"target": one.chosen},
            "split": SPLIT,
        }
        for one in taken
        if one.chosen is not None
        and (example_id := uuid5(NAMESPACE_URL, f"{dataset.id}\0{one.slate_id}")) not in there
    ]
    if fresh:
        client.create_examples(dataset_id=dataset.id, examples=fresh)
    return len(fresh)


def _taken(thread: str, state: State, mark: str) -> Taken | None:
    feedback, ranking = state.get("feedback"), state.get("ranking")
    if not feedback or not ranking:
        return None
    try:
        slate_id = UUID(state.get("slate_id") or thread)
    except ValueError:  # served through a graph of somebody's own, with names of their own
        return None
    return Taken(
        slate_id=slate_id,
        session=tuple(state.get("session", ())),
        order=tuple(ranking["items"]),
        chosen=feedback["chosen"],
        k=state.get("k", 10),
        mark=mark,
    )
