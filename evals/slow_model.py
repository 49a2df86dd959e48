"""A model server on loopback that takes a given time, so that what is left is our own.

It speaks OpenAI's protocol and answers with the candidates' labels in the order it was given them.
Run `python -m re2llm.evals.slow_model --port 9000 --seconds 0.2`.
"""

import argparse
import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LABEL = re.compile(r"\b[A-Z]{1,2}[1-9]\b")


@asynccontextmanager
async def slow_model(port: int, seconds: float) -> AsyncIterator[None]:
    """Serve on loopback until the end; each answer takes so many seconds."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].split("\r\n", 1)[0] or 0)
                body = json.loads(await reader.readexactly(length) or b"{}")
                await asyncio.sleep(seconds)
                told = _answer(body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    + f"Content-Length: {len(told)}\r\n\r\n".encode()
                    + told
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=1024)
    async with server:
        yield


def _answer(body: dict[str, object]) -> bytes:
    messages = body.get("messages")
    prompt = str(messages[-1].get("content")) if isinstance(messages, list) and messages else ""
    order = ", ".join(dict.fromkeys(_LABEL.findall(prompt)))
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": order},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": 60, "total_tokens": 60}
    whole = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "slow",
        "choices": [choice],
        "usage": usage,
    }
    return json.dumps(whole).encode()


def serve(port: int, seconds: float) -> None:
    """Serve until killed."""

    async def run() -> None:
        async with slow_model(port, seconds):
            await asyncio.Event().wait()

    asyncio.run(run())


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.2)
    chosen = parser.parse_args()
    serve(chosen.port, chosen.seconds)


if __name__ == "__main__":
    main()
