"""How likely the tokens of many prompts are, computed in one go over what they share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import llama_cpp
import numpy as np
from llama_cpp import Llama
from llama_cpp._internals import LlamaBatch, LlamaContext
from numpy.typing import NDArray

from re2llm.llm.local.protocol import Read

_AT_ONCE = 64
"""Prompts that one computation holds beside each other."""
_BATCH = 512
"""Tokens that one computation holds."""

Row = NDArray[np.float32]


class PromptTooLong(ValueError):
    """A prompt has more tokens than the context."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One token to compute, and whose probability after it is wanted (-1: nobody's)."""

    token: int
    position: int
    sequence: int
    wanted: int


class PromptReader:
    """Reads prompts with a model that is loaded already, in a context of its own.

    What all prompts of a question begin with is computed once, and not at all where the question
    before began so, too. Not for several threads.
    """

    def __init__(self, llama: Llama, *, context: int) -> None:
        """Make the context; the weights are shared.

        Args:
            llama: the loaded model.
            context: the longest prompt in tokens; room for all prompts of a question beside it.
        """
        self._llama = llama
        self._context = context
        params = type(llama.context_params).from_buffer_copy(llama.context_params)
        params.n_ctx = context
        params.n_batch = params.n_ubatch = _BATCH
        params.n_seq_max = _AT_ONCE + 1
        params.kv_unified = True
        self._ctx = LlamaContext(model=llama._model, params=params, verbose=False)
        self._batch = LlamaBatch(n_tokens=_BATCH, embd=0, n_seq_max=1, verbose=False)
        self._vocabulary: int = llama.n_vocab()
        self._kept: list[int] = []
        self._kept_logprobs: list[float | None] = []

    def read(self, prompts: Sequence[str]) -> list[Read]:
        """Return every prompt's tokens with their log-probabilities.

        Raises:
            PromptTooLong: one does not fit the context.
        """
        cut = [self._tokens(prompt) for prompt in prompts]
        longest = max(map(len, cut), default=0)
        if longest > self._context:
            raise PromptTooLong(
                f"Requested tokens ({longest}) exceed context window of {self._context}"
            )
        found: list[Read] = []
        for group in self._groups(cut):
            found += self._read(group)
        return found

    def _tokens(self, prompt: str) -> list[int]:
        tokens: list[int] = self._llama.tokenize(prompt.encode(), special=False)
        return tokens

    def _groups(self, cut: Sequence[list[int]]) -> Iterator[list[list[int]]]:
        """Yield as many prompts at a time as fit."""
        group: list[list[int]] = []
        for tokens in cut:
            together = [*group, tokens]
            shared = _common(together)
            needed = shared + sum(len(one) - shared for one in together)
            if group and (needed > self._context or len(together) > _AT_ONCE):
                yield group
                group = []
            group = [*group, tokens]
        if group:
            yield group

    def _read(self, group: Sequence[list[int]]) -> list[Read]:
        shared = _common(group)
        start = self._keep(group[0][:shared])
        kept, last = self._prefix(group[0][:shared], start)
        for sequence in range(1, len(group) + 1):
            self._ctx.kv_cache_seq_cp(0, sequence, 0, shared)
        steps = [
            _Step(token, position, sequence, tokens[position + 1])
            for sequence, tokens in enumerate(group, 1)
            for position, token in enumerate(tokens[shared:-1], shared)
        ]
        values = iter(
            [float(v) for rows, part in self._compute(steps) for v in _picked(rows, part)]
        )
        found = []
        for tokens in group:
            first = [float(last[tokens[shared]])] if len(tokens) > shared and shared else []
            rest = [next(values) for _ in tokens[shared:-1]]
            begin: list[float | None] = [None] if not shared and tokens else []
            logprobs = (*kept, *begin, *first, *rest)
            found.append(Read(tokens=self._texts(tokens), logprobs=logprobs, shared=shared))
        for sequence in range(1, len(group) + 1):
            llama_cpp.llama_memory_seq_rm(self._ctx.memory, sequence, -1, -1)
        return found

    def _keep(self, prefix: list[int]) -> int:
        """Drop what the last question left beyond this prefix; return where to go on from.

        The last token in common is computed again, for what is likely after it.
        """
        start = max(_common([self._kept, prefix]) - 1, 0)
        llama_cpp.llama_memory_seq_rm(self._ctx.memory, 0, start, -1)
        return start

    def _prefix(self, prefix: list[int], start: int) -> tuple[list[float | None], Row]:
        """Compute the prefix from a position on; return its log-probabilities and the last row."""
        logprobs: list[float | None] = [*self._kept_logprobs[: start + 1]]
        if prefix and not logprobs:
            logprobs = [None]
        steps = [
            _Step(token, position, 0, prefix[position + 1] if position + 1 < len(prefix) else -1)
            for position, token in enumerate(prefix[start:], start)
        ]
        last = np.zeros(0, dtype=np.float32)
        for rows, part in self._compute(steps):
            logprobs += [
                float(value)
                for value, step in zip(_picked(rows, part), part, strict=True)
                if step.wanted >= 0
            ]
            last = rows[-1] - _log_sum(rows[-1:])[0]
        self._kept, self._kept_logprobs = prefix, logprobs[: len(prefix)]
        return self._kept_logprobs, last

    def _compute(self, steps: Sequence[_Step]) -> Iterator[tuple[Row, Sequence[_Step]]]:
        """Yield (steps, vocabulary) logits, valid until the next are asked for."""
        for begin in range(0, len(steps), _BATCH):
            part = steps[begin : begin + _BATCH]
            batch = self._batch.batch
            batch.n_tokens = len(part)
            for place, step in enumerate(part):
                batch.token[place] = step.token
                batch.pos[place] = step.position
                batch.n_seq_id[place] = 1
                batch.seq_id[place][0] = step.sequence
                batch.logits[place] = True
            self._ctx.decode(self._batch)
            flat = np.ctypeslib.as_array(
                self._ctx.get_logits(), shape=(len(part) * self._vocabulary,)
            )
            yield flat.reshape(len(part), self._vocabulary), part

    def _texts(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Return the tokens' texts; a character that several make up belongs to the last."""
        texts, waiting = [], b""
        for token in tokens:
            waiting += self._llama.detokenize([token], special=True)
            try:
                text, waiting = waiting.decode(), b""
            except UnicodeDecodeError:
                text = ""
            texts.append(text)
        return tuple(texts)


def _common(many: Sequence[Sequence[int]]) -> int:
    """Return how many leading tokens all have in common."""
    if not many:
        return 0
    first, shortest = many[0], min(map(len, many))
    for place in range(shortest):
        if any(tokens[place] != first[place] for tokens in many):
            return place
    return shortest


def _log_sum(rows: Row) -> Row:
    highest = rows.max(axis=1)
    sums = np.exp(rows - highest[:, None]).sum(axis=1)
    return np.asarray(highest + np.log(sums), dtype=np.float32)


def _picked(rows: Row, steps: Sequence[_Step]) -> Row:
    """Return (steps,) the log-probability of what is wanted after each."""
    wanted = np.array([step.wanted for step in steps])
    return np.asarray(rows[np.arange(len(steps)), wanted] - _log_sum(rows))
