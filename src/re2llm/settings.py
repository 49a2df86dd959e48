"""What a shop can set, from the environment, a `.env` file, or code."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from re2llm.errors import UserError
from re2llm.tenants import tenant_fault

STAND_IN = "stand-in"
LEXICAL, MINILM = "lexical", "minilm"
Way = Literal["listwise", "first-token", "windows", "passes", "likelihood"]
"""How the model is asked for an order."""


def _tenant(name: str) -> str:
    if fault := tenant_fault(name):
        raise PydanticCustomError(
            "tenant", "{fault}; given {name}", {"fault": fault, "name": repr(name)[:80]}
        )
    return name


class Settings(BaseSettings):
    """All settings; each can be given as `RE2LLM_<NAME>` in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="RE2LLM_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    workspace: Path = Path("shop")
    """The folder with all of a shop's data; nothing is written elsewhere."""

    tenant: Annotated[str, AfterValidator(_tenant)] = "default"
    """Whose hints and policy are used."""

    model: str = STAND_IN
    """Name of the model at the server; `stand-in` answers offline, without a language model."""
    base_url: str | None = None
    """Where an OpenAI-compatible server listens; None means OpenAI."""
    api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("RE2LLM_API_KEY", "OPENAI_API_KEY")
    )
    """Never logged, traced or cached."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    way: Way = "listwise"
    """`listwise` asks once for all labels, `first-token` for one token's probabilities, `windows`
    slides over long lists, `passes` asks for several shuffled lists and joins them, `likelihood`
    reads how likely each title is, from servers that give prompts back with log-probabilities."""
    places: int | None = Field(default=None, ge=1)
    """How many candidates the model is asked to name where it writes labels, best first; None means
    all. Fewer cost fewer tokens; those that it does not name keep retrieval's order."""
    timeout: float = Field(default=30.0, gt=0)
    """Seconds that one slate may take, retries included."""
    concurrency: int = Field(default=8, ge=1, le=1024)
    """How many model calls run side by side in exploration, training and evaluation."""
    max_calls: int | None = Field(default=None, ge=0)
    """Model calls that one process may pay for; None means no limit."""
    max_cost: float | None = Field(default=None, ge=0)
    """Money that one process may spend, in the price table's currency."""
    prices: Path | None = None
    """A price table of your own, in the form of `re2llm/llm/prices.json`."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Requests that one process sends in a minute; a slate that would have to wait longer than its
    time for its turn is served without the model."""
    tokens_per_minute: float | None = Field(default=None, gt=0)
    """The same for tokens, in and out."""

    encoder: str = Field(default=LEXICAL, min_length=1)
    """What makes vectors of items' texts and of wishes: `lexical` learns them from the catalogue,
    `minilm` is a small language model (extra `minilm`); anything else names a model at
    `embeddings_url`. A workspace keeps to the one it was made with."""
    embeddings_url: str | None = None
    """Where a server with OpenAI's embeddings listens; None means OpenAI."""
    embeddings_key: SecretStr | None = None
    """Its key, never logged, traced or kept; the key of the language model is not sent there."""

    k: int = Field(default=10, ge=1, le=1000)
    """How many places of a slate are shown; an item taken from below them is an error."""
    candidates: int = Field(default=50, ge=1, le=500)
    """How many candidates the model sees."""
    chat_understanding: Literal["auto", "rules", "model"] = "auto"
    """What reads a shopper's message in a conversation: the rules, or the model, checked by the
    rules, which take over where it fails. `auto` asks the model where one is set; a call a turn."""
    reasons: bool = False
    """Whether the model gives a reason per shown item."""
    exclude_seen: bool = True
    """Whether retrieval leaves out the session's own items."""
    reward: Literal["slate", "model"] = "model"
    """What hints are tried and learnt by: what they do to the model's own order, which tells more
    per call, or to the slate as served. A policy may serve only if the slate gains, either way."""
    calls_per_slate: int = Field(default=1, ge=1, le=8)
    """How often the model may be asked for one slate: under several hints and under none, the
    orders mixed. Train anew after a change, so that the weights of the mix are learnt."""
    tally: float = Field(default=0.1, ge=0, le=1)
    """Share of slates, of those with a hint and with feedback, for which the model is asked once
    more without the hint, to count whether the hint helped or hurt."""
    shadow_tally: float = Field(default=0.05, ge=0, le=1)
    """Share of slates, of those without a hint and with feedback, for which the model is asked once
    more with a shadow, to count whether it would have helped or hurt; it is not shown."""
    hint_limit: int = Field(default=256, ge=1)
    """How many active hints, nearest to the session, the policy chooses from."""
    exploration: float = Field(default=0.0, ge=0, lt=1)
    """Share of served sessions in which the policy tries a hint at random, mixed into its
    propensities."""

    langsmith_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "RE2LLM_LANGSMITH_API_KEY", "LANGSMITH_API_KEY", "LANGCHAIN_API_KEY"
        ),
    )
    """For `evaluate --langsmith`, `send-feedback` and traces; never in any of them."""
    langsmith_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "RE2LLM_LANGSMITH_ENDPOINT", "LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"
        ),
    )
    """Where LangSmith is, if not in its cloud."""
    langsmith_workspace_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("RE2LLM_LANGSMITH_WORKSPACE_ID", "LANGSMITH_WORKSPACE_ID"),
    )
    """For keys that belong to an organisation."""
    langsmith_project: str = Field(
        default="re2llm",
        validation_alias=AliasChoices(
            "RE2LLM_LANGSMITH_PROJECT", "LANGSMITH_PROJECT", "LANGCHAIN_PROJECT"
        ),
    )
    """Where traces of served slates go."""
    langsmith_tracing: bool = Field(
        default=False,
        validation_alias=AliasChoices(
            "RE2LLM_LANGSMITH_TRACING",
            *("LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2"),
            *("LANGSMITH_TRACING", "LANGCHAIN_TRACING"),
        ),
    )
    """Whether served slates, feedback and chat are traced: masked, and never waited for. Off,
    nothing is, whoever traces around it."""

    ray: str | None = None
    """A Ray cluster whose workers ask the model in exploration, training and evaluation: `local`,
    `auto` or `ray://HOST:10001`; records stay with this process. None asks from here."""
    chroma_url: str | None = None
    """A Chroma server; None keeps Chroma in the workspace, for one process."""
    database_url: SecretStr | None = None
    """A Postgres for all records (hints' audit log, slates, feedback, rewards, answers), one per
    shop; None keeps them in SQLite files in the workspace."""
    database_connections: int = Field(default=8, ge=2, le=100)
    """Connections to Postgres that one process holds at most for its records; four more are for
    slates and conversations. All replicas together must stay below Postgres' `max_connections`."""
    checkpoints: bool = True
    """Whether slates wait for feedback in a checkpoint, in the workspace or in Postgres."""
    reflections_per_hour: int = Field(default=60, ge=0)
    """How many reflections all feedback of a tenant may cost; the rest is postponed."""
    reflections_per_source: int = Field(default=6, ge=0)
    """The same for what one source says."""
    max_hints: int = Field(default=0, ge=0)
    """Active hints that the service keeps per tenant at most; those that help least go first. 0
    means all."""
    hint_days: float = Field(default=180.0, ge=0)
    """Days after which the service retires a hint that nobody was shown; 0 means never."""
    seed: int = Field(default=0, ge=0)

    @property
    def database(self) -> str | None:
        """Return the Postgres URL in clear; never to be shown."""
        return self.database_url.get_secret_value() if self.database_url else None

    @property
    def shared(self) -> bool:
        """Say whether other processes may work on the same records."""
        return self.database_url is not None or self.chroma_url is not None

    @property
    def asked(self) -> str:
        """Name the way of asking by all that changes its answers."""
        return self.way if self.places is None else f"{self.way}, best {self.places}"

    @property
    def offline(self) -> bool:
        """Say whether the stand-in answers."""
        return self.model == STAND_IN

    @property
    def model_label(self) -> str:
        """Name what answers, honestly."""
        return "offline stand-in, not a language model" if self.offline else self.model


SECRETS = {
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
}
"""Settings that leave this process in no way."""


def read_settings(**given: object) -> Settings:
    """Build the settings; arguments that are not None go before the environment.

    Raises:
        UserError: naming the first setting that is wrong.
    """
    try:
        present = {name: value for name, value in given.items() if value is not None}
        return Settings(**present)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise UserError(f"setting {name!r} (RE2LLM_{name.upper()}): {first['msg']}") from None
