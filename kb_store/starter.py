"""General hints to begin with, written by hand, for any shop; training decides whom they help."""

from re2llm.kb_store.hint import Hint, Provenance, Status, hint_id

STARTER: tuple[str, ...] = (
    "Weigh the most recent items of the session more than earlier ones.",
    "Prefer candidates of the brand that the session keeps coming back to.",
    "Keep to the category of the session's latest item.",
    "Look for variety instead of more of the same category.",
    "Prefer candidates of the same series or product line as the session's items.",
    "Prefer candidates for the same platform as the session's items.",
    "Prefer candidates that share genres with most of the session.",
    "Prefer candidates in the same price range as the session's items.",
    "Prefer cheaper candidates.",
    "Prefer candidates from the same years as the session's items.",
    "Prefer newer candidates.",
    "Prefer popular candidates where nothing else tells them apart.",
    "Prefer candidates that the notes call often bought next.",
    "Give less weight to shared title words.",
)
"""One kind of evidence each; what a shop's items do not have (a platform, genres) does no harm."""


def starter_hints(tenant: str, status: Status, created: float) -> list[Hint]:
    """Make them into a tenant's hints; `created` in seconds since 1970."""
    return [
        Hint(
            hint_id=hint_id(text, tenant),
            text=text,
            status=status,
            tenant=tenant,
            provenance=Provenance(source="starter", created=created),
            reason="general, written by hand",
        )
        for text in STARTER
    ]
