"""Which knobs a caller may turn for one run."""

from dataclasses import dataclass

from langgraph.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Knobs of one run; plain values, so that they travel over HTTP."""

    tenant: str = "default"
    """Whose hints are read and written. Authorisation is the caller's business."""

    hint: str = "policy"
    """`policy` lets the policy choose, `none` asks without a hint, anything else is a hint's id."""

    reflect: bool = True
    """Whether an error in the feedback leads to reflection."""

    wait: bool = True
    """Whether to pause for feedback where the graph has a checkpointer and a thread."""


def knobs(runtime: Runtime[Context]) -> Context:
    """Return the run's knobs, or the defaults where the caller passed none."""
    return runtime.context or Context()
