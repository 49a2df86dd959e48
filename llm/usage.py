"""What model calls cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Calls, tokens and money; addable.

    Attributes:
        calls: requests really sent to a model and answered.
        cache_hits: answers taken from the cache; they cost nothing.
        cached_tokens: the part of `input_tokens` that the provider's own prompt cache served.
        cost: in the currency of the price table; 0 where the model's price is unknown.
    """

    calls: int = 0
    cache_hits: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        """Add two bills."""
        return Usage(
            calls=self.calls + other.calls,
            cache_hits=self.cache_hits + other.cache_hits,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
        )
