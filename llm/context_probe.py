"""How long a prompt a model takes: as its server says, or found by asking, within bounds."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass

import openai
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from openai import AsyncOpenAI
from openai.types import Model

from re2llm.llm.answer import Options
from re2llm.llm.ask import Asker
from re2llm.llm.errors import ContextTooLong, ModelError
from re2llm.llm.faults import UNREADABLE

_LIMIT = re.compile(
    r"(?:context (?:length|window|size)(?: is| of|:)*|maximum length of|n_ctx\D{0,12})"
    r"\s*\(?(\d{3,8})",
    re.IGNORECASE,
)
_FIELDS = ("max_model_len", "max_context_length", "context_length", "context_window", "n_ctx")
_WORD = "word "
"""One token in the usual vocabularies."""
_LONGEST = 32_768
_SHORTEST = 1_024
_CUT = 0.5
_PATIENCE = 20.0
"""Seconds for all that is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFound:
    """What was found.

    Attributes:
        tokens: the longest prompt with its answer; None where it could not be found, or is longer
            than what was tried.
        how: in words.
    """

    tokens: int | None
    how: str

    @property
    def words(self) -> str:
        """Say it."""
        length = "context unknown" if self.tokens is None else f"context {self.tokens:,} tokens"
        return f"{length} ({self.how})"


async def find_context(
    server: AsyncOpenAI, model_name: str, model: BaseChatModel, *, ask: bool
) -> ContextFound:
    """Find out how many tokens a model's context holds.

    Args:
        server: whose list of models may say it (vLLM, llama.cpp, LM Studio and others do).
        model_name: which of them.
        model: is asked where the list does not say: at most six prompts of up to 32,768 tokens, the
            longest first. A server that refuses names its limit in most cases, and computes
            nothing; one that cuts prompts in silence is found out by the tokens that it counts.
        ask: whether that may be done; providers charge for it.
    """
    told = await _listed(server, model_name)
    if told is not None:
        return ContextFound(tokens=told, how="as the server says")
    if not ask:
        return ContextFound(tokens=None, how="the server does not say")
    try:
        async with asyncio.timeout(_PATIENCE):
            return await _tried(model)
    except TimeoutError:
        return ContextFound(tokens=None, how=f"could not be found within {_PATIENCE:g} s")


async def _listed(server: AsyncOpenAI, model_name: str) -> int | None:
    try:
        models = (await server.models.list()).data or []
    except (openai.OpenAIError, *UNREADABLE):
        return None
    named = [one for one in models if one.id == model_name]
    return next((size for one in named or models[:1] for size in _sizes(one)), None)


def _sizes(model: Model) -> Iterator[int]:
    more = model.model_extra or {}
    meta = more.get("meta")
    for fields in (more, meta if isinstance(meta, dict) else {}):
        for name in _FIELDS:
            size = fields.get(name)
            if isinstance(size, int) and size > 0:
                yield size


async def _tried(model: BaseChatModel) -> ContextFound:
    asker, size = Asker(model), _LONGEST
    while size >= _SHORTEST:
        question = [HumanMessage(_WORD * size)]
        try:
            answer = await asker.ask(question, None, Options(max_tokens=1))
        except ContextTooLong as error:
            named = _LIMIT.search(str(error))
            if named is not None:
                return ContextFound(tokens=int(named[1]), how="as the server says in refusing")
            size //= 2
            continue
        except ModelError as error:
            return ContextFound(tokens=None, how=f"could not be found ({error})")
        counted = answer.usage.input_tokens
        if counted < _CUT * size:
            return ContextFound(tokens=counted, how="longer prompts are cut in silence")
        if size == _LONGEST:
            return ContextFound(tokens=None, how=f"at least {counted:,} tokens")
        return ContextFound(tokens=counted, how="the longest of those tried that was taken")
    return ContextFound(
        tokens=None, how=f"less than {_SHORTEST} tokens, or refused for other reasons"
    )
