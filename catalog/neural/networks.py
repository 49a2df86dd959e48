"""The two networks, in torch: a session's items so far become a point near the items to come."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from re2llm.catalog.neural.plan import Plan

_SPREAD = 0.02
_WIDER = 4
"""How much wider the inner layer of a block is."""


class ItemTable(nn.Module):
    """An item's vector: one of its own, and what its text says, projected.

    The projection begins as the text vectors' main axes, so that an untrained network already
    finds what reads like the latest item, and items that nobody took yet are placed by their text.
    """

    features: Tensor

    def __init__(self, features: Tensor, dim: int) -> None:
        """Take (items, width) text vectors."""
        super().__init__()
        self.own = nn.Embedding(len(features), dim)
        nn.init.normal_(self.own.weight, std=_SPREAD)
        self.told = nn.Linear(features.shape[1], dim, bias=False)
        with torch.no_grad():
            self.told.weight.copy_(main_axes(features, dim))
        self.register_buffer("features", features, persistent=False)

    def forward(self, items: Tensor) -> Tensor:
        """Return (items, dim) vectors of these positions."""
        vectors: Tensor = self.own(items) + self.told(self.features[items])
        return vectors


class Network(nn.Module, ABC):
    """Reads vectors of items in turn; after each, gives a point near those of the next items."""

    def __init__(self, plan: Plan, features: Tensor) -> None:
        """Make the table and what all kinds have in common."""
        super().__init__()
        self.items = ItemTable(features, plan.dim)
        self.dropout = nn.Dropout(plan.dropout)
        self.last = nn.LayerNorm(plan.dim)

    @abstractmethod
    def forward(self, vectors: Tensor) -> Tensor:
        """Return (sessions, steps, dim) points for as many vectors."""


class SasRec(Network):
    """Self-attention over the items so far (Kang and McAuley, 2018), normalised before a part."""

    def __init__(self, plan: Plan, features: Tensor) -> None:
        """Make the blocks."""
        super().__init__(plan, features)
        self.scale = plan.dim**0.5
        self.places = nn.Embedding(plan.length, plan.dim)
        nn.init.normal_(self.places.weight, std=_SPREAD)
        self.blocks = nn.ModuleList([_Block(plan) for _ in range(plan.layers)])

    def forward(self, vectors: Tensor) -> Tensor:
        """Return (sessions, steps, dim) points for as many vectors."""
        state = self.dropout(vectors * self.scale + self.places.weight[: vectors.shape[1]])
        for block in self.blocks:
            state = block(state)
        points: Tensor = self.last(state)
        return points


class _Block(nn.Module):
    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.heads = plan.heads
        self.drop = plan.dropout
        self.before = nn.LayerNorm(plan.dim)
        self.look = nn.Linear(plan.dim, 3 * plan.dim)
        self.join = nn.Linear(plan.dim, plan.dim)
        self.between = nn.LayerNorm(plan.dim)
        self.widen = nn.Linear(plan.dim, _WIDER * plan.dim)
        self.narrow = nn.Linear(_WIDER * plan.dim, plan.dim)
        self.dropout = nn.Dropout(plan.dropout)

    def forward(self, state: Tensor) -> Tensor:
        sessions, steps, dim = state.shape
        parts = self.look(self.before(state)).view(sessions, steps, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, dropout_p=self.drop if self.training else 0.0
        )
        seen = seen.transpose(1, 2).reshape(sessions, steps, dim)
        state = state + self.dropout(self.join(seen))
        wide = functional.relu(self.widen(self.between(state)))
        changed: Tensor = state + self.dropout(self.narrow(self.dropout(wide)))
        return changed


class Gru4Rec(Network):
    """Gated recurrence over the items (Hidasi et al., 2016)."""

    def __init__(self, plan: Plan, features: Tensor) -> None:
        """Make the layers."""
        super().__init__(plan, features)
        self.scale = plan.dim**0.5
        self.layers = nn.ModuleList(
            [nn.GRU(plan.dim, plan.dim, batch_first=True) for _ in range(plan.layers)]
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """Return (sessions, steps, dim) points for as many vectors.

        Each layer adds to what it read, so that the latest items are not lost on the way.
        """
        state = self.dropout(vectors * self.scale)
        for layer in self.layers:
            read, _ = layer(state)
            state = state + self.dropout(read)
        points: Tensor = self.last(state)
        return points


def make_network(plan: Plan, features: Tensor) -> Network:
    """Make the network of a plan for a catalogue with these (items, width) text vectors."""
    return SasRec(plan, features) if plan.kind == "sasrec" else Gru4Rec(plan, features)


def main_axes(features: Tensor, dim: int) -> Tensor:
    """Return (dim, width) the directions that the text vectors differ most in; 0 beyond those."""
    wide = features.double()
    _, axes = torch.linalg.eigh(wide.T @ wide)
    main = axes.flip(1).T[:dim]
    made = torch.zeros(dim, features.shape[1], dtype=features.dtype)
    made[: len(main)] = main.to(features.dtype)
    return made
