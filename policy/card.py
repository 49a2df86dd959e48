"""What is written beside a saved policy: how it came to be, and what it fits."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from pydantic import TypeAdapter, ValidationError

from re2llm.errors import UserError
from re2llm.policy.features import FEATURE_NAMES
from re2llm.policy.hint_side import RECORD_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How a policy came to be.

    Attributes:
        trainer: the method's name.
        data: which sessions it learnt from.
        model: which language model answered.
        prompt_version: with which prompt.
        metric: what the rewards are differences of.
        knowledge_base: which hints there were (a version or a digest).
        calls: unique (session, hint) pairs paid for.
        seed: of the training.
        created: when, ISO 8601.
        static_hint: id of the hint that was best for all training sessions alike; empty where
            none helped.
    """

    trainer: str
    data: str = ""
    model: str = ""
    prompt_version: str = ""
    metric: str = ""
    knowledge_base: str = ""
    calls: int = 0
    seed: int = 0
    created: str = ""
    static_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A saved policy in words and numbers.

    Attributes:
        kind: family of the scorer.
        origin: how it came to be.
        encoder: identity of what made the hints' vectors.
        dim: length of a hint's vector.
        known: ids of the hints that have parameters of their own.
        predicts_gain: whether scores are gains.
        caution: standard deviations of the gate per session.
        metrics: held-out numbers by name.
        gate: what the gate said, in words.
        features: names of the state's features, in order.
        records: names of a hint's record, in order.
        tensors_sha256: digest of the tensor file.
        layout: version of this format.
    """

    kind: str
    origin: Origin
    encoder: str
    dim: int
    known: tuple[str, ...] = ()
    predicts_gain: bool = True
    caution: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    gate: str = ""
    features: tuple[str, ...] = FEATURE_NAMES
    records: tuple[str, ...] = RECORD_NAMES
    tensors_sha256: str = ""
    layout: int = 1

    def require_fit(self, *, encoder: str, dim: int) -> None:
        """Check that the policy reads what this workspace writes.

        Raises:
            UserError: naming the first thing that does not fit.
        """
        mend = "train a new policy with `re2llm train`"
        if self.layout != 1:
            raise UserError(f"the saved policy has layout {self.layout!r}, not 1; {mend}")
        if self.features != FEATURE_NAMES or self.records != RECORD_NAMES:
            strange = sorted(set(self.features) ^ set(FEATURE_NAMES)) or ["their order"]
            raise UserError(
                f"the saved policy knows other features ({', '.join(strange[:3])}); {mend}"
            )
        if self.encoder != encoder:
            raise UserError(
                f"the saved policy knows hints by encoder {self.encoder!r}, the workspace uses "
                f"{encoder!r}; {mend}, or go back to that encoder"
            )
        if self.dim != dim:
            raise UserError(
                f"the saved policy knows vectors of {self.dim} numbers, not {dim}; {mend}"
            )


_CARD = TypeAdapter(Card)


def dump_card(card: Card) -> str:
    """Write a card as JSON."""
    return json.dumps(asdict(card), ensure_ascii=False, indent=1, sort_keys=True)


def load_card(text: str) -> Card:
    """Read a card.

    Raises:
        UserError: it is no card.
    """
    try:
        return _CARD.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "card.json"
        raise UserError(
            f"a policy's card is damaged at {where!r} ({first['msg']}); remove that version"
        ) from None
