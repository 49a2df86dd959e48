"""Which order the model gives: one question for the whole list, answered by labels."""

from dataclasses import dataclass
from functools import lru_cache

from re2llm.llm.answer import Answer, Options, Schema
from re2llm.llm.client import ModelClient
from re2llm.llm.deadline import due, seconds_left
from re2llm.llm.fit import fitted
from re2llm.llm.labels import labels, labels_pattern
from re2llm.llm.rank_prompt import Detail, rank_messages
from re2llm.llm.ranking import RankAnswer, RankTask
from re2llm.llm.reader import Reading, complete, read_answer

_TOKENS_PER_LABEL = 6
_TOKENS_PER_REASON = 40
_ROOM = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ListwiseReranker:
    """Asks once for the labels of all candidates, or of the best `places`, best first.

    Attributes:
        places: how many labels are wanted; None means all.
        enough: the share of the wanted labels below which an answer counts as degraded, and is not
            kept.
        deadline: seconds for one slate, all attempts and shortening included; None means the
            client's.
        thinking: tokens granted on top for a model that thinks in its answer; None sets no limit.
    """

    client: ModelClient
    places: int | None = None
    enough: float = 0.5
    deadline: float | None = None
    thinking: int | None = None
    sample: int = 0

    @property
    def limit(self) -> float:
        """Seconds for one slate."""
        return self.client.patience.deadline if self.deadline is None else self.deadline

    async def rerank(self, task: RankTask) -> RankAnswer:
        """Return a complete permutation; where the model fails, it is the retrieval order."""
        if not task.candidates:
            return RankAnswer(order=(), listed=0)
        return await fitted(due(task, self.limit), self._ask)

    async def _ask(self, task: RankTask, detail: Detail) -> RankAnswer:
        """Ask in this much detail; raises `ModelError`."""
        reader = _Reader(task, self.enough * self._wanted(task))
        text = self.client.form == "text"
        answer = await self.client.ask(
            rank_messages(task, detail=detail, places=self.places, text=text),
            rank_schema(len(task.candidates), self._wanted(task), _reasons(task)),
            options=self._options(task),
            accept=reader.accepts,
            keep=reader.suffices,
            deadline=seconds_left(task),
        )
        return self._told(task, reader.read(answer.text), answer)

    def _told(self, task: RankTask, reading: Reading, answer: Answer) -> RankAnswer:
        order, repairs = complete(reading, [one.item.item_id for one in task.candidates])
        wanted, listed = self._wanted(task), len(reading.places)
        few = f"the model named {listed} of {wanted} candidates"
        return RankAnswer(
            order=order,
            listed=listed,
            reasons={
                task.candidates[place].item.item_id: words
                for place, words in reading.reasons.items()
                if place in reading.places[: task.k]
            },
            repairs=repairs,
            degraded=few if listed < self.enough * wanted else None,
            usage=answer.usage,
        )

    def _wanted(self, task: RankTask) -> int:
        count = len(task.candidates)
        return count if self.places is None else min(self.places, count)

    def _options(self, task: RankTask) -> Options:
        if self.thinking is None:
            return Options(sample=self.sample)
        most = _ROOM + _TOKENS_PER_LABEL * self._wanted(task) + self.thinking
        return Options(max_tokens=most + _TOKENS_PER_REASON * _reasons(task), sample=self.sample)


@lru_cache(maxsize=256)
def rank_schema(count: int, wanted: int, reasons: int) -> Schema:
    """Return the answer's form: labels out of the list, and reasons where they are wanted.

    The labels stand in one string, two tokens each; in a list of strings they would be four.
    """
    ranking = {"type": "string", "pattern": labels_pattern(count, wanted)}
    properties: dict[str, object] = {"ranking": ranking}
    if reasons:
        label = {"type": "string", "enum": list(labels(count))}
        why = {"label": label, "why": {"type": "string"}}
        entry = {
            "type": "object",
            "properties": why,
            "required": ["label", "why"],
            "additionalProperties": False,
        }
        properties["reasons"] = {"type": "array", "items": entry, "maxItems": reasons}
    return Schema(
        name="ranking",
        json={
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        },
    )


def _reasons(task: RankTask) -> int:
    return min(task.k, len(task.candidates)) if task.reasons else 0


class _Reader:
    """Reads answers to one question; the latest answer only once."""

    def __init__(self, task: RankTask, enough: float) -> None:
        self._titles = [one.item.title for one in task.candidates]
        self._session = [item.title for item in task.session]
        self._enough = enough
        self._latest: tuple[str, Reading] | None = None

    def accepts(self, answer: Answer) -> bool:
        """Say whether the answer names any candidate, which is better than nothing."""
        return bool(self.read(answer.text).places)

    def suffices(self, answer: Answer) -> bool:
        """Say whether the answer is whole and names enough, so that asking again is not worth it.

        Anything less is a failure: it may serve one slate, and is never kept for the next.
        """
        return not answer.cut and len(self.read(answer.text).places) >= self._enough

    def read(self, text: str) -> Reading:
        """Return which candidates the answer names."""
        if self._latest is None or self._latest[0] != text:
            self._latest = text, read_answer(text, self._titles, self._session)
        return self._latest[1]
