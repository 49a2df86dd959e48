"""Which model the settings name, and what is refused before anything is asked."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel

from re2llm.errors import UserError
from re2llm.event_loop import run_quickly
from re2llm.llm.model import ModelConfig, close_chat_model, open_chat_model
from re2llm.llm.probe import Probe
from re2llm.llm.score_model import ScoreModel, close_score_model, open_score_model
from re2llm.llm.standin.model import IDENTITY as STAND_IN_IDENTITY
from re2llm.llm.standin.model import StandInModel
from re2llm.settings import SECRETS, Settings

T = TypeVar("T")


def open_model(settings: Settings, chat_model: BaseChatModel | None) -> tuple[BaseChatModel, str]:
    """Make the chat model that the settings name, with the name that its answers are kept under.

    Raises:
        UserError: OpenAI itself is asked without a key.
    """
    if chat_model is not None:
        name = getattr(chat_model, "model_name", None) or type(chat_model).__name__
        return chat_model, str(name)
    config = None if settings.offline else model_config(settings)
    model = StandInModel() if config is None else open_chat_model(config)
    identity = STAND_IN_IDENTITY if config is None else config.identity
    if settings.ray:
        model = _on_ray(model, settings)
    return model, identity


def _on_ray(model: BaseChatModel, settings: Settings) -> BaseChatModel:
    """Let the cluster's workers answer in place of a model here; keys are the workers' own."""
    from re2llm.llm.ray_model import OnRay

    given = settings.model_dump(exclude=SECRETS | {"ray"})

    def make() -> BaseChatModel:
        return open_model(Settings(**given), None)[0]

    made = OnRay(inner=model, address=str(settings.ray), make=make)
    made.open()
    return made


def open_scores(
    settings: Settings, chat_model: BaseChatModel | None, known: Probe | None
) -> BaseChatModel:
    """Make the client that asks how likely titles are.

    Raises:
        UserError: nothing that is configured can tell, as far as is known.
    """
    if chat_model is not None or settings.offline or settings.base_url is None:
        raise UserError(
            "setting 'way' (RE2LLM_WAY) is 'likelihood', which needs a server that gives prompts "
            "back with log-probabilities; set RE2LLM_MODEL and RE2LLM_BASE_URL, or another way"
        )
    if known is not None and known.echo is False:
        raise UserError(
            f"{settings.model!r} at {settings.base_url} gives no log-probabilities of prompts, "
            "which way 'likelihood' needs; set RE2LLM_WAY to another, or run `re2llm doctor` anew"
        )
    return open_score_model(model_config(settings))


def require_token_probabilities(settings: Settings, known: Probe | None) -> None:
    """Refuse to read orders off token probabilities where a server was found to give none.

    Raises:
        UserError: it was found so.
    """
    if known is not None and known.logprobs is False:
        raise UserError(
            f"{settings.model!r} at {settings.base_url or 'OpenAI'} gives no probabilities of "
            "tokens, which way 'first-token' needs; set RE2LLM_WAY to another, or run `re2llm "
            "doctor` anew"
        )


def model_config(settings: Settings) -> ModelConfig:
    """Return which model is asked, and how."""
    return ModelConfig(
        model=settings.model,
        base_url=settings.base_url,
        api_key=settings.api_key,
        temperature=settings.temperature,
        seed=settings.seed,
        timeout=settings.timeout,
    )


async def close_models(models: Sequence[BaseChatModel]) -> None:
    """Close clients' connections, in the event loop that used them."""
    for model in models:
        if isinstance(model, ScoreModel):
            await close_score_model(model)
        elif getattr(model, "_llm_type", "").endswith(" on Ray"):
            await asyncio.to_thread(model.close)  # type: ignore[attr-defined]
        else:
            await close_chat_model(model)


def run_with(models: Sequence[BaseChatModel], work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in an event loop of its own, then close the clients that it asked with."""

    async def whole() -> T:
        try:
            return await work
        finally:
            await close_models(models)

    return run_quickly(whole())
