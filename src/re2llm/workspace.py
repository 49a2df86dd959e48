"""Where everything of a shop lies: one folder, one name for each thing in it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from re2llm.errors import UserError

DEFAULT_TENANT = "default"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths inside a workspace; nothing is created by asking for one."""

    root: Path

    @property
    def data(self) -> Path:
        """Catalogue and sessions."""
        return self.root / "data"

    @property
    def index(self) -> Path:
        """Retrieval arrays and fitted weights."""
        return self.root / "index"

    @property
    def encoder(self) -> Path:
        """The name of the text encoder that the index was built with."""
        return self.root / "encoder.txt"

    @property
    def embeddings(self) -> Path:
        """Vectors of items' texts that a server was asked for."""
        return self.root / "embeddings.sqlite"

    @property
    def neural(self) -> Path:
        """Trained sequence models, and the weights that were learnt with them."""
        return self.root / "neural"

    @property
    def hints(self) -> Path:
        """Hints: audit log and Chroma."""
        return self.root / "hints"

    @property
    def policy(self) -> Path:
        """Saved policies of the tenant `default`, and which one serves."""
        return self.root / "policy"

    def policy_of(self, tenant: str) -> Path:
        """Saved policies of a tenant, and which one serves."""
        if tenant == DEFAULT_TENANT:
            return self.policy
        legible = re.sub(r"[^\w-]+", "-", tenant)[:40]
        digest = hashlib.sha256(tenant.encode()).hexdigest()[:12]
        return self.policy / "tenants" / f"{legible}-{digest}"

    @property
    def fusion(self) -> Path:
        """How the model's order joins the retrieval evidence, per model."""
        return self.root / "fusion"

    @property
    def answers(self) -> Path:
        """Every model answer ever paid for."""
        return self.root / "answers.sqlite"

    @property
    def rewards(self) -> Path:
        """Every reward ever measured."""
        return self.root / "rewards.sqlite"

    @property
    def probes(self) -> Path:
        """What model servers were found to be able to do."""
        return self.root / "servers.json"

    @property
    def reflections(self) -> Path:
        """What feedback made the model reflect on, and what waits until it may."""
        return self.root / "reflections.sqlite"

    @property
    def slates(self) -> Path:
        """Slates that wait for feedback."""
        return self.root / "slates.sqlite"

    @property
    def runs(self) -> Path:
        """Reports and pictures."""
        return self.root / "runs"

    @property
    def kinds(self) -> Path:
        """Session id to what kind of session it is, where that is known; for pictures alone."""
        return self.root / "kinds.json"

    def read_kinds(self) -> dict[str, str]:
        """Read the kinds of sessions; nothing where none are known."""
        if not self.kinds.is_file():
            return {}
        raw = json.loads(self.kinds.read_text("utf-8"))
        return {str(session_id): str(kind) for session_id, kind in raw.items()}

    def write_kinds(self, kinds: Mapping[str, str]) -> None:
        """Keep the kinds of sessions."""
        self.kinds.write_text(json.dumps(dict(kinds)), "utf-8")

    def require_data(self) -> None:
        """Raise `UserError` where no catalogue has been ingested."""
        if not self.data.exists():
            raise UserError(
                f"the workspace {str(self.root)!r} holds no catalogue; fill it with "
                f"`re2llm ingest SOURCE --workspace {self.root}`, or try `re2llm demo`"
            )
