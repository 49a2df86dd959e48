"""The command that serves a shop over HTTP: `serve`."""

from typing import Annotated

import typer

from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.", min=0, max=65535)] = 8000,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every request.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve the shop: API, chat page at /, hint review at /hints."""
    import asyncio
    import logging

    try:
        from re2llm.service.options import read_serve_settings
        from re2llm.service.server import serve as run
    except ModuleNotFoundError as error:
        raise UserError(
            f"serving needs {error.name!r}, which is not installed; pip install 're2llm[serve]'"
        ) from None
    from re2llm.settings import read_settings

    settings = read_settings(workspace=workspace)
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger = logging.getLogger("re2llm")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)

    def ready(address: str) -> None:
        typer.echo(
            f"Re2LLM serves {str(settings.workspace)!r} at {address} "
            f"(model: {settings.model_label}; hints: {address}/hints; end with Ctrl-C)"
        )

    asyncio.run(run(settings, read_serve_settings(), host=host, port=port, ready=ready))
