"""Where a session goes after the feedback."""

from typing import Literal

from langgraph.runtime import Runtime

from re2llm.nodes.context import Context, knobs
from re2llm.nodes.state import State


def is_error(state: State) -> bool:
    """Say whether the shopper took an item that the slate did not show in its first k places."""
    feedback = state.get("feedback")
    if not feedback or feedback["chosen"] is None:
        return False
    return feedback["chosen"] not in state["ranking"]["items"][: state["k"]]


async def after_feedback(state: State, runtime: Runtime[Context]) -> Literal["reflect", "__end__"]:
    """Reflect on an error, unless the caller does not want to; else end.

    Not blocking, and so no function for a thread: the hop would cost more than the answer.
    """
    return "reflect" if is_error(state) and knobs(runtime).reflect else "__end__"
