"""Fourth step: what the shopper did with the slate, now or days later."""

from dataclasses import dataclass

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from re2llm.nodes.context import Context, knobs
from re2llm.nodes.intake import read_feedback
from re2llm.nodes.state import Feedback, State
from re2llm.nodes.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFeedback:
    """Pause for feedback where the run can be resumed; else go on without.

    A run can be resumed when it has a thread (and the graph a checkpointer to keep it).

    Attributes:
        tally: counts what feedback for a served slate says of its hint; feedback that was handed
            in with the request (batches, training, evaluation) is not counted.
    """

    tally: Tally | None = None

    async def __call__(self, state: State, runtime: Runtime[Context]) -> State:
        """Write the feedback.

        Raises:
            UserError: the value that the run was resumed with is no feedback.
        """
        given: object = state.get("feedback")
        thread: str | None = None
        if given is None:
            info = runtime.execution_info
            if not knobs(runtime).wait or info is None or info.thread_id is None:
                return {}
            thread = info.thread_id
            ranking = state["ranking"]
            given = interrupt(
                {"slate_id": state.get("slate_id"), "slate": ranking["items"][: state["k"]]}
            )
        read = read_feedback(given)
        feedback: Feedback = {"chosen": read.chosen}
        if read.source is not None:
            feedback["source"] = read.source
        if read.session is not None:
            feedback["session"] = read.session
        if self.tally is not None and thread is not None:
            slate, tenant = state.get("slate_id") or thread, knobs(runtime).tenant
            await self.tally.count(state, feedback, slate=slate, tenant=tenant)
        return {"feedback": feedback}
