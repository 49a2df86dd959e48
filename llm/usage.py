"""What model calls cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Calls, tokens and money; addable.

    Attributes:
        calls: requests really sent to a model that were answered, or timed out.
        cache_hits: answers taken from the cache; they cost nothing.
        cached_tokens: the part of `input_tokens` that the provider's own prompt cache served.
        cost: in the currency of the price table; 0 where the model's price is unknown.
        timed_out: calls without an answer in time. What a provider charges for them is not told;
            they are counted in all of the above at their greatest input and no output.
    """

    calls: int = 0
    cache_hits: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    timed_out: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Add two bills."""
        return Usage(
            calls=self.calls + other.calls,
            cache_hits=self.cache_hits + other.cache_hits,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
            timed_out=self.timed_out + other.timed_out,
        )
