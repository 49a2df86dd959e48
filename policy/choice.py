"""What a policy answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One decision.

    Attributes:
        hint_id: the hint, or None for no hint.
        propensity: probability of this very action under the policy that acted, exploration
            included; in (0, 1].
        gain: predicted gain over no hint, in the reward's units, or None.
        version: which policy chose.
        also: what else the model may be asked with, so that its orders can be mixed; None is no
            hint. It follows from the state and from `hint_id`, so the propensity is that of all
            of it.
    """

    hint_id: str | None
    propensity: float
    gain: float | None
    version: str
    also: tuple[str | None, ...] = ()
