"""An index on disk is whole, of this data, or refused."""

import json

import pytest
from retrieve_world import encoder, retriever, sessions, shop

from re2llm.catalog.candidates import Query
from re2llm.catalog.items import Catalog, Item
from re2llm.catalog.lexical import LexicalEncoder
from re2llm.catalog.retrieve import index as index_module
from re2llm.catalog.retrieve.index import IndexUnusable, build_index, open_index
from re2llm.catalog.retrieve.weights import EQUAL, Weights


@pytest.fixture
def built(tmp_path):
    catalog = shop()
    fitted = encoder(catalog)
    build_index(tmp_path / "index", catalog, sessions(), fitted)
    return tmp_path / "index", catalog, fitted


def test_opened_answers_as_built(built):
    folder, catalog, fitted = built
    opened = open_index(folder, catalog, fitted, thorough=True)
    query = Query(session=("i5", "i7"), request="racing under 50")
    assert opened.retrieve(query, 15) == retriever().retrieve(query, 15)
    assert opened.weights == EQUAL


def test_weights_beside_the_index_are_used(built):
    folder, catalog, fitted = built
    weights = Weights(by_source={"text": 2.0}, sessions=50)
    weights.save(folder / "weights.json")
    assert open_index(folder, catalog, fitted).weights == weights


@pytest.mark.parametrize("harm", ["cut", "gone", "manifest", "pointer", "no_pointer"])
def test_a_broken_index_is_refused_with_the_mend(built, harm):
    folder, catalog, fitted = built
    generation = folder / json.loads((folder / "current.json").read_text())["generation"]
    array = generation / "neighbours.items.npy"
    if harm == "cut":
        array.write_bytes(array.read_bytes()[:-8])
    elif harm == "gone":
        array.unlink()
    elif harm == "manifest":
        (generation / "manifest.json").write_text("{")
    elif harm == "pointer":
        (folder / "current.json").write_text("[]")
    else:
        (folder / "current.json").unlink()
    with pytest.raises(IndexUnusable, match="re2llm ingest"):
        open_index(folder, catalog, fitted)
    build_index(folder, catalog, sessions(), fitted)
    assert open_index(folder, catalog, fitted).retrieve(Query(session=()), 3)


def test_a_changed_byte_is_seen_by_a_thorough_look(built):
    folder, catalog, fitted = built
    generation = folder / json.loads((folder / "current.json").read_text())["generation"]
    array = generation / "popularity.score.npy"
    array.write_bytes(array.read_bytes()[:-1] + b"\x07")
    with pytest.raises(IndexUnusable, match=r"popularity\.score"):
        open_index(folder, catalog, fitted, thorough=True)


def test_another_encoder_or_catalogue_is_refused(built):
    folder, catalog, fitted = built
    with pytest.raises(IndexUnusable, match="text encoder"):
        open_index(folder, catalog, LexicalEncoder.fit(["other words"], dim=96))
    changed = Catalog([*list(catalog)[:-1], Item(item_id="new", title="New")])
    with pytest.raises(IndexUnusable, match="another state"):
        open_index(folder, changed, fitted)


def test_a_failed_build_leaves_the_old_index(built, monkeypatch):
    folder, catalog, fitted = built
    before = open_index(folder, catalog, fitted).retrieve(Query(session=("i4",)), 9)
    real, calls = index_module._write, []

    def fails(path, array):
        calls.append(path)
        if len(calls) == 9:
            raise OSError(28, "no space left on device")
        return real(path, array)

    monkeypatch.setattr(index_module, "_write", fails)
    with pytest.raises(OSError, match="no space"):
        build_index(folder, catalog, sessions(seed=3), fitted)
    assert (
        open_index(folder, catalog, fitted, thorough=True).retrieve(Query(session=("i4",)), 9)
        == before
    )
    assert len(list(folder.iterdir())) == 2
