"""The authors' recorded zero-shot answers on 500 movie sessions, scored by our metrics.

Run `python -m re2llm.evals.bench_recorded FILE`, a file of JSON lines with `response` and `target`.
An invented title keeps its place: it was shown, and it was wrong. The paper's numbers are HR@5
.250, HR@10 .388, NDCG@5 .168 and NDCG@10 .213, cut after the third decimal.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from re2llm.evals.bootstrap import estimate, resampled_means
from re2llm.evals.metrics import Metric, Values, ranks

METRICS = (Metric("HR", 5), Metric("HR", 10), Metric("NDCG", 5), Metric("NDCG", 10))
_LINE = re.compile(r"^\s*\d+[.)]\s*(.+?)\s*$")


def recorded_ranks(file: Path) -> Values:
    """Return (sessions,) the target's place in each numbered list."""
    answers = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    orders = []
    for answer in answers:
        found = [_LINE.match(line) for line in answer["response"].splitlines()]
        orders.append([match.group(1) for match in found if match])
    return ranks(orders, [answer["target"] for answer in answers])


def main() -> None:
    """Print each metric with its interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    found = recorded_ranks(parser.parse_args().file)
    for metric in METRICS:
        values = metric.values(found)
        one = estimate(float(values.mean()), resampled_means(values[:, None])[:, 0])
        sys.stdout.write(
            f"{metric.name:<8} {one.mean:.5f} ({one.low:.4f} to {one.high:.4f}), "
            f"{len(found)} sessions\n"
        )


if __name__ == "__main__":
    main()
