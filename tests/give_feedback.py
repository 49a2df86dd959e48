"""A process of its own that resumes a waiting slate: workspace, slate id, item id."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from shop_settings import settings_for

from re2llm.graph.app import Re2LLM


async def main(root: str, slate_id: str, chosen: str) -> None:
    """Give the feedback and print what came of it."""
    async with await Re2LLM.open(settings_for(Path(root))) as app:
        outcome = await app.feedback(slate_id, chosen=chosen)
    sys.stdout.write(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
