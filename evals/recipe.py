"""How a variant of an experiment comes by its hints and its policy, and what that may cost."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from re2llm.evals.results import (
    BEST_STATIC,
    HINDSIGHT,
    NEAREST_HINT,
    ORACLE,
    POLICY,
    RANDOM_HINT,
)
from re2llm.graph.trainers import Method
from re2llm.policy.features import FEATURE_NAMES

RECENCY = "recency sentence"
"""The row of one sentence for all: weigh the latest items more."""
ROWS = (RANDOM_HINT, NEAREST_HINT, RECENCY, BEST_STATIC, POLICY, ORACLE, HINDSIGHT)
"""What a variant can be asked with, beside no hint."""

_DRAFTS, _TURNS, _TRIAL = 3, 3, 122
"""Hints per reflection at most, its questions, and the questions that a hint's trial takes."""
ALL = 10**9
"""As many training sessions as there are."""


class Read(BaseModel):
    """Read from a file, with no other field than those that there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Recipe(Read):
    """How hints and a policy are come by."""

    sessions: int = Field(default=300, ge=1)
    """Training sessions, for exploration and for rewards; `all` is as many as there are."""
    hints_from: Literal["reflection", "general", "elsewhere"] = "reflection"
    """Reflection on errors; general hints written by hand; or another workspace."""
    hints: int = Field(default=20, ge=1)
    """Exploration ends with so many active hints."""
    patience: int = Field(default=25, ge=1)
    """Or after so many reflections that brought none."""
    effect_check: bool = True
    """Whether a hint is tried before it is admitted."""
    adds_check: bool = True
    """Whether a hint must gain more than those that are active."""
    leak_check: bool = True
    """Whether a hint that gives an item away is refused."""
    redundancy_check: bool = True
    """Whether a hint that says what another one says is refused."""
    policy_from: Literal["training", "elsewhere"] = "training"
    calls: int = Field(default=1000, ge=1)
    """Rewards that training may pay for."""
    method: Method = "top-two"
    blind_to: tuple[str, ...] = ()
    """Beginnings of the names of session features that the policy does not see."""

    @property
    def words(self) -> str:
        """Write it down for the report."""
        return ", ".join(f"{name} {value}" for name, value in self if value != ())

    @property
    def exploration(self) -> tuple[object, ...]:
        """All that exploration asks by: variants that agree in it pay for it once."""
        checks = (self.effect_check, self.adds_check, self.leak_check, self.redundancy_check)
        return (self.hints_from, self.sessions, self.hints, self.patience, *checks)

    @property
    def most_exploring(self) -> int:
        """Estimate, from above, the calls that exploration takes."""
        if self.hints_from != "reflection":
            return 0
        reflections = min(self.sessions, 2 * self.hints + self.patience)
        per_draft = (_TRIAL if self.effect_check else 0) + 2 * self.redundancy_check
        against = self.hints * self.sessions if self.effect_check and self.adds_check else 0
        return self.sessions + reflections * (_TURNS + _DRAFTS * per_draft) + against

    @field_validator("sessions", mode="before")
    @classmethod
    def _all(cls, given: object) -> object:
        return ALL if given == "all" else given

    @model_validator(mode="after")
    def _known(self) -> Self:
        for start in self.blind_to:
            if not any(name.startswith(start) for name in FEATURE_NAMES):
                raise ValueError(f"no session feature begins with {start!r}")
        return self


class Variant(Read):
    """One way to learn, and the rows that it becomes."""

    name: str = Field(min_length=1)
    recipe: Recipe
    rows: tuple[str, ...] = (POLICY,)
    at: float | None = None
    """Where it stands on the axis of a series."""

    @property
    def trains(self) -> bool:
        """Whether a row needs what training brings."""
        return not {POLICY, BEST_STATIC, ORACLE, HINDSIGHT}.isdisjoint(self.rows)

    @property
    def asks_all(self) -> bool:
        """Whether every session is asked with every hint."""
        return not {ORACLE, HINDSIGHT}.isdisjoint(self.rows)

    def most_learning(self, valid: int) -> int:
        """Estimate, from above, the calls that training takes with so many validation sessions."""
        recipe = self.recipe
        if not self.trains or recipe.policy_from != "training":
            return 0
        return recipe.sessions + recipe.calls + recipe.calls // 4 + 2 * valid

    def label(self, row: str) -> str:
        """Name a row in the table."""
        return self.name if len(self.rows) == 1 else row

    @model_validator(mode="after")
    def _known(self) -> Self:
        for row in self.rows:
            if row not in ROWS:
                raise ValueError(f"no row {row!r}; there are {', '.join(ROWS)}")
        return self
