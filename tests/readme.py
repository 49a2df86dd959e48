"""The examples of the README and of docs/embedding.md, as they stand there."""

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
PAGES = [(_ROOT / page).read_text("utf-8") for page in ("README.md", "docs/embedding.md")]
EXAMPLES = [one for page in PAGES for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
REMOTE = "get_client"
"""Marks the example that needs a LangGraph server."""
