"""What serves a tenant: its policy, how much the orders under its hints count, how they mix.

The weights lie in the policy's own folder: they were judged together, so they come and go together,
and a policy that the gate refuses changes nothing of what serves.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from re2llm.errors import UserError
from re2llm.kb_store.store import Eligible
from re2llm.llm.fusion import SlateFusion
from re2llm.llm.mix import Mix
from re2llm.nodes.protocols import HintPolicy
from re2llm.policy.choice import Choice
from re2llm.policy.saved import read_beside
from re2llm.workspace import Workspace

WEIGHTS = "weights.json"


class NoPolicy:
    """Before a policy is trained: no hint, and it says so."""

    version = "no policy trained"

    def choose(self, state: NDArray[np.float32], eligible: Eligible) -> Choice:  # noqa: ARG002
        """Choose no hint."""
        return Choice(hint_id=None, propensity=1.0, gain=None, version=self.version)


class Weights(BaseModel):
    """How the orders of one policy become slates; `asked` names what they were learnt with.

    A mix is that of `calls` calls per slate; with another number it is not used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    asked: str
    fusion: SlateFusion
    calls: int = 1
    mix: Mix = Mix()


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What serves one tenant."""

    policy: HintPolicy
    fusion: SlateFusion
    mix: Mix


@dataclass(frozen=True, slots=True)
class Others:
    """Finds what serves other tenants than the settings' one, when one is first asked for.

    What was found stays until the process ends, as it does for the settings' own tenant.
    """

    own: str
    open: Callable[[str], Serving]

    def policy(self, tenant: str) -> HintPolicy | None:
        """Return another tenant's policy; None for the settings' own."""
        return None if tenant == self.own else self.open(tenant).policy

    async def slates(self, tenant: str) -> tuple[SlateFusion, Mix] | None:
        """Return how another tenant's orders become slates; None for the settings' own."""
        if tenant == self.own:
            return None
        found = await asyncio.to_thread(self.open, tenant)
        return found.fusion, found.mix


def read_weights(
    workspace: Workspace, tenant: str, asked: str, *, version: str | None = None
) -> Weights | None:
    """Read the weights of the tenant's policy that serves, or of a version.

    Args:
        workspace: holds the policies.
        tenant: whose.
        asked: `Parts.asked`; weights learnt with another model, prompts or data are not taken.
        version: one of the saved versions.

    Raises:
        UserError: the file is damaged.
    """
    folder = workspace.policy_of(tenant)
    text = read_beside(folder, WEIGHTS, version=version)
    if text is None:
        return None
    try:
        found = Weights.model_validate_json(text)
    except ValidationError as error:
        raise UserError(
            f"{WEIGHTS!r} of the policy in {str(folder)!r} is damaged ({error.error_count()} "
            "faults); train again with `re2llm train`"
        ) from None
    return found if found.asked == asked else None


def plain_fusion(path: Path) -> SlateFusion:
    """Read what orders count where no policy serves: as learnt, or a safe default."""
    return SlateFusion.load(path) if path.exists() else SlateFusion()
