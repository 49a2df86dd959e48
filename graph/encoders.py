"""Which text encoder a workspace has: chosen once, and not changed unawares."""

from re2llm.catalog.encoder import TextEncoder
from re2llm.catalog.minilm import MiniLmEncoder
from re2llm.errors import UserError
from re2llm.settings import LEXICAL, MINILM, Settings
from re2llm.workspace import Workspace


def open_encoder(settings: Settings, workspace: Workspace) -> TextEncoder | None:
    """Make the encoder that the settings name, for a workspace that has no other.

    Returns:
        None for the lexical one, which is fitted on the catalogue.

    Raises:
        UserError: the workspace was made with another encoder, an extra or a key is missing, or
            weights are not the published ones.
    """
    _require(settings, workspace)
    if settings.encoder == LEXICAL:
        return None
    if settings.encoder == MINILM:
        return MiniLmEncoder.load()
    from re2llm.llm.embeddings import RemoteEncoder

    return RemoteEncoder(
        model=settings.encoder,
        url=settings.embeddings_url,
        key=settings.embeddings_key,
        kept=workspace.embeddings,
    )


def keep_encoder(settings: Settings, workspace: Workspace) -> None:
    """Note in the workspace which encoder it was made with."""
    path = workspace.encoder
    if not path.is_file():
        path.write_text(f"{_name(settings)}\n", "utf-8")


def close_encoder(encoder: TextEncoder) -> None:
    """Let go of what an encoder holds open, if it holds anything."""
    close = getattr(encoder, "close", None)
    if callable(close):
        close()


def _require(settings: Settings, workspace: Workspace) -> None:
    path = workspace.encoder
    if path.is_file():
        held = path.read_text("utf-8").strip()
    else:  # Older workspaces have no such note, but what the lexical encoder has learnt.
        held = LEXICAL if any(workspace.index.rglob("encoder.npz")) else _name(settings)
    if held != _name(settings):
        raise UserError(
            f"the workspace {str(workspace.root)!r} was made with text encoder {held!r}, but "
            f"{_name(settings)!r} is set, and their vectors do not mix; set RE2LLM_ENCODER back, "
            f"or delete {str(path)!r} and {str(workspace.index)!r} to build the index anew"
        )


def _name(settings: Settings) -> str:
    if settings.encoder in (LEXICAL, MINILM):
        return settings.encoder
    return f"{settings.encoder} at {settings.embeddings_url or 'OpenAI'}"
