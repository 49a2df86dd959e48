"""The authors' recorded zero-shot answers, scored by our metrics, give their numbers."""

import json
import re
from pathlib import Path

import pytest

from re2llm.evals.metrics import hit_rate, ndcg, ranks

LINE = re.compile(r"^\s*\d+[.)]\s*(.+?)\s*$")


@pytest.mark.data
def test_the_authors_movie_answers_give_their_numbers(llm_outputs_dir: Path) -> None:
    lines = (llm_outputs_dir / "re2llm_movie.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [json.loads(line) for line in lines]
    orders = []  # an invented title keeps its place: it was shown, and it was wrong
    for answer in answers:
        found = [LINE.match(line) for line in answer["response"].splitlines()]
        orders.append([match.group(1) for match in found if match])
    found_ranks = ranks(orders, [answer["target"] for answer in answers])
    assert len(found_ranks) == 500
    assert hit_rate(found_ranks, 5).mean() == pytest.approx(0.250)
    assert hit_rate(found_ranks, 10).mean() == pytest.approx(0.388)
    # .168 and .213 are these, cut after the third decimal
    assert ndcg(found_ranks, 5).mean() == pytest.approx(0.1689, abs=5e-5)
    assert ndcg(found_ranks, 10).mean() == pytest.approx(0.21386, abs=5e-6)
