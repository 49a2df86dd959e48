"""Who is calling, and for which tenant."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from re2llm.errors import UserError
from re2llm.tenants import tenant_fault

CHAT = "chat"
METRICS = "metrics"
_SHORTEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A caller whose key was found good.

    Attributes:
        tenant: whose data is read and written.
        name: stands for the key in logs and in the hints' history; tells nothing of it.
        staff: whether hints may be reviewed, items changed and withdrawn.
        metrics: whether metrics may be read, which tell of all tenants together.
        served: whether anything else may be asked for.
        keyed: whether the caller showed a key, so that `name` tells it from others.
    """

    tenant: str
    name: str
    staff: bool = True
    metrics: bool = False
    served: bool = True
    keyed: bool = True


class Authenticator(Protocol):
    """Turns a bearer token into a caller."""

    def find(self, token: str | None) -> Caller | None:
        """Return who holds this token (None where none was sent), or None for nobody."""


@dataclass(frozen=True, slots=True)
class Anyone:
    """Lets everybody in; for a service that only its own machine can reach."""

    tenant: str

    def find(self, token: str | None) -> Caller | None:  # noqa: ARG002
        """Return the same caller always."""
        return Caller(tenant=self.tenant, name="local", metrics=True, keyed=False)


class KeyRing:
    """Knows keys by their digests, so that looking one up tells nothing by the time it takes."""

    def __init__(self, callers: Mapping[str, Caller]) -> None:
        """Take callers by `digest` of their keys."""
        self._callers = dict(callers)

    def find(self, token: str | None) -> Caller | None:
        """Return who holds this key, or None."""
        return None if token is None else self._callers.get(digest(token))


def digest(key: str) -> str:
    """Hide a key; equal keys stay equal."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def read_keys(text: str) -> KeyRing | None:
    """Read `tenant:key` entries joined by commas, with a role behind where it is not the staff's.

    The role `chat` may chat and recommend alone, `metrics` read metrics alone. Metrics are of all
    tenants together: the staff reads them only where there is one tenant. None without entries.

    Raises:
        UserError: an entry is malformed, a key too short, or given twice; it is named by its place.
    """
    callers: dict[str, Caller] = {}
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    for place, entry in enumerate(entries, start=1):
        tenant, colon, rest = entry.partition(":")
        key, _, role = rest.partition(":")
        if not (tenant and colon) or role not in ("", CHAT, METRICS):
            raise UserError(
                f"RE2LLM_API_KEYS: entry {place} is not 'tenant:key', 'tenant:key:{CHAT}' or "
                f"'tenant:key:{METRICS}'"
            )
        if fault := tenant_fault(tenant):
            raise UserError(f"RE2LLM_API_KEYS: tenant {tenant!r:.80} of entry {place}: {fault}")
        if len(key) < _SHORTEST:
            raise UserError(
                f"RE2LLM_API_KEYS: the key of entry {place} (tenant {tenant!r}) is shorter than "
                f"{_SHORTEST} characters; make one with `openssl rand -hex 24`"
            )
        if digest(key) in callers:
            raise UserError(f"RE2LLM_API_KEYS: the key of entry {place} is given twice")
        name = f"key-{digest(key)[:8]}"
        callers[digest(key)] = Caller(
            tenant=tenant,
            name=name,
            staff=not role,
            metrics=role == METRICS,
            served=role != METRICS,
        )
    served = [caller for caller in callers.values() if caller.served]
    if len({caller.tenant for caller in served}) == 1:
        callers = {
            at: replace(one, metrics=one.metrics or one.staff) for at, one in callers.items()
        }
    return KeyRing(callers) if callers else None
