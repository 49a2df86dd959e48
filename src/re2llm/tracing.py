"""Which runs of an application are traced: the settings say so, and nobody else.

Off, nothing is sent, whatever the environment says and whoever traces the caller. On, every run is
a trace of its own, sent by our own client: masked, bounded, and never waited for.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from langsmith import Client
from langsmith.run_trees import RunTree
from langsmith.utils import LangSmithUserError

from re2llm.errors import UserError
from re2llm.langsmith_client import langsmith_client, traced, untraced
from re2llm.settings import Settings

T = TypeVar("T")


@contextmanager
def langsmith(settings: Settings) -> Iterator[Client]:
    """Open the client that the settings name.

    Raises:
        UserError: there is no key, or the environment names other places beside the endpoint.
    """
    if settings.langsmith_api_key is None:
        raise UserError(
            "LangSmith needs a key; set LANGSMITH_API_KEY (and LANGSMITH_ENDPOINT where it is not "
            "in LangSmith's cloud), or leave out LANGSMITH_TRACING and --langsmith"
        )
    with ExitStack() as stack:
        try:
            client = stack.enter_context(
                langsmith_client(
                    api_key=settings.langsmith_api_key.get_secret_value(),
                    endpoint=settings.langsmith_endpoint,
                    workspace_id=settings.langsmith_workspace_id,
                )
            )
        except LangSmithUserError as error:
            raise UserError(f"LangSmith's settings do not fit together: {error}") from None
        yield client


@dataclass(frozen=True, slots=True)
class Trace:
    """One run and all that happens inside it.

    Attributes:
        run: the root; None where nothing is traced.
    """

    run: RunTree | None

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let what is asked in the block belong to this trace, or to none."""
        if self.run is None:
            with untraced():
                yield
            return
        with traced(self.run.client, self.run.session_name or "", self.run):
            yield

    async def through(self, stream: AsyncIterator[T]) -> AsyncIterator[T]:
        """Pass on what a stream tells; only the stream's own steps are inside."""
        while True:
            with self.inside():
                try:
                    told = await anext(stream)
                except StopAsyncIteration:
                    return
            yield told

    def tell(self, outputs: Mapping[str, object], tags: Mapping[str, str]) -> None:
        """Say what came of the run; tags are `name:value`, and metadata as well."""
        if self.run is not None:
            self.run.add_outputs(dict(outputs))
            self.run.add_metadata(dict(tags))
            self.run.add_tags([f"{name}:{value}" for name, value in tags.items()])


@dataclass(slots=True)
class Tracing:
    """What an application traces; close it with the application.

    Attributes:
        client: sends; None where the settings say that nothing is.
        project: where traces go.
        about: tags of every trace, by name.
    """

    client: Client | None = None
    project: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def open(cls, settings: Settings, about: Mapping[str, str]) -> "Tracing":
        """Do as the settings say.

        Raises:
            UserError: slates are to be traced, and there is no key.
        """
        if not settings.langsmith_tracing:
            return cls()
        stack = ExitStack()
        client = stack.enter_context(langsmith(settings))
        return cls(client=client, project=settings.langsmith_project, about=about, _stack=stack)

    @contextmanager
    def trace(
        self, name: str, run_id: str, inputs: Mapping[str, object], **about: str | None
    ) -> Iterator[Trace]:
        """Begin a trace, and end it with the block; ask inside `Trace.inside` only.

        Args:
            name: what was done.
            run_id: as hexadecimal digits; where it belongs to a slate, the slate's.
            inputs: what was asked.
            about: further metadata; what is None is left out.
        """
        if self.client is None:
            yield Trace(None)
            return
        told = {key: value for key, value in about.items() if value is not None}
        run = RunTree(
            name=name,
            id=uuid.UUID(run_id),
            inputs=dict(inputs),
            project_name=self.project,
            ls_client=self.client,
            extra={"metadata": {**self.about, **told}},
            tags=[f"{key}:{value}" for key, value in self.about.items()],
            replicas=[],
        )
        run.post()
        try:
            yield Trace(run)
        except BaseException as error:
            run.end(error=repr(error))
            raise
        finally:
            run.patch()

    async def aclose(self) -> None:
        """Send what is left, in bounded time."""
        await asyncio.to_thread(self._stack.close)
