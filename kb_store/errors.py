"""What can go wrong in the knowledge base, by who must act."""

from re2llm.errors import UserError


class UnknownHint(UserError):
    """The tenant has no hint of this id: list the hints and use one of their ids."""

    def __init__(self, hint_id: str, tenant: str) -> None:
        """Name the id and the tenant."""
        super().__init__(
            f"tenant {tenant!r} has no hint {hint_id!r}; list the hints to see which there are"
        )


class KnownHint(UserError):
    """The words are those of a hint that is there: switch that one on, or choose other words."""

    def __init__(self, hint_id: str, status: str, reason: str) -> None:
        """Name the hint, and say what it is and why."""
        why = f" ({reason})" if reason else ""
        super().__init__(
            f"hint {hint_id!r} says this already, and is {status}{why}; change or enable that one, "
            "or choose other words"
        )


class DamagedLog(UserError):
    """An entry of the audit log is not what was written there: restore it from a backup."""

    def __init__(self, seq: object, what: str) -> None:
        """Name the entry, and say what is wrong with it."""
        super().__init__(
            f"entry {seq} of the hints' audit log is damaged: {what}. Something other than Re2LLM "
            "wrote to it; restore the record from a backup"
        )


class IndexUnavailable(Exception):
    """The vector index does not answer; nothing is lost, since the audit log holds every hint."""
