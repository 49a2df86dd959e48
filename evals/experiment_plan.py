"""What an experiment file says: which ways to learn are compared, and on how many sessions."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from pydantic import Field, ValidationError, model_validator

from re2llm.errors import UserError
from re2llm.evals.recipe import ALL, Read, Variant
from re2llm.evals.results import POLICY

PACKAGED = Path(__file__).parent / "experiments"
_VALID = 500
_WEIGHED = 150


class ExperimentPlan(Read):
    """All of a file.

    A series (`vary` and `values`) has a variant per value of one of the recipe's numbers. With
    `shuffles` no variant is compared: the model is asked for the same candidates in other orders.
    """

    name: str
    title: str
    about: str = ""
    test: int = Field(default=200, ge=1)
    """Test sessions."""
    against: str | None = None
    """The row that the others are compared with, beside no hint."""
    variants: tuple[Variant, ...] = ()
    axis: str = ""
    vary: str = ""
    """The number of the recipe that a series is over."""
    shuffles: int = Field(default=0, ge=0, le=20)

    def at_scale(self, scale: float, *, train: int) -> "ExperimentPlan":
        """Return the plan over a share of its sessions and rewards, and no more than there are.

        Args:
            scale: what test sessions, training sessions and rewards are multiplied by.
            train: how many training sessions there are.
        """

        def less(number: float, most: float = ALL) -> int:
            return max(1, round(min(number, most) * scale))

        def scaled(one: Variant) -> Variant:
            recipe = one.recipe
            sizes = {"sessions": less(recipe.sessions, train), "calls": less(recipe.calls)}
            recipe = recipe.model_copy(update=sizes)
            at = getattr(recipe, self.vary) if self.vary in sizes else one.at
            return one.model_copy(update={"recipe": recipe, "at": at})

        update: dict[str, object] = {
            "test": less(self.test),
            "variants": tuple(scaled(one) for one in self.variants),
        }
        if scale != 1:
            update["title"] = f"{self.title} (at scale {scale:g})"
        return self.model_copy(update=update)

    @property
    def elsewhere(self) -> bool:
        """Whether another workspace is needed."""
        return any(
            "elsewhere" in (one.recipe.hints_from, one.recipe.policy_from) for one in self.variants
        )

    @property
    def closely(self) -> str:
        """The row whose sessions are shown one by one."""
        if self.against is not None:
            return self.against
        first = self.variants[0]
        return first.label(POLICY if POLICY in first.rows else first.rows[0])

    def most_calls(
        self, *, valid: int, test: int, learnt: Mapping[str, int] = MappingProxyType({})
    ) -> int:
        """Estimate the model calls, from above: nothing in the cache, every error reflected on.

        Args:
            valid: validation sessions there are.
            test: test sessions there are.
            learnt: variants that were learnt before, with the hints that they have to ask with.
        """
        judged, held_out = min(self.test, test), min(valid, _VALID)
        if self.shuffles:
            return held_out + judged * (self.shuffles + 1)
        to_learn = [one for one in self.variants if one.name not in learnt]
        explored = {one.recipe.exploration: one.recipe.most_exploring for one in to_learn}
        calls = sum(one.most_learning(held_out) for one in to_learn) + sum(explored.values())
        for one in self.variants:
            hints = learnt.get(one.name, one.recipe.hints)
            asked = len(one.rows) + one.asks_all * hints if hints else 0
            calls += asked * (judged + min(held_out, _WEIGHED))
        return calls + judged + (held_out if to_learn else 0)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.variants) == bool(self.shuffles):
            raise ValueError("give either variants (or a series of values) or shuffles")
        labels = [one.label(row) for one in self.variants for row in one.rows]
        if len(set(labels)) < len(labels):
            raise ValueError(f"two rows are called the same: {', '.join(labels)}")
        if self.against is not None and self.against not in labels:
            raise ValueError(f"no row is called {self.against!r}; there are {', '.join(labels)}")
        return self


def read_plan(file: str) -> ExperimentPlan:
    """Read an experiment file, or one that comes with the package by its name.

    Raises:
        UserError: there is no such file, or it does not say what such a file must.
    """
    path = Path(file)
    if not path.suffix:
        path = PACKAGED / f"{file}.toml"
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError:
        named = ", ".join(sorted(one.stem for one in PACKAGED.glob("*.toml")))
        raise UserError(
            f"there is no experiment {file!r}; name a file, or one of {named}"
        ) from None
    except ValueError as error:
        raise UserError(f"{str(path)!r} is no TOML file: {error}") from None
    try:
        return ExperimentPlan.model_validate({"name": path.stem, **_spread(raw)})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{str(path)!r}, {where}: {first['msg']}") from None


def _spread(raw: dict[str, object]) -> dict[str, object]:
    """Give each variant its whole recipe, and make a series into variants."""
    shared = raw.pop("recipe", {})
    listed, values, vary = raw.pop("variant", []), raw.pop("values", []), raw.pop("vary", None)
    if not isinstance(shared, dict) or not isinstance(listed, list) or not isinstance(values, list):
        raise UserError("an experiment has one [recipe], and lists of [[variant]] and values")
    variants: list[object] = [
        {**one, "recipe": {**shared, **one.get("recipe", {})}} if isinstance(one, dict) else one
        for one in listed
    ]
    variants += [
        {
            "name": f"{value} {vary}",
            "at": ALL if value == "all" else value,
            "recipe": {**shared, str(vary): value},
        }
        for value in values
    ]
    return {**raw, "variants": variants, "vary": str(vary or "")}
