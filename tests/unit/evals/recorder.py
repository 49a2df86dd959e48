"""A LangSmith of sixty lines on loopback, which remembers what it was sent."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NOW = "2026-01-01T00:00:00+00:00"


@dataclass
class Recorder:
    """What came in.

    Attributes:
        requests: method and path of every request.
        runs: run id to its fields, joined from all parts.
        feedback: what scores were sent.
        raw: all bodies, to look for what must not be in them.
        failing: answer everything with status 500.
    """

    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    runs: dict[str, dict[str, object]] = field(default_factory=dict)
    feedback: list[dict[str, object]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    datasets: dict[str, dict[str, object]] = field(default_factory=dict)
    examples: dict[str, dict[str, object]] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    failing: bool = False

    @property
    def names(self) -> list[str]:
        return sorted(str(run["name"]) for run in self.runs.values())

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes, kind: str):  # type: ignore[no-untyped-def]
        if path == "/runs/multipart":
            self._parts(body, kind)
            return 202, {}
        if path == "/datasets" and method == "GET":
            name = query.get("name", [""])[0]
            return 200, [self.datasets[name]] if name in self.datasets else []
        if path == "/datasets":
            sent = json.loads(body)
            made = {
                "id": str(uuid.uuid4()),
                "name": sent["name"],
                "created_at": NOW,
                "modified_at": NOW,
                "metadata": (sent.get("extra") or {}).get("metadata"),
                "tenant_id": str(uuid.uuid4()),
            }
            self.datasets[sent["name"]] = made
            return 200, made
        if path.endswith("/version"):
            return 200, {"as_of": NOW, "tags": list(self.tags)}
        if path.endswith("/tags"):
            self.tags.append(json.loads(body)["tag"])
            return 200, {}
        if path == "/examples/bulk":
            self.examples |= {one["id"]: one for one in json.loads(body)}
            return 200, list(self.examples.values())
        if path == "/examples":
            return 200, [
                {"id": i, "dataset_id": query["dataset"][0], "inputs": {}, "created_at": NOW}
                for i in self.examples
            ]
        if path == "/sessions" and method == "POST":
            sent = json.loads(body)
            return 200, {
                **sent,
                "id": str(sent.get("id") or uuid.uuid4()),
                "tenant_id": str(uuid.uuid4()),
            }
        if path.startswith("/sessions"):
            project = {
                "id": path.split("/")[2] if path != "/sessions" else str(uuid.uuid4()),
                "tenant_id": str(uuid.uuid4()),
                "start_time": NOW,
                "reference_dataset_id": None,
            }
            return 200, [project] if path == "/sessions" else project
        if path == "/feedback":
            self.feedback.append(json.loads(body))
            return 200, {}
        return 200, {}

    def _parts(self, body: bytes, kind: str) -> None:
        message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        for part in message.get_payload():
            name = str(part.get_param("name", header="content-disposition"))  # type: ignore[union-attr]
            value = json.loads(part.get_payload(decode=True))  # type: ignore[union-attr,arg-type]
            operation, _, rest = name.partition(".")
            if operation in ("post", "patch"):
                run_id, _, suffix = rest.partition(".")
                run = self.runs.setdefault(run_id, {})
                run.update({suffix: value} if suffix else value)
            elif operation == "feedback":
                self.feedback.append(value)


@contextmanager
def recorder() -> Iterator[Recorder]:
    record = Recorder()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            with lock:
                record.requests.append((self.command, parts.path))
                record.raw.append(body)
                status, made = (
                    (500, {})
                    if record.failing
                    else record.answer(
                        self.command,
                        parts.path,
                        parse_qs(parts.query),
                        body,
                        self.headers.get("Content-Type", ""),
                    )
                )
            data = json.dumps(made).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    record.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
