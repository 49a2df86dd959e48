"""What was answered already, one line per session and wish: a stopped evaluation goes on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import IO, Self

from re2llm.errors import UserError
from re2llm.evals.results import SlateResult
from re2llm.llm.usage import Usage

Key = tuple[str, str | None, str]
"""Session id, the wish (a hint's id, `policy`, or None for no hint), and the arm's name where it
makes its slates in a way of its own, else nothing."""


class Journal:
    """An append-only JSON Lines file; its first line says what the answers belong to."""

    def __init__(self, path: Path, fingerprint: Mapping[str, str]) -> None:
        """Open the file, or make it; the last line may be torn by a crash and is then dropped.

        Args:
            path: where the lines are.
            fingerprint: everything that an answer depends on (data, model, prompt and policy
                version, knowledge base); answers to another one are of no use here.

        Raises:
            UserError: the file belongs to another fingerprint, or is no journal.
        """
        self.path = path
        self._answers: dict[Key, SlateResult] = {}
        header = {"fingerprint": dict(fingerprint)}
        kept = self._read(header) if path.exists() else 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.truncate(kept)
        self._file: IO[str] = path.open("a", encoding="utf-8", buffering=1)
        if not kept:
            self._write(header)

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __len__(self) -> int:
        """Count the answers."""
        return len(self._answers)

    def get(self, key: Key) -> SlateResult | None:
        """Return the answer, or None; a degraded one is asked for again."""
        return self._answers.get(key)

    def put(self, key: Key, result: SlateResult) -> None:
        """Keep an answer; it is in the file when this returns. A degraded one is not kept."""
        if result.degraded is None:
            self._answers[key] = result
            session, wish, arm = key
            self._write({"session": session, "wish": wish, "arm": arm, "result": _row(result)})

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, line: Mapping[str, object]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")

    def _read(self, header: Mapping[str, object]) -> int:
        """Read whole lines; return how many bytes they take."""
        kept = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = json.loads(line)
                    if number == 1:
                        self._check(entry, header)
                    else:
                        key = entry["session"], entry["wish"], entry.get("arm", "")
                        self._answers[key] = _result(entry["result"])
                except (ValueError, KeyError, TypeError) as error:
                    raise UserError(
                        f"line {number} of {str(self.path)!r} is no journal entry ({error!r}); "
                        "move the file away to start anew"
                    ) from error
                kept += len(line)
        return kept

    def _check(self, found: object, wanted: Mapping[str, object]) -> None:
        if found != wanted:
            raise UserError(
                f"{str(self.path)!r} holds answers for {found!r}, but this evaluation is "
                f"{wanted!r}; name another folder, or move the file away"
            )


def _row(result: SlateResult) -> dict[str, object]:
    """Return the fields as they are; `asdict` alone would copy every score of every candidate."""
    row = {field.name: getattr(result, field.name) for field in fields(result)}
    return row | {"usage": asdict(result.usage)}


def _result(raw: dict[str, object]) -> SlateResult:
    usage = raw.pop("usage")
    if not isinstance(usage, dict):
        raise TypeError("usage")
    result = SlateResult(**raw, usage=Usage(**usage))  # type: ignore[arg-type]
    return replace(result, items=tuple(result.items), model_items=tuple(result.model_items))
