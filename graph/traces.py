"""What a slate's trace is called by: model and prompts, hint and policy, degraded or whole."""

from re2llm.graph.parts import Parts
from re2llm.graph.state import RecommendOutput
from re2llm.llm.prompts import prompt_version
from re2llm.tracing import Trace


def about(parts: Parts) -> dict[str, str]:
    """Name what all traces of a workspace have in common."""
    return {
        "model": parts.settings.model_label,
        "prompts": prompt_version(),
        "data": parts.dataset.meta.name,
    }


def tell_slate(trace: Trace, output: RecommendOutput) -> None:
    """Say what the slate became."""
    hint, ranking = output["hint"], output["ranking"]
    trace.tell(
        {"items": ranking["items"], "hint_id": hint["hint_id"], "degraded": ranking["degraded"]},
        {
            "hint": hint["hint_id"] or "none",
            "policy": hint["policy"],
            "answer": "degraded" if ranking["degraded"] else "whole",
        },
    )
