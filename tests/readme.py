"""The README's examples, as they stand in it."""

import re
from pathlib import Path

README = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
REMOTE = "get_client"
"""Marks the example that needs a LangGraph server."""
