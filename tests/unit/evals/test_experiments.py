"""Experiments: every file runs on a small shop, stops and goes on, and is paid for once."""

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from shop_settings import settings_for

from re2llm.catalog.dataset import open_dataset
from re2llm.catalog.hashing import HashingEncoder
from re2llm.commands.experiment import experiment
from re2llm.errors import UserError
from re2llm.evals.experiment import Made, run_experiment
from re2llm.evals.experiment_home import calls_left, experiment_folder
from re2llm.evals.experiment_plan import PACKAGED, ExperimentPlan, read_plan
from re2llm.evals.recipe import Recipe
from re2llm.evals.report import write_report
from re2llm.evals.results import STAND_IN, Facts
from re2llm.evals.variant_parts import BlindPolicy, Untried, open_variant
from re2llm.graph.opening import open_parts
from re2llm.graph.parts import Parts
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.hint import Status
from re2llm.kb_store.starter import starter_hints
from re2llm.kb_store.store import Eligible
from re2llm.policy.card import Card, Origin
from re2llm.policy.choice import Choice
from re2llm.policy.constant import ConstantScorer
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.saved import save_policy
from re2llm.workspace import Workspace

FILES = sorted(path.stem for path in PACKAGED.glob("*.toml"))
FACTS = Facts(title="a small shop", data="made up", model_label=STAND_IN)
TINY = {"sessions": 12, "hints": 2, "patience": 2, "calls": 10}


def tiny(name: str) -> ExperimentPlan:
    """Return the file's plan over few sessions, with one value where it is a series."""
    plan = read_plan(name)
    variants = [
        one.model_copy(update={"recipe": one.recipe.model_copy(update=TINY)})
        for one in (plan.variants[:1] if plan.axis else plan.variants)
    ]
    return plan.model_copy(update={"test": 6, "variants": tuple(variants)})


def valid_sessions(shop: Path) -> int:
    return len(open_dataset(Workspace(shop).data).valid)


