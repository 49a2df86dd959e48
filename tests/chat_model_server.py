"""A server on loopback that speaks OpenAI's protocol and reads messages as a script tells it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[[str], str]
"""From the shopper's message to the answer's text."""
Act = Callable[[list[dict[str, Any]]], dict[str, Any]]


@dataclass
class ChatModelServer:
    """Answers questions about messages by `reply`, all others with nothing usable."""

    reply: Reply = lambda message: "{}"
    act: Act | None = None
    """Answers where tools may be called, from the messages to the answer's fields."""
    delay: float = 0.0
    status: int = 200
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.act is not None and body.get("tools"):
            self.asked.append(body)
            return self.act(body["messages"])
        prompt = str(body["messages"][-1]["content"])
        if "<message>" not in prompt:
            return {"content": "no order"}
        self.asked.append(body)
        time.sleep(self.delay)
        said = prompt.split("<message>", 1)[1].rsplit("</message>", 1)[0]
        return {"content": self.reply(said)}


def calls(tool: str, **arguments: object) -> dict[str, Any]:
    """Write a call of a tool as a model would."""
    call = {"name": tool, "arguments": json.dumps(arguments)}
    return {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": call}]}


def reads(**fields: object) -> str:
    """Write a reading as a model would."""
    return json.dumps({"act": "wish", **fields})


@contextmanager
def chat_model_server() -> Iterator[ChatModelServer]:
    """Serve until the end."""
    script = ChatModelServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message = {"role": "assistant", **script.answer(body)}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            usage = {"prompt_tokens": 90, "completion_tokens": 9, "total_tokens": 99}
            told = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
            sent = json.dumps({**told, "choices": [choice], "usage": usage}).encode()
            try:
                self.send_response(script.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)
            except (BrokenPipeError, ConnectionResetError):
                return  # whoever asked has given up

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
