"""What of a trained network is kept: every item's vector once, and the tensors of the rest."""

import numpy as np
import torch
from numpy.typing import NDArray

from re2llm.catalog.neural.networks import Network
from re2llm.catalog.neural.saved import ITEMS
from re2llm.catalog.sessions import SessionLog


def tensors_of(network: Network, log: SessionLog) -> dict[str, NDArray[np.float32]]:
    """Return a network's tensors by name; the items' table becomes one tensor, `items`.

    An item that the log lacks is placed by its text alone: what it had of its own was never
    trained, and is left away.
    """
    table = network.items
    with torch.no_grad():
        vectors = table(torch.arange(table.own.num_embeddings))
        taken = np.bincount(log.items, minlength=len(vectors)) > 0
        vectors -= table.own.weight * torch.from_numpy(~taken)[:, None]
    rest = {
        name: tensor.detach().cpu().numpy().astype(np.float32)
        for name, tensor in network.state_dict().items()
        if not name.startswith("items.")
    }
    return {**rest, ITEMS: vectors.numpy().astype(np.float32)}
