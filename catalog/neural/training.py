"""Training of a sequence model, epoch by epoch, until held-out sessions get no better."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from re2llm.catalog.neural.batches import batch_count, batches, padded
from re2llm.catalog.neural.checkpoint import Checkpoint
from re2llm.catalog.neural.loss import sampled_softmax
from re2llm.catalog.neural.networks import Network, make_network
from re2llm.catalog.neural.plan import Plan
from re2llm.catalog.sessions import SessionLog
from re2llm.errors import UserError

Report = Callable[[int, int], None]

PLACES = 20
"""The first places of the list over the whole catalogue that held-out sessions are judged by."""
_WARM = 100
"""Steps in which the rate of learning rises to its peak."""
_CLIP = 1.0
_AT_ONCE = 256
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Sessions to stop by.

    Attributes:
        log: what was taken so far; no session is empty.
        targets: (sessions,) catalogue positions of what came next.
    """

    log: SessionLog
    targets: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The best epoch's network.

    Attributes:
        network: on the CPU, not training.
        score: NDCG@20 of the held-out sessions over the whole catalogue.
        curve: the same after each epoch.
        best_epoch: counted from 1.
    """

    network: Network
    score: float
    curve: tuple[float, ...]
    best_epoch: int
    seconds: float


def pick_device(wanted: str = "auto") -> str:
    """Return where to train: `cuda` where there is such an accelerator, or what is asked for.

    Raises:
        UserError: an accelerator is asked for that is not there.
    """
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UserError("no CUDA accelerator is usable here; use --device cpu, or auto")
    return "cuda" if there and wanted != "cpu" else "cpu"


def train(
    plan: Plan,
    log: SessionLog,
    features: NDArray[np.float32],
    held_out: HeldOut,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
    digest: str = "",
    report: Report | None = None,
) -> Trained:
    """Train until `patience` epochs bring nothing, and keep the best one.

    Args:
        plan: what to train, and how.
        log: complete sessions.
        features: (items, width) text vectors of the catalogue.
        held_out: sessions that are not in the log.
        device: `cpu` or `cuda`.
        checkpoint: a file that is written after each epoch; one of the same digest is gone on with,
            to the same end as without the break (on a CPU, bit by bit).
        digest: names the plan and the data.
        report: is told (done, total) steps.

    Raises:
        UserError: there is nothing to learn from, or nothing to stop by.
        FloatingPointError: the loss is no number any more.
    """
    steps = batch_count(log, plan.batch)
    if not steps or not len(held_out.targets):
        raise UserError(
            "a sequence model needs training sessions of two items or more, and validation "
            "sessions with a next item; ingest more sessions first"
        )
    began = time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        network = make_network(plan, torch.from_numpy(np.array(features))).to(device)
        step = torch.optim.Adam(network.parameters(), lr=plan.rate)
        state = Checkpoint.load(checkpoint, digest, network, step) or Checkpoint()
        taken = np.flatnonzero(np.bincount(log.items, minlength=len(features)))
        while not state.over(plan):
            torch.manual_seed(plan.seed * 1_000_003 + state.epoch)
            done = state.epoch * steps
            _epoch(plan, log, network, step, taken, done, report, plan.epochs * steps)
            score = float(ndcg(network, held_out, plan).mean())
            state = state.after(score, network)
            state.save(checkpoint, digest, network, step)
    network.load_state_dict(state.best)
    return Trained(
        network=network.cpu().eval(),
        score=max(state.curve),
        curve=state.curve,
        best_epoch=int(np.argmax(state.curve)) + 1,
        seconds=time.monotonic() - began,
    )


def ndcg(network: Network, held_out: HeldOut, plan: Plan) -> NDArray[np.float64]:
    """Return (sessions,) NDCG@20 over the whole catalogue, the session's own items left out.

    Where the next item is one of these, the list, which will not name it, misses.
    """
    network.eval()
    device = network.items.own.weight.device
    found: list[NDArray[np.float64]] = []
    with torch.no_grad():
        size = network.items.own.num_embeddings
        table = network.items(torch.arange(size, device=device))
        for start in range(0, len(held_out.targets), _AT_ONCE):
            rows = np.arange(start, min(start + _AT_ONCE, len(held_out.targets)))
            items = padded(held_out.log, rows, length=plan.length, pad=-1)
            places = torch.from_numpy(items).to(device)
            points = network(table[places.clamp(min=0)])
            last = (places >= 0).sum(dim=1) - 1
            each = torch.arange(len(rows), device=device)
            scores = points[each, last] @ table.T
            own, step = torch.nonzero(places >= 0, as_tuple=True)
            scores[own, places[own, step]] = _NEVER
            wanted = scores[each, torch.from_numpy(held_out.targets[rows]).to(device)]
            ranks = (scores > wanted[:, None]).sum(dim=1).cpu().numpy() + 1
            hit = (ranks <= PLACES) & torch.isfinite(wanted).cpu().numpy()
            found.append(np.where(hit, 1 / np.log2(ranks + 1), 0.0))
    return np.concatenate(found)


def _epoch(
    plan: Plan,
    log: SessionLog,
    network: Network,
    step: torch.optim.Optimizer,
    taken: NDArray[np.int64],
    done: int,
    report: Report | None,
    total: int,
) -> None:
    network.train()
    device = network.items.own.weight.device
    draws = np.random.default_rng((plan.seed, done))
    seed = int(draws.integers(1 << 31))
    drawn_count = min(plan.negatives, len(taken))
    for items in batches(log, size=plan.batch, length=plan.length, pad=-1, seed=seed):
        drawn = taken[draws.choice(len(taken), drawn_count, replace=False, shuffle=False)]
        loss = _loss(network, torch.from_numpy(items).to(device), drawn, len(taken))
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"after {done} steps the loss is {loss.item()}")
        for group in step.param_groups:
            group["lr"] = plan.rate * min(1.0, (done + 1) / _WARM)
        step.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        step.step()
        done += 1
        if report is not None:
            report(done, total)


def _loss(network: Network, items: Tensor, drawn: NDArray[np.int64], total: int) -> Tensor:
    """Look each item of the batch and the draw up once, whatever the times it occurs."""
    real = items >= 0
    ids = torch.from_numpy(drawn).to(items.device)
    needed, where = torch.unique(torch.cat([items.clamp(min=0).ravel(), ids]), return_inverse=True)
    vectors = network.items(needed)
    rows = where[: items.numel()].view_as(items)
    points = network(vectors[rows[:, :-1]])
    told = real[:, 1:]
    return sampled_softmax(
        points[told],
        vectors[rows[:, 1:][told]],
        vectors[where[items.numel() :]],
        items[:, 1:][told],
        ids,
        total,
    )
