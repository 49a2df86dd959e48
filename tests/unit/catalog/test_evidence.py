"""Evidence is what the formulas say, worked out anew for whichever items are compared."""

import numpy as np
import pytest

from re2llm.catalog.retrieve.evidence import Measures
from re2llm.catalog.retrieve.weights import EQUAL, SOURCES

COUNT = 40
NAMES = (*SOURCES, "sasrec", "request")


def measures(*, session: bool, labels: bool, seed: int = 0) -> Measures:
    draws = np.random.default_rng(seed)
    text = session * (4 + labels)
    likeness = draws.random((2 * session, COUNT))
    if session:
        likeness[0, ::3] = np.nan
        likeness[1] = np.nan
    models = draws.random((1, COUNT))
    models[0, ::4] = np.nan
    return Measures(
        rows=draws.random((3 + text + 1, COUNT)),
        text=text,
        likeness=likeness,
        models=models,
        names=NAMES,
    )


def plain(values: list[float]) -> list[float]:
    known = [one for one in values if one == one]
    mean = sum(known) / len(known) if known else 0.0
    spread = (sum((one - mean) ** 2 for one in known) / max(len(known), 1)) ** 0.5
    return [(one - mean) / spread if one == one and spread > 1e-9 else 0.0 for one in values]


def filled(values: list[float]) -> list[float]:
    known = [one for one in values if one == one]
    return [one if one == one else sum(known) / len(known) if known else 0.0 for one in values]


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("session", [True, False])
@pytest.mark.parametrize("some", [COUNT, 7, 1])
def test_evidence_is_what_the_formulas_say(session: bool, labels: bool, some: int) -> None:
    whole = measures(session=session, labels=labels)
    places = np.random.default_rng(1).permutation(COUNT)[:some]
    told = whole.only(places)
    rows, found = told.rows.tolist(), told.evidence()
    for place in range(3):
        assert found[place] == pytest.approx(plain(rows[place]))
    text, alike = [0.0] * some, [0.0] * some
    if session:
        parts = [plain(row) for row in rows[3:7]]
        weights = (1.0, 0.5, 1.0, 1.0)
        text = [
            sum(weight * part[i] for weight, part in zip(weights, parts, strict=True))
            for i in range(some)
        ]
        likeness = [filled(row) for row in told.likeness.tolist()]
        alike = plain([sum(column) for column in zip(*likeness, strict=True)])
        if labels:
            alike = [one + other for one, other in zip(alike, plain(rows[7]), strict=True)]
    assert found[3] == pytest.approx(plain(text))
    assert found[4] == pytest.approx(plain(alike))
    assert found[5] == pytest.approx(plain(told.models[0].tolist()))
    assert found[6] == pytest.approx(plain(rows[-1]))
    assert told.popularity.tolist() == rows[2]


def test_where_attributes_are_silent_text_speaks_for_them() -> None:
    told = measures(session=True, labels=True)
    evidence = told.evidence()
    weights = np.array([EQUAL.of(name) for name in NAMES])
    assert told.fused(evidence, EQUAL) == pytest.approx(weights @ evidence)
    evidence[4] = 0
    weights[3] += weights[4]
    assert told.fused(evidence, EQUAL) == pytest.approx(weights @ evidence)
