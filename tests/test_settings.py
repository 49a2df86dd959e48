"""Settings from the environment."""

import pytest

from re2llm.settings import Settings, read_settings


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL", "BASE_URL", "API_KEY", "MAX_CALLS", "WORKSPACE"):
        monkeypatch.setenv(f"RE2LLM_{name}", "")
    assert read_settings() == Settings(_env_file=None)  # type: ignore[call-arg]
