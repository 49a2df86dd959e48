"""Settings from the environment."""

import pytest
from pydantic import SecretStr

from re2llm.errors import UserError
from re2llm.service.keys import read_keys
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


@pytest.mark.parametrize("name", ["x" * 65, " ", "acme ", "ac\nme", "ac\u200bme"])
def test_names_of_tenants_that_look_like_others_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"'tenant' .*: a tenant's name has"):
        read_settings(tenant=name)
    with pytest.raises(UserError, match=r"RE2LLM_API_KEYS: .*a tenant's name has"):
        read_keys(f"other:0123456789abcdef,a{name}:fedcba9876543210")


@pytest.mark.parametrize("name", ["acme", "../x", "ünïcode 店", "' OR 1=1 --", '{"$ne": null}'])
def test_a_tenant_may_be_called_anything_that_can_be_seen(name: str) -> None:
    assert read_settings(tenant=name).tenant == name
