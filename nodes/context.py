"""Which knobs a caller may turn for one run."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from langgraph.runtime import Runtime
from pydantic import TypeAdapter, ValidationError

from re2llm.errors import UserError
from re2llm.nodes.state import State

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Knobs of one run; plain values, so that they travel over HTTP."""

    tenant: str | None = None
    """Whose hints are read and written; None for the one that the workspace is opened for, and for
    the slate's where feedback is given. Authorisation is the caller's business."""

    hint: str = "policy"
    """`policy` lets the policy choose, `none` asks without a hint, anything else is a hint's id."""

    reflect: bool = True
    """Whether an error in the feedback leads to reflection."""

    wait: bool = True
    """Whether to pause for feedback where the graph has a checkpointer and a thread."""


def knobs(runtime: Runtime[Context]) -> Context:
    """Return the run's knobs, or the defaults where the caller passed none."""
    return own_context(runtime.context, Context)


def own_context(given: object, kind: type[C]) -> C:
    """Return a run's context as ours.

    A node of somebody else's graph is handed that graph's context: those of its fields count that
    are called and typed like ours.
    """
    if isinstance(given, kind):
        return given
    if given is None:
        return kind()
    found: dict[str, Any] = {}
    for name, reading in _readings(kind).items():
        value = given.get(name) if isinstance(given, Mapping) else getattr(given, name, None)
        try:
            found[name] = reading.validate_python(value, strict=True)
        except ValidationError:
            continue
    return kind(**found)


@lru_cache
def _readings(kind: "type[DataclassInstance]") -> dict[str, TypeAdapter[Any]]:
    typed = get_type_hints(kind)
    return {field.name: TypeAdapter(typed[field.name]) for field in fields(kind)}


def served_tenant(state: State, runtime: Runtime[Context]) -> str:
    """Say for whom the slate was made, to whom all belongs that is learnt from it.

    Raises:
        UserError: the caller goes on for another tenant.
    """
    asked = knobs(runtime).tenant
    served = state.get("tenant") or asked or "default"
    if asked is not None and asked != served:
        raise UserError(f"this slate was served to another tenant than {asked!r}")
    return served
