"""How a question's bytes reach the server: as OpenAI's client sends them, made up once."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI


class Wire:
    """Posts JSON to one address through OpenAI's client, over its connections.

    That client works out address and headers anew for every request, which takes it twice as long
    as sending them. They are the same each time: here only the first request goes all the way, and
    later ones are copies of it with other bodies. Errors are those that OpenAI's client raises.
    """

    def __init__(self, client: AsyncOpenAI, http: httpx2.AsyncClient, path: str) -> None:
        """Send nothing yet.

        Args:
            client: it must neither retry nor have keys that change.
            http: what the client sends through.
            path: below the client's address.
        """
        self._client = client
        self._http = http
        self._path = path
        self._like: httpx2.Request | None = None

    async def post(self, body: Mapping[str, object]) -> dict[str, Any]:
        """Return what the server answered.

        Raises:
            openai.OpenAIError: as from OpenAI's client.
            ValueError: the answer is no JSON object.
        """
        if self._like is None:
            answer = await self._client.post(self._path, cast_to=httpx2.Response, body=body)
            if not answer.history:
                self._like = _template(answer.request)
            return _json(answer)
        request = httpx2.Request(
            self._like.method,
            self._like.url,
            headers=self._like.headers,
            cookies=self._http.cookies,
            content=json.dumps(body, separators=(",", ":")).encode(),
            extensions=dict(self._like.extensions),
        )
        try:
            answer = await self._http.send(request)
        except httpx2.TimeoutException as error:
            raise APITimeoutError(request=request) from error
        except httpx2.RequestError as error:
            raise APIConnectionError(request=request) from error
        if not answer.is_success:
            raise self._client._make_status_error_from_response(answer)
        return _json(answer)


def _json(answer: httpx2.Response) -> dict[str, Any]:
    """Return the body; raises `ValueError` where it is no JSON object."""
    body = answer.json()
    if not isinstance(body, dict):
        raise ValueError(f"an answer of type {type(body).__name__}, not an object")
    return body


def _template(sent: httpx2.Request) -> httpx2.Request:
    """Return a request without what changes from one to the next."""
    timeout = {name: value for name, value in sent.extensions.items() if name == "timeout"}
    like = httpx2.Request(sent.method, sent.url, headers=sent.headers, extensions=timeout)
    for name in ("content-length", "cookie"):
        like.headers.pop(name, None)
    return like
