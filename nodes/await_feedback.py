"""Fourth step: what the shopper did with the slate, now or days later."""

from dataclasses import dataclass

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from re2llm.errors import UserError
from re2llm.nodes.context import Context, knobs, served_tenant
from re2llm.nodes.intake import FeedbackIn, read_feedback
from re2llm.nodes.state import Feedback, State
from re2llm.nodes.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFeedback:
    """Pause for feedback where the run can be resumed; else go on without.

    A run can be resumed when it has a thread (and the graph a checkpointer to keep it). What it is
    resumed with and is no feedback for this slate leaves it paused, with the fault beside the
    slate: a slip must not cost what the shopper says next.

    Attributes:
        tally: counts what feedback for a served slate says of its hint; feedback that was handed
            in with the request (batches, training, evaluation) is not counted.
    """

    tally: Tally | None = None

    async def __call__(self, state: State, runtime: Runtime[Context]) -> State:
        """Write the feedback, with the slate that it is for.

        Raises:
            UserError: the slate was made for another tenant than the run goes on for.
        """
        tenant = served_tenant(state, runtime)
        own = state.get("serving") or state.get("slate_id", "")
        known = state.get("feedback")
        if known is not None and _is_for(known.get("slate"), state):
            return {"feedback": _feedback(read_feedback(known), own)}
        info = runtime.execution_info
        if not knobs(runtime).wait or info is None or info.thread_id is None:
            return {"feedback": None}
        feedback = _feedback(_heard(state), own)
        if self.tally is not None:
            slate = state.get("slate_id") or info.thread_id
            await self.tally.count(state, feedback, slate=slate, tenant=tenant)
        return {"feedback": feedback}


def _heard(state: State) -> FeedbackIn:
    """Wait until somebody gives feedback for this slate."""
    items = state["ranking"]["items"][: state["k"]]
    asking = {"slate_id": state.get("slate_id") or state.get("serving"), "slate": items}
    while True:
        given: object = interrupt(asking)
        try:
            read = read_feedback(given)
        except UserError as error:
            asking = {**asking, "fault": str(error)}
            continue
        if _is_for(read.slate, state):
            return read
        asking = {**asking, "fault": f"feedback: {read.slate!r} is not the slate shown here"}


def _is_for(slate: str | None, state: State) -> bool:
    return slate is None or slate in (state.get("serving"), state.get("slate_id"))


def _feedback(read: FeedbackIn, slate: str) -> Feedback:
    feedback: Feedback = {"chosen": read.chosen, "slate": slate}
    if read.source is not None:
        feedback["source"] = read.source
    if read.session is not None:
        feedback["session"] = read.session
    return feedback
