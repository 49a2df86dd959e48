"""An order that is there is learnt, one that is not is not; and a break changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from neural_world import SIZE, SMALL, features, held_out_of, log_of

from re2llm.catalog.neural.batches import batch_count, batches
from re2llm.catalog.neural.loss import sampled_softmax
from re2llm.catalog.neural.plan import KINDS, Plan
from re2llm.catalog.neural.training import HeldOut, ndcg, pick_device, train
from re2llm.catalog.sessions import SessionLog
from re2llm.errors import UserError

ONE_GUESS = float(np.mean(1 / np.log2(np.arange(2, 22)))) * 20 / SIZE
"""NDCG@20 of a list by lot."""


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_without_noise_is_learnt(kind):
    plan = replace(SMALL, kind=kind)
    trained = train(plan, log_of(400), features(), held_out_of(80))
    assert trained.score > 0.9
    assert trained.score == max(trained.curve) == trained.curve[trained.best_epoch - 1]
    assert ndcg(trained.network, held_out_of(80), plan).mean() == pytest.approx(trained.score)


def test_an_item_that_was_taken_already_is_never_found_again():
    trained = train(replace(SMALL, epochs=2), log_of(200), features(), held_out_of(20))
    rows = [[3, 10, 17], [3, 10, 17]]
    held = HeldOut(log=SessionLog.from_sequences(rows), targets=np.array([10, 24]))
    again, new = ndcg(trained.network, held, SMALL)
    assert again == 0
    assert new > 0


def test_pure_noise_teaches_nothing_and_training_stops_early():
    plan = replace(SMALL, epochs=40, patience=2)
    trained = train(plan, log_of(200, noise=1.0), features(), held_out_of(200, noise=1.0))
    assert trained.score < ONE_GUESS + 0.1
    assert len(trained.curve) < 40
    assert len(trained.curve) == trained.best_epoch + 2


def test_the_same_seed_gives_the_same_model_and_another_one_another():
    def tensors(seed: int) -> torch.Tensor:
        plan = replace(SMALL, epochs=1, seed=seed, dropout=0.2)
        trained = train(plan, log_of(60), features(), held_out_of(20))
        return torch.cat([value.ravel() for value in trained.network.state_dict().values()])

    assert torch.equal(tensors(3), tensors(3))
    assert not torch.equal(tensors(3), tensors(4))


class _Stop(Exception):
    pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_off_training_ends_as_if_it_had_not_been(tmp_path: Path, kind):
    plan = replace(SMALL, kind=kind, epochs=4, patience=4, dropout=0.2)
    log, told, held = log_of(100), features(), held_out_of(40)
    whole = train(plan, log, told, held)
    steps = batch_count(log, plan.batch)

    def stop(done: int, total: int) -> None:
        assert total == 4 * steps
        if done == 2 * steps + 1:
            raise _Stop

    path = tmp_path / "new" / "unfinished"
    with pytest.raises(_Stop):
        train(plan, log, told, held, checkpoint=path, digest="d", report=stop)
    seen: list[int] = []
    gone_on = train(
        plan, log, told, held, checkpoint=path, digest="d", report=lambda done, _: seen.append(done)
    )
    assert seen[0] == 2 * steps + 1
    assert gone_on.curve == whole.curve
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, gone_on.network.state_dict()[name]), name


@pytest.mark.parametrize("spoil", ["digest", "bytes"])
def test_what_cannot_be_gone_on_with_is_begun_anew(tmp_path: Path, spoil):
    plan = replace(SMALL, epochs=2)
    path = tmp_path / "unfinished"
    train(plan, log_of(60), features(), held_out_of(20), checkpoint=path, digest="d")
    if spoil == "bytes":
        path.write_bytes(path.read_bytes()[:100])
    seen: list[int] = []
    train(
        plan,
        log_of(60),
        features(),
        held_out_of(20),
        checkpoint=path,
        digest="other" if spoil == "digest" else "d",
        report=lambda done, _: seen.append(done),
    )
    assert seen[0] == 1


@pytest.mark.parametrize(
    ("log", "held"),
    [
        (SessionLog.from_sequences([[1], [2]]), held_out_of(5)),
        (log_of(20), HeldOut(log=SessionLog.from_sequences([]), targets=np.zeros(0, dtype=int))),
    ],
)
def test_too_little_data_is_told(log, held):
    with pytest.raises(UserError, match="ingest more sessions"):
        train(SMALL, log, features(), held)


def test_a_loss_that_is_no_number_stops_the_training():
    broken = features()
    broken[3] = np.nan
    with pytest.raises((FloatingPointError, RuntimeError)):
        train(replace(SMALL, epochs=1), log_of(60), broken, held_out_of(20))


def test_batches_hold_every_session_once_with_its_latest_items():
    rows = [[1], [1, 2], [3, 4, 5, 6, 7], *[[i, i + 1, i + 2] for i in range(10)]]
    log = SessionLog.from_sequences(rows)
    made = list(batches(log, size=4, length=3, pad=-1, seed=0))
    assert len(made) == batch_count(log, 4) == 3
    found = sorted([item for item in row if item >= 0] for part in made for row in part.tolist())
    assert found == sorted([row[-4:] for row in rows if len(row) > 1])


def test_with_all_items_drawn_the_loss_is_the_cross_entropy():
    draws = torch.Generator().manual_seed(0)
    points, table = torch.randn(6, 4, generator=draws), torch.randn(9, 4, generator=draws)
    targets = torch.tensor([0, 3, 8, 3, 1, 5])
    every = torch.arange(9)
    found = sampled_softmax(points, table[targets], table, targets, every, 9)
    expected = torch.nn.functional.cross_entropy(points @ table.T, targets)
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize("wrong", [{"dim": 15}, {"epochs": 0}, {"negatives": 0}])
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Plan(**wrong)


def test_a_missing_accelerator_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == pick_device("cpu") == "cpu"
    with pytest.raises(UserError, match="--device cpu"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device() == pick_device("cuda") == "cuda"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA accelerator here")
def test_an_accelerator_trains_as_well():
    trained = train(SMALL, log_of(400), features(), held_out_of(80), device="cuda")
    assert trained.score > 0.9
    assert trained.network.items.own.weight.device.type == "cpu"
