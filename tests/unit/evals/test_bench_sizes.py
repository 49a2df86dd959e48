"""Knowledge bases of several sizes: hints that differ, and tables that add up."""

from itertools import combinations

import numpy as np
import pytest

from re2llm.evals.bench_ablations import table
from re2llm.evals.bench_sizes import BASES, SIZES, told
from re2llm.evals.junk import Junk, pooled
from re2llm.evals.many_hints import MANY_HINTS
from re2llm.evals.results import NO_HINT, Arm, Comparison, Facts
from re2llm.graph.exploration import Ending, Explored
from re2llm.kb_store.form import FormRules, form_fault
from re2llm.llm.standin.advice import same, understand
from re2llm.llm.usage import Usage


def test_no_two_of_the_many_hints_ask_for_the_same_and_each_may_be_a_hint() -> None:
    assert len(MANY_HINTS) >= max(SIZES)
    assert not [pair for pair in combinations(MANY_HINTS, 2) if same(*pair)]
    assert all(understand(text).turns for text in MANY_HINTS)
    assert not [fault for text in MANY_HINTS if (fault := form_fault(text, FormRules()))]


def junk(half: float, full: float, seed: int) -> Junk:
    noise = np.random.default_rng(seed).normal(scale=0.2, size=300)
    explored = Explored(
        sessions=1,
        errors=1,
        reflections=1,
        proposed=0,
        admitted=0,
        shadow=0,
        active=0,
        ending=Ending.DRY,
        usage=Usage(),
    )
    return Junk(
        explored=explored,
        shadows=0,
        active=(),
        shadow_good=0.0,
        alike=0,
        nearest=0.0,
        half=half + noise,
        full=full + noise + np.random.default_rng(seed + 9).normal(scale=0.05, size=300),
    )


def test_shops_are_pooled_session_by_session() -> None:
    said = pooled([junk(0.1, 0.2, 0), junk(0.1, 0.1, 5), junk(0.2, 0.1, 2)])
    assert "3 shops, 900 held-out sessions" in said
    assert "surely more in 1, surely less in 1" in said


def test_each_size_is_compared_with_half_of_it() -> None:
    draws = np.random.default_rng(0)
    gains = {
        (name, size): 0.01 * size + draws.normal(scale=0.001, size=50)
        for name in BASES
        for size in SIZES
    }
    said = told([(gains, dict.fromkeys(gains, 2.0))])
    twice = told([(gains, dict.fromkeys(gains, 2.0))] * 2, same=True)
    assert [row.split("; by shop")[0] for row in twice.splitlines()] == [
        row.split("; by shop")[0] for row in said.splitlines()
    ]
    rows = [line for line in said.splitlines() if line.startswith("| all")]
    assert len(rows) == len(SIZES)
    assert rows[0].endswith("|  |")
    assert float(rows[3].split("|")[-2].split()[0]) == pytest.approx(0.2, abs=0.001)


def arm(name: str, ranks: list[float]) -> Arm:
    places = np.array(ranks)
    return Arm(
        name=name,
        asks=True,
        ranks={"slate": places, "model": places + 1},
        shown=((),) * len(ranks),
        hint_ids=(None,) * len(ranks),
        degraded=(None,) * len(ranks),
        seconds=(0.0,) * len(ranks),
    )


@pytest.mark.parametrize("against", [None, "whole"])
def test_rows_of_several_shops_are_joined(against: str | None) -> None:
    facts = Facts(title="t", data="d", model_label="m")
    found = [
        Comparison(
            facts=facts,
            session_ids=("a", "b"),
            targets=("x", "y"),
            arms=(arm(NO_HINT, [2, 2]), arm("whole", [1, 1]), arm("part", [place, 2])),
        )
        for place in (1.0, 2.0)
    ]
    rows = {line.split("|")[1].strip(): line for line in table(found, against).splitlines()[3:]}
    assert rows["whole"].split("|")[2].strip() == "1.000"
    assert rows["whole"].split("|")[3].split()[0] == "+0.369"
    assert rows["part"].split("|")[2].strip() == f"{(1 + 3 * 0.63093) / 4:.3f}"
    assert (rows["whole"].split("|")[4].strip() == "") == (against == "whole")
