"""A suite for LangSmith's pytest plugin: each test run becomes an experiment there.

    pytest -o addopts= tests/langsmith_slates.py

LANGSMITH_TEST_TRACKING=false LANGSMITH_TRACING=false runs it without sending anything: the first
is about the suite, the second about the graph inside it.
"""

import pytest
from langsmith import testing

from re2llm.evals.scores import Answer, SlateValid
from re2llm.graph.app import Re2LLM


@pytest.mark.langsmith
async def test_a_slate_lists_candidates_only(app: Re2LLM) -> None:
    session = app.parts.dataset.test[0]
    testing.log_inputs({"session": list(session.items)})
    testing.log_reference_outputs({"target": session.target})
    slate = await app.recommend(session.items, candidates=session.candidates)
    testing.log_outputs({"items": list(slate.item_ids), "hint": slate.hint_id})
    answer = Answer(
        items=slate.item_ids, candidates=session.candidates or (), target=session.target
    )
    score = SlateValid().score(answer)
    testing.log_feedback(key="slate valid", score=score)
    assert score == 1
