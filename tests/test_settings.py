"""Settings from the environment."""

import pytest
from pydantic import SecretStr

from re2llm.settings import SECRETS, Settings, read_settings


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL", "BASE_URL", "API_KEY", "MAX_CALLS", "WORKSPACE"):
        monkeypatch.setenv(f"RE2LLM_{name}", "")
    assert read_settings() == Settings(_env_file=None)  # type: ignore[call-arg]


def test_no_key_is_among_what_may_leave_the_process() -> None:
    keys = dict.fromkeys(("api_key", "embeddings_key", "langsmith_api_key"), "sk-of-mine")
    given = read_settings(**keys, database_url="postgres://me:sk-of-mine@db/shop")
    kept = {name for name in Settings.model_fields if "sk-of-mine" in _clear(given, name)}
    assert kept == {*keys, "database_url"} <= SECRETS
    assert "sk-of-mine" not in given.model_dump_json(exclude=SECRETS)


def _clear(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
