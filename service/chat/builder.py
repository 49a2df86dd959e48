"""The conversation's state machine, around the recommendation graph."""

from dataclasses import dataclass
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from re2llm.nodes.context import own_context
from re2llm.service.chat.answer import Answer
from re2llm.service.chat.listen import Understand
from re2llm.service.chat.memory import Memory
from re2llm.service.chat.state import ChatContext, ChatInput, ChatOutput, ChatState
from re2llm.service.chat.steps import Recommend, TakeFeedback, Write
from re2llm.service.chat.understood import Act, Understood

ChatGraph = StateGraph[ChatState, ChatContext, ChatInput, ChatOutput]
ChatApp = CompiledStateGraph[ChatState, ChatContext, ChatInput, ChatOutput]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSteps:
    """The steps, with their collaborators already inside."""

    understand: Understand
    recommend: Recommend
    feedback: TakeFeedback
    answer: Answer
    write: Write


def build_chat(steps: ChatSteps) -> ChatGraph:
    """Join the steps; compile the result with a checkpointer, so that it remembers."""
    graph = StateGraph(
        ChatState, context_schema=ChatContext, input_schema=ChatInput, output_schema=ChatOutput
    )
    graph.add_node("understand", steps.understand)
    graph.add_node("recommend", steps.recommend)
    graph.add_node("take_feedback", steps.feedback)
    graph.add_node("answer", steps.answer)
    graph.add_node("write", steps.write)
    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", after_understanding)
    graph.add_edge("recommend", "write")
    graph.add_edge("take_feedback", "write")
    graph.add_edge("answer", "write")
    graph.add_edge("write", END)
    return graph


def after_understanding(
    state: ChatState, runtime: Runtime[ChatContext]
) -> Literal["recommend", "take_feedback", "answer"]:
    """Choose the step that a message needs; ask for a wish at most once."""
    understood = Understood.model_validate(state["understood"])
    memory = Memory.from_json(state.get("memory"))
    context = own_context(runtime.context, ChatContext)
    match understood.act:
        case Act.TAKE | Act.LIKE:
            return "take_feedback"
        case Act.MORE | Act.REJECT:
            return "recommend"
        case Act.WISH:
            wish = not memory.empty or memory.ranges or memory.best
            told = understood.anything or wish or context.session or state.get("cards")
            return "recommend" if told or memory.asked else "answer"
        case Act.UNCLEAR | Act.GREET:
            vague = memory.asked and memory.empty and not (state.get("cards") or understood.unknown)
            return "recommend" if vague and understood.act is Act.UNCLEAR else "answer"
    return "answer"
