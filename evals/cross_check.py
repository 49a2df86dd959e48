"""Whether another implementation of the metrics finds the same: `ir_measures`, where installed."""

import math
from importlib.metadata import version

import numpy as np

from re2llm.evals.metrics import MAIN, Metric, Values
from re2llm.evals.results import Comparison

_SESSIONS, _DEPTH = 200, 100


def cross_check(comparison: Comparison) -> str:
    """Say how far the means of every row are from those of `ir_measures`.

    The first 200 sessions are compared, each as a ranking in which one document is relevant.
    """
    try:
        import ir_measures
    except ModuleNotFoundError:
        return "not cross-checked; pip install 're2llm[eval]' to have ir_measures do it"
    theirs_of = {"HR": ir_measures.Success, "NDCG": ir_measures.nDCG}
    measures = {
        metric: ir_measures.RR @ _DEPTH
        if metric.kind == "MRR"
        else theirs_of[metric.kind] @ metric.k
        for metric in MAIN
    }
    targets = comparison.targets[:_SESSIONS]
    qrels = [ir_measures.Qrel(f"q{place}", "target", 1) for place in range(len(targets))]
    apart = 0.0
    for arm in comparison.arms:
        ranks = arm.ranks["slate"][: len(targets)]
        run = [
            ir_measures.ScoredDoc(
                f"q{query}", f"other {place}" if place != rank else "target", -place
            )
            for query, rank in enumerate(ranks)
            for place in range(1, int(min(rank, _DEPTH) if math.isfinite(rank) else 10) + 1)
        ]
        theirs = ir_measures.calc_aggregate(list(measures.values()), qrels, run)
        for metric, measure in measures.items():
            ours = float(_capped(metric, ranks).mean())
            apart = max(apart, abs(ours - float(theirs[measure])))
    return (
        f"ir_measures {version('ir_measures')} finds the same means over {len(targets):,} sessions "
        f"of every row; largest difference {apart:.1e}"
        if apart < 1e-9
        else f"ir_measures {version('ir_measures')} DIFFERS by up to {apart:.3g}"
    )


def _capped(metric: Metric, ranks: Values) -> Values:
    values = metric.values(ranks)
    return np.where(ranks <= _DEPTH, values, 0.0) if metric.kind == "MRR" else values
