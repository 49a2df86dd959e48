"""Vectors from a server that speaks OpenAI's protocol: in batches, and each paid for once."""

import hashlib
import logging
import random
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from openai import OpenAI
from pydantic import SecretStr

from re2llm.catalog.encoder import EncoderUnavailable, unit_rows
from re2llm.database import DatabaseUnavailable, open_database
from re2llm.errors import UserError
from re2llm.llm.errors import AnswerUnreadable, ModelError
from re2llm.llm.faults import FAULTS, translate
from re2llm.llm.patience import Patience

_log = logging.getLogger(__name__)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    encoder TEXT NOT NULL, text TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (encoder, text)
) WITHOUT ROWID;
"""
_BATCH = 64
"""Texts per request; servers at home take no more."""
_LONGEST = 2000
"""Characters of a text that are sent: about what the smallest models read."""
_SAMPLE = "a text, to see how long its vector is"


class RemoteEncoder:
    """Asks a server for vectors. Blocking; threads may share it.

    Vectors of many texts at once, which are the catalogue's, are kept in a file; those of a single
    one, which a shopper may have written, are not.
    """

    def __init__(
        self,
        *,
        model: str,
        url: str | None,
        key: SecretStr | None,
        kept: Path,
        patience: Patience | None = None,
    ) -> None:
        """Make the client; nothing is asked yet.

        Args:
            model: its name at the server.
            url: where the server listens; None means OpenAI.
            key: never logged or kept; servers of one's own often want none.
            kept: a SQLite file for the vectors.
            patience: how long and how often to try.

        Raises:
            UserError: OpenAI itself is asked without a key, or the file cannot be used.
        """
        if url is None and key is None:
            raise UserError(
                f"encoder {model!r} at OpenAI needs a key; set RE2LLM_EMBEDDINGS_KEY, or "
                "RE2LLM_EMBEDDINGS_URL for a server of your own"
            )
        self.identity = f"embeddings-1/{model}@{url or 'OpenAI'}"
        self._model = model
        self._where = url or "OpenAI"
        self._patience = patience or Patience()
        self._client = OpenAI(
            api_key=key.get_secret_value() if key else "none",
            base_url=url,
            max_retries=0,
            timeout=self._patience.deadline,
        )
        try:
            self._kept = open_database(kept, _SCHEMA, durable=False)
        except DatabaseUnavailable as error:
            raise UserError(
                f"the vectors in {str(kept)!r} cannot be opened ({error}); move the file away"
            ) from error

    @cached_property
    def dim(self) -> int:
        """Say how long a vector is; asks for one where that is not known yet."""
        return len(self.encode([_SAMPLE, _SAMPLE])[0])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, dim) rows of length one, or all zero where a text says nothing.

        Raises:
            EncoderUnavailable: the server does not answer, or refuses; what it gave is kept.
        """
        told = list(dict.fromkeys(text[:_LONGEST] for text in texts if text.strip()))
        many = len(texts) > 1
        known = self._read(told) if many else {}
        missing = [text for text in told if text not in known]
        for start in range(0, len(missing), _BATCH):
            part = missing[start : start + _BATCH]
            vectors = self._ask(part)
            if many:
                self._keep(part, vectors)
            known.update(zip(part, vectors, strict=True))
        dim = len(next(iter(known.values()))) if known else self.dim
        if any(len(vector) != dim for vector in known.values()):
            raise EncoderUnavailable(
                f"encoder {self._model!r} at {self._where} gives vectors of different lengths; "
                "the model behind that name has changed: set RE2LLM_ENCODER to another"
            )
        made = np.zeros((len(texts), dim), dtype=np.float32)
        for row, text in zip(made, texts, strict=True):
            if text.strip():
                row[:] = known[text[:_LONGEST]]
        return made

    def close(self) -> None:
        """Let go of the connections and the file."""
        self._client.close()
        self._kept.close()

    def _ask(self, texts: list[str]) -> NDArray[np.float32]:
        ends = time.monotonic() + self._patience.deadline
        lot = random.Random(0)
        for failed in range(1, self._patience.attempts + 1):
            try:
                return self._once(texts, ends - time.monotonic())
            except FAULTS as error:
                fault: ModelError = translate(error)
            except ModelError as error:
                fault = error
            wait = self._patience.wait(fault, failed, lot)
            if not fault.retryable or failed == self._patience.attempts:
                break
            if time.monotonic() + wait >= ends:
                break
            time.sleep(wait)
        raise EncoderUnavailable(
            f"encoder {self._model!r} at {self._where} gives no vectors ({fault}); see to the "
            "server or the key, or set RE2LLM_ENCODER=lexical"
        ) from fault

    def _once(self, texts: list[str], seconds: float) -> NDArray[np.float32]:
        answer = self._client.embeddings.create(
            model=self._model, input=texts, encoding_format="float", timeout=max(seconds, 0.001)
        )
        rows = {one.index: one.embedding for one in answer.data}
        if sorted(rows) != list(range(len(texts))):
            raise AnswerUnreadable(f"{len(rows)} vectors for {len(texts)} texts")
        vectors = np.array([rows[place] for place in range(len(texts))], dtype=np.float64)
        if vectors.ndim != 2 or not vectors.size or not np.isfinite(vectors).all():
            raise AnswerUnreadable("vectors that are no lists of numbers")
        return unit_rows(vectors)

    def _read(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        found: dict[str, NDArray[np.float32]] = {}
        names = {_digest(text): text for text in texts}
        try:
            rows = self._kept.read(
                "SELECT text, vector FROM vectors WHERE encoder = ?", (self.identity,)
            )
        except DatabaseUnavailable as error:
            _log.warning("the kept vectors do not answer: %s", error)
            return found
        for name, vector in rows:
            if name in names:
                found[names[name]] = np.frombuffer(vector, dtype="<f4").astype(np.float32)
        return found

    def _keep(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        rows = [
            (self.identity, _digest(text), vector.astype("<f4").tobytes())
            for text, vector in zip(texts, vectors, strict=True)
        ]
        try:
            self._kept.write_all("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
        except DatabaseUnavailable as error:
            _log.warning("vectors that were paid for could not be kept: %s", error)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
