"""Which words the model is asked with: files under `prompts/`, checked when loaded."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

_SHOWN = frozenset({"session", "candidates", "extras", "ranking"})
_PLACEHOLDERS: dict[str, frozenset[str]] = {
    "rank": frozenset(),
    "rank_request": frozenset({"session", "candidates", "extras", "instruction"}),
    "rank_all": frozenset({"count"}),
    "rank_best": frozenset({"places"}),
    "rank_reasons": frozenset({"places"}),
    "rank_text": frozenset(),
    "first_token": frozenset(),
    "first_token_request": frozenset(),
    "likelihood": frozenset({"session", "extras"}),
    "likelihood_prior": frozenset(),
    "reflect": frozenset(),
    "reflect_guess": _SHOWN | {"places"},
    "reflect_explain": _SHOWN | {"success", "answer", "place"},
    "reflect_write": _SHOWN | {"success", "answer", "drafts"},
    "reflect_success": frozenset({"session", "lines", "extras", "place"}),
    "same_hint": frozenset(),
    "same_hint_request": frozenset({"first", "second"}),
    "same_hints": frozenset(),
    "same_hints_request": frozenset({"first", "others"}),
    "merge_hints": frozenset(),
    "merge_hints_request": frozenset({"first", "second"}),
}

_LAYOUT = "1"
"""Raised whenever the code that fills the prompts changes what a model sees."""


class PromptInvalid(Exception):
    """A prompt file's placeholders are not those that the code fills; mend the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt file: `$name` marks a placeholder, `$$` a dollar sign."""

    name: str
    text: str

    def fill(self, **values: str | int) -> str:
        """Put values into the placeholders; every one must be given."""
        return Template(self.text).substitute(values)


def parse_prompt(name: str, text: str, placeholders: frozenset[str]) -> Prompt:
    """Check a prompt's text against the placeholders that the code fills.

    Raises:
        PromptInvalid: one is missing, unknown, or a `$` stands alone.
    """
    template = Template(text)
    if not template.is_valid():
        raise PromptInvalid(f"prompt {name!r} holds a stray '$'; write '$$' for a dollar sign")
    found = frozenset(template.get_identifiers())
    if found != placeholders:
        raise PromptInvalid(
            f"prompt {name!r} has the placeholders {sorted(found)}, not {sorted(placeholders)}"
        )
    return Prompt(name=name, text=text.strip())


@cache
def prompt(name: str) -> Prompt:
    """Load a prompt by name.

    Raises:
        PromptInvalid: the name is unknown, or the file does not fit the code.
    """
    if name not in _PLACEHOLDERS:
        raise PromptInvalid(f"no prompt is called {name!r}; there are {sorted(_PLACEHOLDERS)}")
    text = (files("re2llm.llm") / "prompts" / f"{name}.md").read_text("utf-8")
    return parse_prompt(name, text, _PLACEHOLDERS[name])


def prompt_files() -> dict[str, str]:
    """Return every prompt's text by its name."""
    return {name: prompt(name).text for name in sorted(_PLACEHOLDERS)}


def prompt_texts() -> list[str]:
    """Return every prompt's text."""
    return list(prompt_files().values())


@cache
def prompt_version() -> str:
    """Name all prompts by their content: 12 hexadecimal digits that change with any word."""
    digest = hashlib.sha256(_LAYOUT.encode())
    for name in sorted(_PLACEHOLDERS):
        digest.update(f"\0{name}\0{prompt(name).text}".encode())
    return digest.hexdigest()[:12]
