"""What is served where a model gives nothing usable: the retrieval order, and why."""

from re2llm.llm.errors import ModelError
from re2llm.llm.ranking import RankAnswer, RankTask, Repairs
from re2llm.llm.usage import Usage


def retrieval_order(task: RankTask, why: str, usage: Usage | None = None) -> RankAnswer:
    """Return the retrieval order, and why the model's word is not behind it."""
    order = tuple(one.item.item_id for one in task.candidates)
    return RankAnswer(
        order=order,
        listed=0,
        repairs=Repairs(missing=len(order)),
        degraded=why,
        usage=usage or Usage(),
    )


def describe(error: ModelError) -> str:
    """Return a model's failure in a few words for the record."""
    return f"{error.says} ({str(error)[:160]})"
