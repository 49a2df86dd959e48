"""The state machine: retrieve, select a hint, rerank, await feedback, reflect on an error."""

from dataclasses import dataclass

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from re2llm.graph.routing import after_feedback
from re2llm.graph.state import RecommendInput, RecommendOutput
from re2llm.nodes.await_feedback import AwaitFeedback
from re2llm.nodes.context import Context
from re2llm.nodes.reflect import Reflect
from re2llm.nodes.rerank import Rerank
from re2llm.nodes.retrieve import RetrieveCandidates
from re2llm.nodes.select_hint import SelectHint
from re2llm.nodes.state import State
from re2llm.nodes.tally import Tally

RecommendGraph = StateGraph[State, Context, RecommendInput, RecommendOutput]
RecommendApp = CompiledStateGraph[State, Context, RecommendInput, RecommendOutput]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps, with their collaborators already inside."""

    retrieve: RetrieveCandidates
    select: SelectHint
    rerank: Rerank
    reflect: Reflect
    tally: Tally | None = None


def build_graph(steps: Steps) -> RecommendGraph:
    """Join the steps; compile the result with the checkpointer, store and cache of your choice."""
    graph = StateGraph(
        State,
        context_schema=Context,
        input_schema=RecommendInput,
        output_schema=RecommendOutput,
    )
    graph.add_node("retrieve_candidates", steps.retrieve)
    graph.add_node("select_hint", steps.select)
    graph.add_node("rerank", steps.rerank)
    graph.add_node("await_feedback", AwaitFeedback(tally=steps.tally))
    graph.add_node("reflect", steps.reflect)
    graph.add_edge(START, "retrieve_candidates")
    graph.add_edge("retrieve_candidates", "select_hint")
    graph.add_edge("select_hint", "rerank")
    graph.add_edge("rerank", "await_feedback")
    graph.add_conditional_edges("await_feedback", after_feedback, ["reflect", END])
    graph.add_edge("reflect", END)
    return graph
