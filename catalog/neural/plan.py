"""What a sequence model is made of, and how it is trained."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal, get_args

Kind = Literal["sasrec", "gru4rec"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LABELS: dict[Kind, str] = {"sasrec": "SASRec", "gru4rec": "GRU4Rec"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that decides how a model comes out, the data apart.

    Attributes:
        kind: `sasrec` attends to all items of the session (Kang and McAuley, "Self-attentive
            sequential recommendation", 2018); `gru4rec` reads them one by one (Hidasi et al.,
            "Session-based recommendations with recurrent neural networks", 2016).
        dim: length of an item's vector, and of all states; a multiple of `heads`.
        layers: blocks of attention, or of recurrence.
        heads: of attention.
        length: latest items of a session that are read.
        dropout: share of values left out in training.
        negatives: items that a batch's next items are told apart from; all where there are fewer.
        rate: of learning, at its peak.
        batch: sessions per step.
        epochs: at most.
        patience: epochs without a better validation score after which training stops.
        seed: of everything drawn by lot.
    """

    kind: Kind = "sasrec"
    dim: int = 64
    layers: int = 1
    heads: int = 2
    length: int = 50
    dropout: float = 0.2
    negatives: int = 1024
    rate: float = 2e-3
    batch: int = 256
    epochs: int = 20
    patience: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what cannot be trained.

        Raises:
            ValueError: a number is too small, or `dim` does not fit `heads`.
        """
        for name in ("dim", "layers", "heads", "length", "negatives", "batch", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but at least 1 is needed")
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is no multiple of {self.heads} heads")

    def digest(self, *data: str) -> str:
        """Name this plan over these data; anything else gives another name."""
        told = json.dumps([asdict(self), *data], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]
