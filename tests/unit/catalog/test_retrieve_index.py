"""An index on disk is whole, of this data, or refused."""

import json
from pathlib import Path

import pytest
from retrieve_world import encoder, retriever, sessions, shop

from re2llm.catalog.candidates import Query
from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve import index as index_module
from re2llm.catalog.retrieve.index import (
    IndexUnusable,
    build_index,
    check_index,
    index_folder,
    open_index,
    sweep,
)
from re2llm.catalog.retrieve.weights import EQUAL, Weights

Built = tuple[Path, Catalog, LexicalEncoder]


@pytest.fixture
def built(tmp_path: Path) -> Built:
    catalog = shop()
    fitted = encoder(catalog)
    place = index_folder(tmp_path / "index", "data", "lexical")
    build_index(place, catalog, sessions(), fitted)
    return place, catalog, fitted


def test_opened_answers_as_built(built: Built) -> None:
    place, catalog, fitted = built
    opened = open_index(place, catalog, lambda _: fitted, thorough=True)
    for query in (
        Query(session=("i5", "i7"), request="racing under 50"),
        Query(session=("i1",), request="something like chess"),
    ):
        assert opened.retrieve(query, 15) == retriever().retrieve(query, 15)
    assert opened.weights == EQUAL


def test_encoder_and_weights_are_part_of_the_index(built: Built) -> None:
    place, catalog, fitted = built
    weights = Weights(by_source={"text": 2.0}, sessions=50)
    build_index(
        place,
        catalog,
        sessions(),
        fitted,
        weigh=lambda _: weights,
        save=lambda folder: fitted.save(folder / "encoder.npz"),
    )
    opened = open_index(place, catalog, lambda at: LexicalEncoder.load(at / "encoder.npz"))
    assert opened.weights == weights
    assert opened.encoder.identity == fitted.identity


@pytest.mark.parametrize(
    "harm", ["cut", "gone", "manifest", "no_manifest", "empty_manifest", "weights", "byte"]
)
def test_a_broken_index_is_refused_and_built_again_in_its_place(built: Built, harm: str) -> None:
    place, catalog, fitted = built
    array = place / "neighbours.items.npy"
    if harm == "cut":
        array.write_bytes(array.read_bytes()[:-8])
    elif harm == "gone":
        array.unlink()
    elif harm == "manifest":
        (place / "manifest.json").write_text("{")
    elif harm == "no_manifest":
        (place / "manifest.json").unlink()
    elif harm == "empty_manifest":
        told = json.loads((place / "manifest.json").read_text())
        (place / "manifest.json").write_text(json.dumps({**told, "files": {}}))
    elif harm == "weights":
        (place / "weights.json").write_text("{}")
    else:
        array.write_bytes(array.read_bytes()[:-1] + b"\x07")
    with pytest.raises(IndexUnusable, match="re2llm rebuild"):
        open_index(place, catalog, lambda _: fitted)
    build_index(place, catalog, sessions(), fitted)
    assert open_index(place, catalog, lambda _: fitted).retrieve(Query(session=()), 3)


def test_a_changed_byte_of_a_large_index_is_seen_by_a_thorough_look(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, catalog, fitted = built
    monkeypatch.setattr(index_module, "_WHOLE", 0)
    array = place / "popularity.score.npy"
    array.write_bytes(array.read_bytes()[:-1] + b"\x07")
    open_index(place, catalog, lambda _: fitted)
    with pytest.raises(IndexUnusable, match=r"popularity\.score"):
        check_index(place)


def test_another_encoder_or_catalogue_is_refused(built: Built) -> None:
    place, catalog, fitted = built
    with pytest.raises(IndexUnusable, match="text encoder"):
        open_index(place, catalog, lambda _: LexicalEncoder.fit(["other words"], dim=96))
    more = Catalog([*catalog, Item(item_id="new", title="New")])
    with pytest.raises(IndexUnusable, match="another state"):
        open_index(place, more, lambda _: fitted)
    other = index_folder(place.parent, "other data", "lexical")
    assert other != place
    assert index_folder(place.parent, "data", "another") != place


def test_a_failed_build_leaves_the_old_index(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    place, catalog, fitted = built
    before = open_index(place, catalog, lambda _: fitted).retrieve(Query(session=("i4",)), 9)
    real, calls = index_module._write, []

    def fails(path: Path, array: object) -> None:
        calls.append(path)
        if len(calls) == 9:
            raise OSError(28, "no space left on device")
        real(path, array)  # type: ignore[arg-type]

    monkeypatch.setattr(index_module, "_write", fails)
    with pytest.raises(OSError, match="no space"):
        build_index(place, catalog, sessions(seed=3), fitted)
    found = open_index(place, catalog, lambda _: fitted, thorough=True)
    assert found.retrieve(Query(session=("i4",)), 9) == before
    assert list(place.parent.iterdir()) == [place]


def test_what_lies_beside_long_enough_is_swept_up(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _, _ = built
    for name in ("index-old", ".new-killed"):
        (place.parent / name).mkdir()
    sweep(place)
    assert len(list(place.parent.iterdir())) == 3
    monkeypatch.setattr(index_module, "_STALE", -1.0)
    sweep(place)
    assert list(place.parent.iterdir()) == [place]
