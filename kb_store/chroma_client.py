"""How Chroma is reached: embedded in a folder, or a server by URL."""

from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import chromadb
import httpx
from chromadb.api.client import Client
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings
from chromadb.errors import ChromaError

from re2llm.errors import UserError
from re2llm.kb_store.errors import IndexUnavailable

_PATIENCE = 5.0
"""Seconds to wait for a Chroma server; its client would wait for ever."""


def open_client(path: Path, url: str | None) -> Client:
    """Open the server at the URL, or the folder where there is none.

    Raises:
        UserError: not a URL of a server.
        IndexUnavailable: the server does not answer, or the folder is damaged.
    """
    settings = Settings(anonymized_telemetry=False)
    if url is None:
        try:
            return cast(Client, chromadb.PersistentClient(str(path), settings=settings))
        except (ChromaError, OSError) as error:
            # Chroma remembers what it could not start, and would hand it out at the next try.
            SharedSystemClient._identifier_to_system.pop(str(path), None)
            raise IndexUnavailable(f"the index in {str(path)!r} is damaged ({error})") from error
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UserError(
            f"{url!r} is not the URL of a Chroma server; write it as 'http://127.0.0.1:8000'"
        )
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 8000)
    try:
        client = cast(
            Client,
            chromadb.HttpClient(host=parts.hostname, port=port, ssl=secure, settings=settings),
        )
    except ValueError as error:  # Chroma raises it where nobody answers.
        raise IndexUnavailable(str(error)) from error
    for session in _sessions(client):
        session.timeout = httpx.Timeout(_PATIENCE)
    return client


def close_client(client: Client) -> None:
    """Close the client and its connections, which Chroma itself leaves open."""
    sessions = _sessions(client)
    client.close()
    for session in sessions:
        session.close()


def _sessions(client: Client) -> list[httpx.Client]:
    # A client to a server holds a second one, which looked for the tenant and the database.
    holders = (client, getattr(client, "_admin_client", None))
    found = [getattr(getattr(holder, "_server", None), "_session", None) for holder in holders]
    return [session for session in found if isinstance(session, httpx.Client)]
