"""Whether another call may be paid for: decided before it is made, at its highest price."""

from dataclasses import dataclass

from re2llm.llm.errors import BudgetExhausted
from re2llm.llm.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """What may be spent in all; None means no limit.

    Attributes:
        cost: in the price table's currency.
    """

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None


class Budget:
    """Holds back the highest price of each call until its true price is known.

    Not for several threads; all calls of one event loop may share it.
    """

    def __init__(self, limits: BudgetLimits | None = None) -> None:
        """Start with nothing spent."""
        self.limits = limits or BudgetLimits()
        self.spent = Usage()
        self._held = Usage()
        self.refused = 0
        """How many calls were turned away."""

    def hold(self, most: Usage) -> None:
        """Set aside the most that a call can cost.

        Raises:
            BudgetExhausted: it could exceed a limit; nothing is set aside.
        """
        after = self.spent + self._held + most
        limits = self.limits
        tokens = after.input_tokens + after.output_tokens
        checks = (
            ("calls", after.calls, limits.calls),
            ("tokens", tokens, limits.tokens),
            ("money", after.cost, limits.cost),
        )
        for name, value, limit in checks:
            if limit is not None and value > limit:
                self.refused += 1
                raise BudgetExhausted(f"the budget of {limit:g} {name} does not allow another call")
        self._held = after + _negative(self.spent)

    def settle(self, most: Usage, paid: Usage) -> None:
        """Give back what was set aside and write down what was paid."""
        self._held = self._held + _negative(most)
        self.spent = self.spent + paid


def _negative(usage: Usage) -> Usage:
    return Usage(
        calls=-usage.calls,
        cache_hits=-usage.cache_hits,
        input_tokens=-usage.input_tokens,
        cached_tokens=-usage.cached_tokens,
        output_tokens=-usage.output_tokens,
        cost=-usage.cost,
        timed_out=-usage.timed_out,
    )
