"""A chat model whose questions are answered on a Ray cluster, in chunks.

Everything else stays where it is: the driver writes the prompts, keeps cache, journal, rewards and
hints, and reads the answers, so that a run on Ray is the run without it, and goes on where it was.
Workers open the model themselves and take keys from their own environment; none is sent to them.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from pydantic import ConfigDict, PrivateAttr

from re2llm.errors import UserError
from re2llm.llm.errors import ModelError, ModelUnavailable
from re2llm.llm.faults import FAULTS, translate

Question = tuple[list[BaseMessage], list[str] | None, dict[str, Any]]
Reply = ChatResult | ModelError
Maker = Callable[[], BaseChatModel]

_GATHER_S = 0.003
"""Questions that come within this time travel together."""
_CHUNK = 32
_START_S = 120.0
"""A worker imports all of this first: until it has, questions would run out of time on the way."""
_TRIES = 3
"""So many workers at most are asked before a chunk counts as failed."""


class Asker:
    """What runs on a worker: a model, and the questions it is asked."""

    def __init__(self, make: Maker) -> None:
        """Open the model."""
        self.model = make()

    async def ready(self) -> bool:
        """Say that questions can come."""
        return True

    async def ask(self, chunk: Sequence[Question]) -> list[Reply]:
        """Answer each question, or say what went wrong."""
        return list(await asyncio.gather(*(self._one(*question) for question in chunk)))

    async def _one(
        self, messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]
    ) -> Reply:
        try:
            return await self.model._agenerate(messages, stop, None, **options)
        except FAULTS as error:
            return translate(error)


class OnRay(BaseChatModel):
    """Sends its questions to workers.

    Attributes:
        inner: the same model here; says what it is, and is not asked.
        address: of the cluster: `auto`, `local`, or `ray://HOST:PORT`.
        make: opens the model on a worker.
        workers: how many; 0 takes one per processor of the cluster.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    inner: BaseChatModel
    address: str
    make: Maker
    workers: int = 0
    _askers: list[Any] = PrivateAttr(default_factory=list)
    _waiting: list[tuple[Question, asyncio.Future[ChatResult]]] = PrivateAttr(default_factory=list)
    _sending: set[asyncio.Task[None]] = PrivateAttr(default_factory=set)
    _turn: int = PrivateAttr(default=0)
    _ours: bool = PrivateAttr(default=False)

    @property
    def _llm_type(self) -> str:
        return f"{self.inner._llm_type} on Ray"

    @property
    def extra_body(self) -> dict[str, Any] | None:
        """Return the inner model's, where it has one."""
        return self.inner.extra_body  # type: ignore[attr-defined,no-any-return]

    def open(self) -> None:
        """Join the cluster, start the workers, and wait until they can answer.

        Raises:
            UserError: Ray is not installed, or there is no cluster at the address.
        """
        try:
            import ray
        except ModuleNotFoundError:
            raise UserError("RE2LLM_RAY needs Ray; pip install 're2llm[ray]'") from None
        if not ray.is_initialized():
            where = None if self.address == "local" else self.address
            try:
                ray.init(
                    address=where,
                    log_to_driver=False,
                    include_dashboard=False if where is None else None,
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise UserError(
                    f"there is no Ray cluster at {self.address!r} ({error}); set RE2LLM_RAY to "
                    "'local', 'auto' or ray://HOST:10001"
                ) from None
            self._ours = True
        n = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        remote = ray.remote(num_cpus=1, max_restarts=-1)(Asker)
        self._askers = [remote.remote(self.make) for _ in range(n)]
        ray.wait([one.ready.remote() for one in self._askers], num_returns=n, timeout=_START_S)

    def close(self) -> None:
        """Let the workers go, and the cluster where this process began it."""
        import ray

        for asker in self._askers:
            ray.kill(asker)
        self._askers = []
        if self._ours and ray.is_initialized():
            ray.shutdown()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self.inner._generate(messages, stop, run_manager, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[ChatResult] = loop.create_future()
        self._waiting.append(((messages, stop, kwargs), reply))
        if len(self._waiting) == 1:
            loop.call_later(_GATHER_S, self._send)
        return await reply

    def _send(self) -> None:
        """Cut what waits into chunks, one per worker at least, and send them."""
        waiting, self._waiting = self._waiting, []
        size = max(1, min(_CHUNK, -(-len(waiting) // max(1, len(self._askers)))))
        for start in range(0, len(waiting), size):
            task = asyncio.ensure_future(self._deliver(waiting[start : start + size]))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _deliver(self, some: list[tuple[Question, asyncio.Future[ChatResult]]]) -> None:
        replies = await self._answered([question for question, _ in some])
        for (_, waiting), reply in zip(some, replies, strict=True):
            if waiting.done():  # whoever asked has given up
                continue
            if isinstance(reply, ModelError):
                waiting.set_exception(reply)
            else:
                waiting.set_result(reply)

    async def _answered(self, chunk: list[Question]) -> Sequence[Reply]:
        """Ask a worker, and another one where it died on the way."""
        from ray.exceptions import RayError

        said = ""
        for _ in range(_TRIES):
            asker = self._askers[self._turn % len(self._askers)]
            self._turn += 1
            try:
                replies: Sequence[Reply] = await asker.ask.remote(chunk)
            except RayError as error:
                said = type(error).__name__
            else:
                return replies
        return [ModelUnavailable(f"no Ray worker answered ({said})") for _ in chunk]
