"""What can go wrong in the knowledge base, by who must act."""

from re2llm.errors import UserError


class UnknownHint(UserError):
    """The tenant has no hint of this id: list the hints and use one of their ids."""

    def __init__(self, hint_id: str, tenant: str) -> None:
        """Name the id and the tenant."""
        super().__init__(
            f"tenant {tenant!r} has no hint {hint_id!r}; list the hints to see which there are"
        )


class IndexUnavailable(Exception):
    """The vector index does not answer; nothing is lost, since the audit log holds every hint."""
