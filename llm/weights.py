"""Learnt numbers as a JSON file."""

import json
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from re2llm.errors import UserError


class Weights(BaseModel):
    """A few numbers that were learnt on validation sessions; `called` names them in messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    called: ClassVar[str]

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        path.write_text(self.model_dump_json(indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or holds something else.
        """
        try:
            return cls.model_validate(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            raise UserError(f"{cls.called} file {str(path)!r} cannot be used: {error}") from error
