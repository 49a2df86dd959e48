"""How training goes on after a break: all of it, after each epoch, in one file."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from re2llm.catalog.neural.networks import Network
from re2llm.catalog.neural.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far training has come.

    Attributes:
        curve: score after each epoch.
        best: the tensors of the best epoch, on the CPU.
    """

    curve: tuple[float, ...] = ()
    best: dict[str, Tensor] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Count the epochs that are done."""
        return len(self.curve)

    def over(self, plan: Plan) -> bool:
        """Say whether to stop: enough epochs, or none of the latest got better."""
        if self.epoch >= plan.epochs:
            return True
        since = self.epoch - 1 - self.curve.index(max(self.curve)) if self.curve else 0
        return since > plan.patience - 1 and self.epoch > plan.patience

    def after(self, score: float, network: Network) -> "Checkpoint":
        """Return the same after one more epoch."""
        better = not self.curve or score > max(self.curve)
        state = network.state_dict()
        best = {name: value.detach().cpu().clone() for name, value in state.items()}
        return replace(self, curve=(*self.curve, score), best=best if better else self.best)

    def save(
        self, path: Path | None, digest: str, network: Network, step: torch.optim.Optimizer
    ) -> None:
        """Write all that going on needs, in one step; nothing without a path."""
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f".{path.name}.new")
        content = {
            "digest": digest,
            "curve": list(self.curve),
            "best": self.best,
            "network": network.state_dict(),
            "step": step.state_dict(),
        }
        torch.save(content, staged)
        staged.replace(path)

    @classmethod
    def load(
        cls, path: Path | None, digest: str, network: Network, step: torch.optim.Optimizer
    ) -> "Checkpoint | None":
        """Read what `save` wrote into the network and its optimizer; no code in it is run.

        Returns:
            None where there is nothing of this plan and these data that can be read.
        """
        if path is None or not path.is_file():
            return None
        device = network.items.own.weight.device
        try:
            content = torch.load(path, map_location=device, weights_only=True)
            if content["digest"] != digest:
                return None
            network.load_state_dict(content["network"])
            step.load_state_dict(content["step"])
            best = {name: value.cpu() for name, value in content["best"].items()}
            return cls(curve=tuple(map(float, content["curve"])), best=best)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError):
            return None
