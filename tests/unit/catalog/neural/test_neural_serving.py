"""What is saved says without torch what the network says; what does not fit is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from neural_world import SIZE, SMALL, features, held_out_of, log_of

from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.neural.export import tensors_of
from re2llm.catalog.neural.networks import Network, main_axes, make_network
from re2llm.catalog.neural.plan import KINDS, Kind
from re2llm.catalog.neural.saved import card_path, open_models, save_model
from re2llm.catalog.neural.serving import largest
from re2llm.catalog.neural.training import train
from re2llm.catalog.sessions import SessionLog
from re2llm.errors import UserError


def catalog(ids: list[int] | None = None) -> Catalog:
    return Catalog(
        Item(item_id=f"i{i}", title=f"Thing {i}") for i in (range(SIZE) if ids is None else ids)
    )


def network(kind: Kind, layers: int = 2) -> Network:
    torch.manual_seed(0)
    made = make_network(replace(SMALL, kind=kind, layers=layers), torch.from_numpy(features()))
    for value in made.parameters():
        torch.nn.init.normal_(value, std=0.3)
    return made.eval()


def saved(folder: Path, kind: Kind = "sasrec", log: SessionLog | None = None) -> Network:
    made = network(kind)
    save_model(
        folder,
        kind,
        tensors_of(made, log_of(200) if log is None else log),
        catalog(),
        heads=SMALL.heads,
        length=SMALL.length,
        identity="x",
        told={},
    )
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 3, 8, 20])
def test_numpy_says_what_torch_says(tmp_path: Path, kind, length):
    made = saved(tmp_path, kind)
    (model,) = open_models(tmp_path, catalog())
    session = np.random.default_rng(length).integers(SIZE, size=length)
    with torch.no_grad():
        table = made.items(torch.arange(SIZE))
        point = made(table[torch.from_numpy(session[-SMALL.length :])][None])[0, -1]
        expected = (table @ point).numpy()
    found = model.point(session)
    assert found is not None
    assert model.scores(found, np.arange(SIZE)) == pytest.approx(expected, abs=1e-3)
    assert set(model.best(found, 5)) == set(np.argsort(-expected)[:5])


def test_items_without_sessions_are_placed_by_their_text_alone(tmp_path: Path):
    some = SessionLog.from_sequences([[0, 1, 2], [3, 4]])
    made = saved(tmp_path, log=some)
    (model,) = open_models(tmp_path, catalog())
    with torch.no_grad():
        told = made.items.told(torch.from_numpy(features())).numpy()
    assert model.items[5:] == pytest.approx(told[5:], abs=1e-5)
    assert not np.allclose(model.items[:5], told[:5], atol=0.1)


def test_new_items_have_no_score_and_gone_ones_are_not_named(tmp_path: Path):
    saved(tmp_path)
    (before,) = open_models(tmp_path, catalog())
    changed = catalog([900, *range(SIZE - 1, 9, -1), 901])
    (model,) = open_models(tmp_path, changed)
    session = np.array([changed.position("i20"), changed.position("i900")])
    point = model.point(session)
    same = before.point(np.array([20]))
    assert point == pytest.approx(same, abs=1e-5)
    scores = model.scores(point, np.arange(len(changed)))
    assert np.isnan(scores[[0, -1]]).all()
    assert scores[changed.position("i33")] == pytest.approx(
        before.scores(same, np.array([33]))[0], abs=1e-5
    )
    named = {changed.items[place].item_id for place in model.best(point, SIZE)}
    assert named == {f"i{i}" for i in range(10, SIZE)}
    assert model.point(np.array([0])) is None
    assert model.point(np.array([len(changed) + 3])) is None
    assert np.isnan(model.scores(point, np.array([len(changed) + 3]))).all()
    assert model.point(np.zeros(0, dtype=np.int64)) is None


def test_a_model_of_another_catalogue_is_refused_with_the_mend(tmp_path: Path):
    saved(tmp_path)
    with pytest.raises(UserError, match=r"has only 15.*re2llm train-retriever --kind sasrec"):
        open_models(tmp_path, catalog(list(range(15))))


@pytest.mark.parametrize("spoil", ["card", "version", "kind", "tensor", "missing", "ids"])
def test_a_damaged_model_is_refused_with_the_mend(tmp_path: Path, spoil):
    saved(tmp_path)
    card = card_path(tmp_path, "sasrec")
    raw = json.loads(card.read_text())
    inner = tmp_path / raw["folder"]
    match spoil:
        case "card":
            card.write_text("{")
        case "version":
            card.write_text(json.dumps({**raw, "version": 99}))
        case "kind":
            card.write_text(json.dumps({**raw, "kind": "gru4rec"}))
        case "tensor":
            content = bytearray((inner / "items.npy").read_bytes())
            content[-1] ^= 1
            (inner / "items.npy").write_bytes(content)
        case "missing":
            (inner / "last.weight.npy").unlink()
        case "ids":
            (inner / "ids.json").write_text("[]")
    with pytest.raises(UserError, match="re2llm train-retriever"):
        open_models(tmp_path, catalog())


def test_files_cannot_run_code(tmp_path: Path):
    saved(tmp_path)
    card = card_path(tmp_path, "sasrec")
    raw = json.loads(card.read_text())
    inner = tmp_path / raw["folder"]
    np.save(inner / "items.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    import hashlib

    raw["files"]["items.npy"] = hashlib.sha256((inner / "items.npy").read_bytes()).hexdigest()
    card.write_text(json.dumps(raw))
    with pytest.raises(UserError, match="damaged"):
        open_models(tmp_path, catalog())


def test_a_new_model_takes_the_place_of_the_old_one(tmp_path: Path):
    saved(tmp_path)
    (old,) = open_models(tmp_path, catalog())
    saved(tmp_path, log=SessionLog.from_sequences([[1, 2]]))
    assert len(list(tmp_path.glob("sasrec-*"))) == 1
    (new,) = open_models(tmp_path, catalog())
    assert old.scores(old.point(np.array([1])), np.array([7])) != pytest.approx(
        new.scores(new.point(np.array([1])), np.array([7]))
    )
    saved(tmp_path, kind="gru4rec")
    assert [one.label for one in open_models(tmp_path, catalog())] == ["SASRec", "GRU4Rec"]


@pytest.mark.parametrize("size", [0, 3, 100, 1000, 5003])
@pytest.mark.parametrize("ties", [False, True])
def test_the_largest_are_found_among_few_and_many(size, ties):
    scores = np.random.default_rng(size).standard_normal(size).astype(np.float32)
    scores = np.round(scores) if ties else scores
    places = largest(scores, 7)
    assert len(set(places.tolist())) == min(size, 7)
    assert sorted(scores[places]) == sorted(scores)[-7:]


def test_an_untrained_projection_keeps_what_texts_are_alike():
    told = torch.from_numpy(features())
    projected = told @ main_axes(told, 12).T
    assert torch.allclose(projected @ projected.T, told @ told.T, atol=1e-5)
    assert (main_axes(told, 16)[12:] == 0).all()


def test_a_trained_model_is_as_good_when_served(tmp_path: Path):
    trained = train(SMALL, log_of(400), features(), held_out_of(50))
    save_model(
        tmp_path,
        "sasrec",
        tensors_of(trained.network, log_of(400)),
        catalog(),
        heads=SMALL.heads,
        length=SMALL.length,
        identity="x",
        told={"seconds": trained.seconds},
    )
    (model,) = open_models(tmp_path, catalog())
    first = [
        place == (last + 7) % SIZE
        for last in range(SIZE)
        for place in model.best(model.point(np.array([last])), 1)
    ]
    assert np.mean(first) > 0.9
