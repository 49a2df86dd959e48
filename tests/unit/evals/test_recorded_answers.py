"""The authors' recorded zero-shot answers, scored by our metrics, give their numbers."""

from pathlib import Path

import pytest

from re2llm.evals.bench_recorded import METRICS, recorded_ranks


@pytest.mark.data
def test_the_authors_movie_answers_give_their_numbers(llm_outputs_dir: Path) -> None:
    found = recorded_ranks(llm_outputs_dir / "re2llm_movie.jsonl")
    assert len(found) == 500
    means = {metric.name: metric.values(found).mean() for metric in METRICS}
    assert means["HR@5"] == pytest.approx(0.250)
    assert means["HR@10"] == pytest.approx(0.388)
    # .168 and .213 are these, cut after the third decimal
    assert means["NDCG@5"] == pytest.approx(0.1689, abs=5e-5)
    assert means["NDCG@10"] == pytest.approx(0.21386, abs=5e-6)