@contextmanager
def silent(_: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, of: None


def run(
    shop: Path, plan: ExperimentPlan, elsewhere: Path | None = None, max_calls: int | None = None
) -> tuple[Made, Path]:
    """Run an experiment in a process that knows nothing of the ones before."""
    settings = settings_for(shop).model_copy(update={"max_calls": max_calls, "concurrency": 4})
    parts = open_parts(settings, None)
    try:
        folder = experiment_folder(parts, plan, elsewhere)
        made = asyncio.run(
            run_experiment(parts, plan, folder, facts=FACTS, tell=silent, elsewhere=elsewhere)
        )
        return made, folder
    finally:
        parts.close()


@pytest.fixture
def other(shop_once: Path, tmp_path: Path) -> Path:
    """Another workspace with general hints, and a policy that always gives the first one."""
    home, encoder = Workspace(tmp_path / "other"), HashingEncoder()
    hints = starter_hints("default", Status.ACTIVE, 0.0)
    with closing(ChromaHintStore(home.hints, encoder)) as store:
        store.put_all(hints, by="test", why="to carry")
    scorer = ConstantScorer(
        (hints[0].hint_id,), torch.ones(1), features=len(FEATURE_NAMES), dim=encoder.dim
    )
    origin = Origin(trainer="test", data="another shop", static_hint=hints[0].hint_id)
    card = Card(kind="", origin=origin, encoder=encoder.identity, dim=0)
    save_policy(home.policy, scorer, card, serve=True)
    return home.root


@pytest.mark.parametrize("name", FILES)
def test_every_file_runs_and_a_second_run_pays_nothing(shop: Path, other: Path, name: str) -> None:
    plan = tiny(name)
    elsewhere = other if plan.elsewhere else None
    made, folder = run(shop, plan, elsewhere)
    labels = {one.label(row) for one in plan.variants for row in one.rows}
    rows = [row.name for row in made.report.tables[0].rows if row.asks]
    assert labels <= set(rows)
    assert len(rows) == len(set(rows))
    assert 0 < made.calls <= plan.most_calls(valid=valid_sessions(shop), test=6)
    page = write_report(made.report, folder)
    assert STAND_IN in page.read_text()
    again, same = run(shop, plan, elsewhere)
    assert same == folder
    assert again.calls == 0
    with closing(open_parts(settings_for(shop), None)) as parts:
        assert plan.shuffles or calls_left(parts, plan, folder) == 0
    assert again.report.tables == made.report.tables
    assert again.report.findings == made.report.findings


def test_a_budget_that_runs_out_is_said_and_nothing_is_paid_twice(shop: Path) -> None:
    plan = tiny("calls")
    with pytest.raises(UserError, match="budget of 90 calls"):
        run(shop, plan, max_calls=90)
    rest, _ = run(shop, plan)
    assert rest.calls > 0
    with closing(open_parts(settings_for(shop), None)) as parts:
        assert parts.cache.paid().calls == 90 + rest.calls


@pytest.fixture
def parts(shop: Path) -> Iterator[Parts]:
    with closing(open_parts(settings_for(shop), None)) as opened:
        yield opened


def test_a_variant_has_hints_and_rewards_of_its_own(parts: Parts, tmp_path: Path) -> None:
    with closing(open_variant(parts, Recipe(), tmp_path / "one")) as own:
        own.store.put_all(starter_hints("default", Status.ACTIVE, 0.0), by="test", why="own")
        assert not parts.store.hints()
        assert own.rewards is not parts.rewards
        assert own.cache is parts.cache
        assert own.trial(list) is not None
        assert not isinstance(own.trial(list), Untried)
        assert own.redundancy.rules.same < 1


async def test_a_check_that_is_left_out_checks_nothing(parts: Parts, tmp_path: Path) -> None:
    recipe = Recipe(effect_check=False, leak_check=False, redundancy_check=False)
    title = f"Always rank {parts.catalog.items[0].title} first."
    assert parts.leak.fault(title) is not None
    with closing(open_variant(parts, recipe, tmp_path / "one")) as own:
        assert own.leak.fault(title) is None
        hints = starter_hints("default", Status.ACTIVE, 0.0)
        own.store.put_all(hints, by="test", why="to be found again")
        same = {"tenant": "default", "status": [Status.ACTIVE]}
        assert await own.redundancy.twin(hints[0].text, **same) is None  # type: ignore[arg-type]
        assert isinstance(own.trial(list), Untried)
    with closing(open_variant(parts, Recipe(), tmp_path / "one")) as own:
        assert await own.redundancy.twin(hints[0].text, **same) is not None  # type: ignore[arg-type]
        assert own.leak.fault(title) is not None


def test_a_blind_policy_sees_zeros(parts: Parts, tmp_path: Path) -> None:
    seen = []

    class Looks:
        version = "looks"

        def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:
            seen.append(state)
            return Choice(hint_id=None, propensity=1.0, gain=None, version=self.version)

    with closing(open_variant(parts, Recipe(blind_to=("session",)), tmp_path / "one")) as own:
        assert isinstance(own.steps.select.policy, BlindPolicy)
        blind = BlindPolicy(Looks(), own.seen)
        blind.choose(np.ones(len(FEATURE_NAMES), dtype=np.float32), parts.store.eligible())
        case = own.blinded(parts.valid_cases()[:1])[0]
    hidden = np.array([name.startswith("session") for name in FEATURE_NAMES])
    assert not seen[0][hidden].any()
    assert seen[0][~hidden].all()
    assert not case.features[hidden].any()
    assert case.features.any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = 'x'", "either variants"),
        ("title = 'x'\nshuffles = 2\ncolour = 'red'", "colour"),
        ("title = 'x'\nvary = 'hints'\nvalues = [5, 'many']", "hints"),
        ("title = 'x'\n[[variant]]\nname = 'a'\nrows = ['SASRec']", "no row 'SASRec'"),
        ("title = 'x'\nagainst = 'b'\n[[variant]]\nname = 'a'", "no row is called 'b'"),
        ("title = 'x'\n[[variant]]\nname = 'a'\n[[variant]]\nname = 'a'", "called the same"),
        (
            "title = 'x'\n[[variant]]\nname = 'a'\nrecipe = { blind_to = ['moon'] }",
            "no session feature begins with 'moon'",
        ),
        ("title = ", "no TOML file"),
    ],
)
def test_a_wrong_file_is_told_by_its_fault(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read_plan(str(path))


def test_an_unknown_experiment_names_those_there_are() -> None:
    with pytest.raises(UserError, match="ablations, calls"):
        read_plan("no-such")


def test_what_must_come_from_elsewhere_must_be_there(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--from"):
        run(shop, tiny("transfer"), tmp_path)


def test_hints_and_a_policy_from_elsewhere_serve_here(shop: Path, other: Path) -> None:
    plan = tiny("transfer")
    carried = plan.variants[1]
    plan = plan.model_copy(update={"variants": (carried,), "against": None})
    made, folder = run(shop, plan, other)
    arm = made.report.comparison.arm(carried.name)
    assert arm is not None
    assert set(arm.hint_ids) == {starter_hints("default", Status.ACTIVE, 0.0)[0].hint_id}
    assert "comes from another shop" in made.report.findings[-1]
    variant = next(path.parent for path in folder.glob("*/hints"))
    onward, again = run(shop, plan, variant)
    assert again != folder
    assert onward.calls == 0
    assert onward.report.tables == made.report.tables


def test_a_workspaces_own_hints_can_be_taken_over(shop: Path) -> None:
    with closing(open_parts(settings_for(shop), None)) as parts:
        hints = starter_hints("default", Status.ACTIVE, 0.0)
        parts.store.put_all(hints[:3], by="test", why="its own")
    plan = tiny("transfer")
    hinted = plan.variants[2].model_copy(update={"rows": ("nearest hint",)})
    plan = plan.model_copy(update={"variants": (hinted,), "against": None})
    made, _ = run(shop, plan, shop)
    assert ": 3 active hints" in made.report.findings[-1]


def test_the_command_tells_the_bill_before_and_after(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RE2LLM_MODEL", "stand-in")
    asked = {"elsewhere": None, "sessions": 4, "max_calls": 200, "seed": None, "workspace": shop}
    paid = []
    for out in (shop / "one", shop / "two"):
        experiment("candidate-order", out=out, **asked)  # type: ignore[arg-type]
        said = capsys.readouterr()
        assert "At most about" in said.err
        assert "200 of them allowed" in " ".join(said.err.split())
        paid.append(re.findall(r"Paid: (\d+) model calls", said.out))
        assert STAND_IN in (out / "report.html").read_text()
    assert int(paid[0][0]) > 0
    assert paid[1] == ["0"]


def test_data_that_is_not_there_is_skipped_with_a_reason(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", PACKAGED / "all.sh", tmp_path, "no-such-data"],
        capture_output=True, text=True, check=True, cwd=tmp_path, env={"BIN": "/none"},
    )  # fmt: skip
    assert done.stdout.startswith("skipped no-such-data: there is no folder")
    assert not list(tmp_path.iterdir())


def test_the_documented_file_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "own.toml").write_text(example)
    plan = read_plan(str(tmp_path / "own.toml"))
    assert [one.recipe.sessions for one in plan.variants] == [300, 150]
    assert set(FILES) == set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))


def test_a_plan_shrinks_to_scale_and_to_what_there_is() -> None:
    plan = read_plan("training-sessions").at_scale(0.1, train=400)
    assert plan.test == 30
    assert [one.recipe.sessions for one in plan.variants] == [5, 10, 20, 30, 40, 40]
    assert [one.at for one in plan.variants] == [5, 10, 20, 30, 40, 40]
    assert {one.recipe.calls for one in plan.variants} == {100}
    assert "at scale 0.1" in plan.title
    whole = read_plan("calls").at_scale(1, train=10**6)
    assert whole == read_plan("calls")
    calls = read_plan("calls").at_scale(0.2, train=10**6)
    assert [one.at for one in calls.variants] == [25, 50, 100, 200, 400]
    assert read_plan("knowledge-base-size").at_scale(0.2, train=400).variants[0].at == 5
