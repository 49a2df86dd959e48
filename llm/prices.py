"""What a model's tokens cost, from a file."""

import json
import re
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from re2llm.errors import UserError
from re2llm.llm.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Price per token, in the table's currency.

    Attributes:
        cached: of the input tokens that the provider's own prompt cache serves.
    """

    input: float
    cached: float
    output: float

    def bill(self, usage: Usage) -> Usage:
        """Return the usage with its cost."""
        fresh = max(usage.input_tokens - usage.cached_tokens, 0)
        cost = fresh * self.input + usage.cached_tokens * self.cached
        return replace(usage, cost=cost + usage.output_tokens * self.output)


FREE = Price(input=0.0, cached=0.0, output=0.0)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    input: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    output: float = Field(ge=0)


class _Table(BaseModel):
    per_tokens: float = Field(gt=0)
    models: dict[str, _Row]


def find_price(model: str, path: Path | None = None) -> Price | None:
    """Return a model's price, or None where the table does not know the model.

    A dated name such as `gpt-4o-mini-2024-07-18` costs what the plain name costs.

    Args:
        model: the name given to the server.
        path: a table in the form of the package's `prices.json`; None means that one.

    Raises:
        UserError: the file cannot be read or is no such table.
    """
    try:
        text = (path or files("re2llm.llm") / "prices.json").read_text("utf-8")
        table = _Table.model_validate(json.loads(text))
    except (OSError, ValueError, ValidationError) as error:
        raise UserError(f"price table {str(path)!r} cannot be used: {error}") from error
    row = table.models.get(re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model))
    if row is None:
        return None
    cached = row.input if row.cached is None else row.cached
    return Price(
        input=row.input / table.per_tokens,
        cached=cached / table.per_tokens,
        output=row.output / table.per_tokens,
    )
