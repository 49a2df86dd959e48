"""Which chat model is asked, and how its client is made."""

from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from re2llm.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A model at a server that speaks OpenAI's protocol.

    Attributes:
        model: its name at the server.
        base_url: where the server listens; None means OpenAI.
        api_key: never logged, traced or cached; servers at a `base_url` often want none.
        temperature: None leaves it to the server (some models accept only their own).
        seed: for servers that can repeat themselves.
        timeout: seconds for one attempt, as a last resort; deadlines are kept by `ModelClient`.
        max_tokens: the longest answer; None leaves it to the server.
        old_token_limit: whether the server knows the limit only as `max_tokens` (Ollama).
    """

    model: str
    base_url: str | None = None
    api_key: SecretStr | None = None
    temperature: float | None = 0.0
    seed: int | None = None
    timeout: float = 60.0
    max_tokens: int | None = None
    old_token_limit: bool = False

    @property
    def identity(self) -> str:
        """Name all that can change an answer; the key and the time-out cannot."""
        parts = (self.model, self.base_url, self.temperature, self.seed, self.max_tokens)
        return "|".join("" if part is None else str(part) for part in parts)


def open_chat_model(config: ModelConfig) -> BaseChatModel:
    """Make the client; it retries nothing by itself.

    Raises:
        UserError: OpenAI itself is asked without a key.
    """
    from openai import DefaultAioHttpClient

    from re2llm.llm.lean_chat import LeanChatOpenAI

    key = config.api_key
    if key is None or not key.get_secret_value():
        if config.base_url is None:
            raise UserError(
                f"model {config.model!r} at OpenAI needs a key; set RE2LLM_API_KEY, or "
                "RE2LLM_BASE_URL for a server of your own"
            )
        key = SecretStr("none")
    old = {"max_tokens": config.max_tokens} if config.old_token_limit else None
    return LeanChatOpenAI(
        model=config.model,
        base_url=config.base_url,
        api_key=key,
        temperature=config.temperature,
        seed=config.seed,
        timeout=config.timeout,
        max_retries=0,
        max_completion_tokens=None if config.old_token_limit else config.max_tokens,
        extra_body=old if config.max_tokens is not None else None,
        use_responses_api=False,
        http_async_client=DefaultAioHttpClient(),
    )


async def close_chat_model(model: BaseChatModel) -> None:
    """Close a client's connections; call it in the event loop that used them."""
    from langchain_openai import ChatOpenAI

    if isinstance(model, ChatOpenAI):
        await model.root_async_client.close()
