"""A completions server on loopback that gives prompts back with log-probabilities."""

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from re2llm.llm.client import ModelClient
from re2llm.llm.likelihood import ClientScorer
from re2llm.llm.model import ModelConfig
from re2llm.llm.patience import Patience
from re2llm.llm.score_model import ScoreModel, close_score_model, open_score_model


@dataclass
class ScoreServer:
    """Finds a prompt's tokens (words, each with the space before it) as likely as `belief` says.

    It gives them back by `echo`, or as vLLM does by `prompt_logprobs`: a token id for each place
    but the first, here with a likelier token beside it. One that knows only the latter gives none
    with `echo`, or `refuses` the word.
    """

    belief: Callable[[str, str], float] = lambda before, word: 0.5
    fault: Callable[[dict[str, Any]], tuple[int, str] | None] = lambda body: None
    lists: bool = True
    echoes: bool = True
    refuses: bool = False
    delay: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    models: list[ScoreModel] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = head.split("content-length:")[1].split("\r\n")[0]
                body = json.loads(await reader.readexactly(int(length)))
                self.requests.append(body)
                await asyncio.sleep(self.delay)
                status, reply = self.reply(body)
                data = json.dumps(reply).encode()
                kind = "content-type: application/json"
                writer.write(
                    f"HTTP/1.1 {status} X\r\n{kind}\r\ncontent-length: {len(data)}\r\n\r\n".encode()
                )
                writer.write(data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def reply(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        refused = self.fault(body)
        if refused is None and self.refuses and "echo" in body:
            refused = 400, "echo is not supported"
        if refused is None and not self.lists and isinstance(body["prompt"], list):
            refused = 500, "one prompt at a time"
        if refused is not None:
            return refused[0], {"error": {"message": refused[1], "type": "t", "code": None}}
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        choices = [self.choice(number, text) for number, text in enumerate(prompts)]
        tokens = sum(len(one["logprobs"]["tokens"]) for one in choices)
        if not self.echoes:
            wanted = "prompt_logprobs" in body
            choices = [self.as_vllm(one, wanted=wanted) for one in choices]
        usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
        made = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
        return 200, {**made, "choices": choices[::-1], "usage": usage}

    def choice(self, number: int, text: str) -> dict[str, Any]:
        tokens, offsets, values = [], [], []
        at = 0
        for word in text.replace("\n", " \n").split(" "):
            token = word if at == 0 else f" {word}"
            if word.startswith("\n"):
                token = word
            tokens.append(token)
            offsets.append(at)
            values.append(None if at == 0 else math.log(self.belief(text[:at], word)))
            at += len(token)
        given = {"tokens": tokens, "text_offset": offsets, "token_logprobs": values}
        logprobs = {**given, "top_logprobs": None}
        return {"index": number, "text": text, "finish_reason": "stop", "logprobs": logprobs}

    def as_vllm(self, choice: dict[str, Any], *, wanted: bool) -> dict[str, Any]:
        told = choice["logprobs"]
        places: list[dict[str, Any] | None] = [
            None
            if value is None
            else {
                str(sum(map(ord, token))): {"logprob": value, "rank": 2, "decoded_token": token},
                "7": {"logprob": -0.01, "rank": 1, "decoded_token": "?"},
            }
            for token, value in zip(told["tokens"], told["token_logprobs"], strict=True)
        ]
        given = {"prompt_logprobs": places} if wanted else {}
        return {**choice, "text": "x", "logprobs": None, **given}

    def scorer(self, **more: Any) -> ClientScorer:
        config = ModelConfig(model="m", base_url=self.url, api_key=SecretStr("k"), timeout=20)
        model: BaseChatModel = open_score_model(config)
        self.models.append(model)
        more.setdefault("patience", Patience(deadline=5, pause=0.01))
        return ClientScorer(client=ModelClient(model, identity=config.identity, **more))

    async def close(self) -> None:
        for model in self.models:
            await close_score_model(model)

    def stop(self) -> None:
        """Let go of questions that are still out."""
        for writer in self.writers:
            writer.transport.abort()
