"""The server of the small model: llama.cpp's own, and what it lacks of OpenAI's protocol.

llama.cpp's server for Python takes one prompt per completion, sorts the whole vocabulary for every
token that it gives back, and knows neither `json_schema` nor `max_completion_tokens`. Questions for
prompts' log-probabilities are answered here, many prompts at once; the others are put into its
words and handed on.
"""

import contextlib
import ctypes
import json
import logging
import tempfile
from pathlib import Path

import llama_cpp
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from llama_cpp.server import app as llama_app
from llama_cpp.server.settings import ModelSettings, ServerSettings
from llama_cpp.server.types import CreateChatCompletionRequest, CreateCompletionRequest
from pydantic import ValidationError

from re2llm.errors import UserError
from re2llm.llm.local.protocol import chat_request, completion, refusal
from re2llm.llm.local.reading import PromptReader, PromptTooLong


def make_app(model: Path, *, name: str, context: int, threads: int) -> FastAPI:
    """Load a model and return the server.

    Args:
        model: a GGUF file.
        name: what the model is called.
        context: the longest prompt with its answer, in tokens.
        threads: of the computation.
    """
    with tempfile.TemporaryDirectory(prefix="re2llm-model-") as folder:
        return _app(_quicker(model, Path(folder)), name=name, context=context, threads=threads)


def _quicker(model: Path, folder: Path) -> Path:
    """Return a copy with weights of 8 bits, which processors without much else read twice as fast.

    Raises:
        UserError: the file is no model that llama.cpp can convert.
    """
    logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)
    copy = folder / "model.gguf"
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    params.allow_requantize = True
    params.nthread = 1
    code = llama_cpp.llama_model_quantize(
        str(model).encode(), str(copy).encode(), ctypes.byref(params)
    )
    if code:
        raise UserError(f"{str(model)!r} is no model that llama.cpp can read; name a GGUF file")
    return copy


def _app(model: Path, *, name: str, context: int, threads: int) -> FastAPI:
    settings = ModelSettings(
        model=str(model),
        model_alias=name,
        n_ctx=context,
        n_threads=threads,
        n_threads_batch=threads,
        logits_all=True,
        verbose=False,
    )
    inner = llama_app.create_app(server_settings=ServerSettings(), model_settings=[settings])
    app = FastAPI(title="re2llm local model")
    reader: list[PromptReader] = []

    @app.post("/v1/completions")
    async def completions(request: Request) -> object:
        said = await request.json()
        try:
            body = CreateCompletionRequest.model_validate(said)
        except ValidationError as error:
            return JSONResponse(refusal(str(error)), 422)
        if not (body.echo and body.logprobs is not None and body.max_tokens == 0):
            return await llama_app.create_completion(request, body)
        prompts = body.prompt if isinstance(body.prompt, list) else [body.prompt]
        async with contextlib.asynccontextmanager(llama_app.get_llama_proxy)() as proxy:
            if not reader:
                reader.append(PromptReader(proxy(name), context=context))
            try:
                found = await run_in_threadpool(reader[0].read, prompts)
            except PromptTooLong as error:
                return JSONResponse(refusal(str(error), "context_length_exceeded"), 400)
        return completion(name, prompts, found)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> object:
        try:
            body = CreateChatCompletionRequest.model_validate(chat_request(await request.json()))
        except ValidationError as error:
            return JSONResponse(refusal(str(error)), 422)
        try:
            answer = await llama_app.create_chat_completion(request, body)
        except ValueError as error:
            code = "context_length_exceeded" if "exceed context window" in str(error) else None
            return JSONResponse(refusal(str(error), code), 400)
        if isinstance(answer, Response):
            return answer
        # Its log-probabilities are numpy's numbers, which FastAPI does not write.
        return Response(json.dumps(answer, default=float), media_type="application/json")

    app.mount("", inner)
    return app
