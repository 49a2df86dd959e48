from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from policy_helpers import eligible_of, small_world, train

from re2llm.errors import UserError
from re2llm.policy.card import Card, Origin
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.lottery import Lottery
from re2llm.policy.ppo import PPO
from re2llm.policy.saved import current, load_policy, read_card, save_policy, switch, versions
from re2llm.policy.scorer import Scorer
from re2llm.policy.serving import ScoringPolicy
from re2llm.policy.thompson import Thompson

WORLD = small_world(features=len(FEATURE_NAMES))
TRAINERS = (Thompson(landmarks=16), PPO(updates=3), Lottery())


@pytest.fixture(scope="module", params=TRAINERS, ids=lambda trainer: trainer.name)
def scorer(request: pytest.FixtureRequest) -> Scorer:
    return train(WORLD, request.param, calls=400).scorer


def card(**given: object) -> Card:
    base = Card(kind="", origin=Origin(trainer="t", calls=400), encoder="words-v1", dim=0)
    return replace(base, **given)  # type: ignore[arg-type]


def load(folder: Path, **given: object) -> ScoringPolicy | None:
    fits: dict[str, object] = {"encoder": "words-v1", "dim": 16, **given}
    return load_policy(folder, **fits)  # type: ignore[arg-type]


def test_a_loaded_policy_chooses_and_predicts_exactly_as_before(
    tmp_path: Path, scorer: Scorer
) -> None:
    save_policy(tmp_path, scorer, card(caution=0.5), serve=True)
    loaded = load(tmp_path)
    assert loaded is not None
    before = ScoringPolicy(scorer=scorer, name=loaded.version, caution=0.5)
    eligible = eligible_of(WORLD.problem.hints)
    assert loaded.choose_many(WORLD.held_out, eligible) == before.choose_many(
        WORLD.held_out, eligible
    )


def test_there_is_no_policy_before_one_serves(tmp_path: Path, scorer: Scorer) -> None:
    assert load(tmp_path) is None
    save_policy(tmp_path, scorer, card(), serve=False)
    assert load(tmp_path) is None
    assert versions(tmp_path) == ["v0001"]


def test_a_version_serves_until_another_one_does(tmp_path: Path, scorer: Scorer) -> None:
    first = save_policy(tmp_path, scorer, card(), serve=True)
    second = save_policy(tmp_path, scorer, card(), serve=False)
    assert current(tmp_path) == first
    switch(tmp_path, second)
    assert current(tmp_path) == second
    with pytest.raises(UserError, match="'v0009'; there are: v0001, v0002"):
        switch(tmp_path, "v0009")


@pytest.mark.parametrize(
    ("written", "asked", "words"),
    [
        ({}, {"encoder": "words-v2"}, "encoder 'words-v1', the workspace uses 'words-v2'"),
        ({}, {"dim": 17}, "vectors of 16 numbers, not 17"),
        ({"features": (*FEATURE_NAMES[:-1], "moon_phase")}, {}, "moon_phase"),
        ({"layout": 2}, {}, "layout 2"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_with_the_mend(
    tmp_path: Path,
    scorer: Scorer,
    written: dict[str, object],
    asked: dict[str, object],
    words: str,
) -> None:
    save_policy(tmp_path, scorer, card(**written), serve=True)
    with pytest.raises(UserError, match=words) as refused:
        load(tmp_path, **asked)
    assert "re2llm train" in str(refused.value)


def test_changed_or_missing_tensors_are_refused(tmp_path: Path, scorer: Scorer) -> None:
    version = save_policy(tmp_path, scorer, card(), serve=True)
    tensors = tmp_path / version / "tensors.npz"
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:-1] + b"x")
    with pytest.raises(UserError, match="not what its card says"):
        load(tmp_path)
    tensors.unlink()
    with pytest.raises(UserError, match="is missing"):
        load(tmp_path)


def test_a_pickle_is_never_executed(tmp_path: Path, scorer: Scorer) -> None:
    import hashlib
    import io
    import json

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "boom"),))

    version = save_policy(tmp_path, scorer, card(), serve=True)
    buffer = io.BytesIO()
    np.savez(buffer, mean=np.array([Bomb()], dtype=object))
    (tmp_path / version / "tensors.npz").write_bytes(buffer.getvalue())
    path = tmp_path / version / "card.json"
    forged = json.loads(path.read_text("utf-8"))
    forged["tensors_sha256"] = hashlib.sha256(buffer.getvalue()).hexdigest()
    path.write_text(json.dumps(forged), "utf-8")
    with pytest.raises(UserError, match="holds no"):
        load(tmp_path)
    assert not (tmp_path / "boom").exists()


def test_a_card_says_how_the_policy_came_to_be(tmp_path: Path, scorer: Scorer) -> None:
    version = save_policy(
        tmp_path, scorer, card(metrics={"gain": 0.1}, gate="serves: better"), serve=True
    )
    found = read_card(tmp_path, version)
    assert (found.kind, found.dim, found.known) == (scorer.kind, 16, scorer.known())
    assert found.origin.calls == 400
    assert found.metrics == {"gain": 0.1}
    (tmp_path / version / "card.json").write_text("{}", "utf-8")
    with pytest.raises(UserError, match="damaged"):
        read_card(tmp_path, version)
