"""What can be set about serving, from the environment, a `.env` file, or code."""

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from re2llm.errors import UserError


class ServeSettings(BaseSettings):
    """Settings of the service alone; each can be given as `RE2LLM_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="RE2LLM_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    api_keys: SecretStr = SecretStr("")
    """Bearer keys, `tenant:key` each, joined by commas; `tenant:key:chat` may chat and recommend
    but not review hints, `tenant:key:metrics` read metrics alone (of all tenants; a tenant's own
    staff may where there is no other). Without any, only this machine is served."""
    cors_origins: str = ""
    """Web origins whose pages may call the API, joined by commas; none by default."""
    rate_limit: int = Field(default=1200, ge=1)
    """Requests per minute and key: of all replicas together where they share a Postgres, else of
    each process. A tenth of them, at least 10, may come at once."""
    body_limit: int = Field(default=262_144, ge=1024)
    """Bytes that a request may bring."""
    depth_limit: int = Field(default=32, ge=4)
    """Levels of nesting that a request may have."""
    time_limit: float = Field(default=60.0, gt=0)
    """Seconds until a request that has not begun to answer, or a stream that has not ended, is
    given up."""
    feedback_wait: float = Field(default=20.0, ge=0)
    """Seconds that feedback waits for what came of it before it answers `pending`."""
    lease: float = Field(default=30.0, gt=0)
    """Seconds after which replicas take up the work of one that died."""
    drain: int = Field(default=30, ge=1)
    """Seconds that requests in progress get after SIGTERM."""


def read_serve_settings() -> ServeSettings:
    """Read the settings from the environment.

    Raises:
        UserError: naming the first setting that is wrong.
    """
    try:
        return ServeSettings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise UserError(f"setting RE2LLM_{name.upper()}: {first['msg']}") from None
