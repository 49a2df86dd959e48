"""The vector index over the audit log: one Chroma collection, cosine, with our own vectors."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import httpx
import numpy as np
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection as ChromaCollection
from chromadb.api.types import Where
from chromadb.errors import ChromaError, NotFoundError

from re2llm.errors import UserError
from re2llm.kb_store.chroma_client import close_client
from re2llm.kb_store.entry import Revision
from re2llm.kb_store.errors import IndexUnavailable
from re2llm.kb_store.hint import Status
from re2llm.kb_store.store import Vector

PREFIX = "hints-"
"""Begins a collection's name; the identity of the record that it mirrors follows."""
_PAGE = 2000


class ChromaIndex:
    """Finds hints by vector, tenant and status; knows of each hint which entry it mirrors."""

    def __init__(self, client: Client, name: str, *, encoder: str, dim: int) -> None:
        """Open or create the collection.

        Args:
            client: embedded or to a server; closed with the index.
            name: of the collection.
            encoder: identity of what makes the vectors.
            dim: length of a vector.

        Raises:
            UserError: the collection holds another encoder's vectors.
            IndexUnavailable: Chroma does not answer.
        """
        self._client = client
        self._name = name
        self._about = {"encoder": encoder, "dim": dim}
        with _translated():
            try:
                self._collection = client.get_collection(name, embedding_function=None)
            except NotFoundError:
                self._collection = self._create()
        held = self._collection.metadata or {}
        space = (self._collection.configuration_json.get("hnsw") or {}).get("space")
        if "encoder" not in held or space != "cosine":
            raise UserError(
                f"the collection {name!r} at Chroma was not made by Re2LLM; "
                "`re2llm hints rebuild` makes it anew from the record"
            )
        if held.get("encoder") != encoder or held.get("dim") != dim:
            raise UserError(
                f"the hint index was built by the encoder {held.get('encoder')!r}, but "
                f"{encoder!r} is configured, and their vectors do not mix; configure the former, "
                "or make the index anew by `re2llm hints rebuild` (the hints themselves are safe "
                "in the record)"
            )

    @classmethod
    def drop(cls, client: Client, name: str) -> None:
        """Delete the collection, whoever made it, if it is there.

        Raises:
            IndexUnavailable: Chroma does not answer.
        """
        with _translated():
            try:
                client.delete_collection(name)
            except NotFoundError:
                return

    def clear(self) -> None:
        """Start over with an empty collection."""
        self.drop(self._client, self._name)
        with _translated():
            self._collection = self._create()

    def probe(self) -> None:
        """Read a stored vector and search for it; raises `IndexUnavailable` where that fails."""
        with _translated():
            page = self._collection.get(limit=1, include=["embeddings"])
            if page["ids"]:
                rows = np.asarray(page["embeddings"], dtype=np.float32)
                self._collection.query(query_embeddings=rows, n_results=1, include=[])

    def strangers(self) -> int:
        """Count the hints that this Chroma holds of other records."""
        with _translated():
            others = [each for each in self._client.list_collections() if each.name != self._name]
            return sum(each.count() for each in others if each.name.startswith(PREFIX))

    def revisions(self) -> dict[str, int]:
        """Return hint id to the log entry that the index holds of it."""
        held: dict[str, int] = {}
        with _translated():
            for offset in range(0, self._collection.count(), _PAGE):
                page = self._collection.get(limit=_PAGE, offset=offset, include=["metadatas"])
                for found, facts in zip(page["ids"], page["metadatas"] or [], strict=True):
                    seq = (facts or {}).get("seq")
                    held[found] = seq if isinstance(seq, int) else -1
        return held

    def vectors(self, ids: Sequence[str]) -> dict[str, Vector]:
        """Return hint id to vector (dim,) of those of these ids that the index holds."""
        found: dict[str, Vector] = {}
        with _translated():
            for start in range(0, len(ids), _PAGE):
                page = self._collection.get(
                    ids=list(ids[start : start + _PAGE]), include=["embeddings"]
                )
                rows = np.asarray(page["embeddings"], dtype=np.float32)
                found.update(zip(page["ids"], rows, strict=True))
        return found

    def write(self, revisions: Sequence[Revision], vectors: Vector) -> None:
        """Insert or replace hints with their vectors (hints, dim)."""
        with _translated():
            for start in range(0, len(revisions), _PAGE):
                part = revisions[start : start + _PAGE]
                self._collection.upsert(
                    ids=[revision.hint.hint_id for revision in part],
                    embeddings=vectors[start : start + _PAGE],
                    documents=[revision.hint.text for revision in part],
                    metadatas=[
                        {
                            "tenant": revision.hint.tenant,
                            "status": str(revision.hint.status),
                            "seq": revision.seq,
                        }
                        for revision in part
                    ],
                )

    def remove(self, ids: Sequence[str]) -> None:
        """Take ids out that the log does not know."""
        with _translated():
            for start in range(0, len(ids), _PAGE):
                self._collection.delete(ids=list(ids[start : start + _PAGE]))

    def nearest(
        self, vector: Vector, n: int, *, tenant: str, status: Sequence[Status] | None
    ) -> list[tuple[str, float]]:
        """Return id and cosine of up to n hints, best first."""
        if n <= 0 or (status is not None and not status):
            return []
        where: Where = {"tenant": tenant}
        if status is not None:
            where = {"$and": [where, _any_of(status)]}
        with _translated():
            answer = self._collection.query(
                query_embeddings=vector[None, :],
                n_results=n,
                where=where,
                include=["distances"],
            )
        distances = (answer["distances"] or [[]])[0]
        pairs = zip(answer["ids"][0], distances, strict=True)
        return [(found, 1.0 - float(distance)) for found, distance in pairs]

    def close(self) -> None:
        """Let go of the client."""
        close_client(self._client)

    def _create(self) -> ChromaCollection:
        return self._client.create_collection(
            self._name,
            metadata=self._about,
            configuration={"hnsw": {"space": "cosine"}},
            embedding_function=None,
        )


def _any_of(status: Collection[Status]) -> Where:
    # A union of equalities: the typed form of "$in" is beyond Chroma's own types.
    among: list[Where] = [{"status": str(each)} for each in sorted(set(status))]
    return {"$or": among} if len(among) > 1 else among[0]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ChromaError, httpx.HTTPError, OSError) as error:
        raise IndexUnavailable(f"Chroma does not answer ({error})") from error
