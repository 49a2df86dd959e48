"""How a hint is written as JSON, in the audit log and in exchange files."""

import json
from dataclasses import asdict

from pydantic import TypeAdapter

from re2llm.kb_store.hint import Hint

_HINT = TypeAdapter(Hint)


def dump(hint: Hint) -> str:
    """Write a hint as one line of JSON.

    Raises:
        ValueError: a number is not finite, or the text is not valid Unicode: such a hint could not
            be read back.
    """
    text = json.dumps(asdict(hint), ensure_ascii=False, allow_nan=False, sort_keys=True)
    text.encode("utf-8")
    return text


def load(text: str) -> Hint:
    """Read a hint back.

    Raises:
        ValueError: not JSON, or not a hint (pydantic says which field and why).
    """
    return _HINT.validate_json(text)
