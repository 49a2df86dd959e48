"""How likely the end of a prompt is, out of what a completions server told of all its tokens."""

from collections.abc import Sequence

from openai.types import CompletionChoice


def tail(choice: CompletionChoice, start: int, end: int) -> tuple[float, int]:
    """Return the summed log-probability and the number of the tokens between two characters.

    A token that reaches over `start` belongs to the tail; what the server wrote after `end`, if
    anything, does not.

    Raises:
        ValueError: the server gave no log-probabilities of the prompt.
    """
    given = choice.logprobs
    if given is None or not given.text_offset or not given.token_logprobs or not given.tokens:
        raise ValueError("the server gives no log-probabilities of prompts")
    offsets = [offset - given.text_offset[0] for offset in given.text_offset]
    ends = [*offsets[1:], offsets[-1] + len(given.tokens[-1])]
    values = [
        value
        for value, first, last in zip(given.token_logprobs, offsets, ends, strict=True)
        if last > start and first < end
    ]
    known = [value for value in values if value is not None]
    if not known:
        raise ValueError("the server gives no log-probabilities of prompts")
    return sum(known), len(known)


def prompt_tokens(choice: CompletionChoice) -> list[tuple[str, float | None]]:
    """Return a prompt's tokens by their ids, with log-probabilities, out of `prompt_logprobs`.

    Of the tokens told for a place the first is the prompt's own; the first place has none.

    Raises:
        ValueError: the server gave none.
    """
    given = (choice.model_extra or {}).get("prompt_logprobs")
    if not isinstance(given, list) or not any(given):
        raise ValueError("the server gives no log-probabilities of prompts")
    tokens: list[tuple[str, float | None]] = []
    for place in given:
        if not place:
            tokens.append(("", None))
            continue
        name, told = next(iter(place.items()))
        tokens.append((str(name), float(told["logprob"])))
    return tokens


def tail_after(
    prefix: Sequence[tuple[str, float | None]], whole: Sequence[tuple[str, float | None]]
) -> tuple[float, int]:
    """Return the summed log-probability and the number of the tokens that follow the prefix's.

    Where the prefix's last token became another one, joined with what follows, it belongs to the
    tail.

    Raises:
        ValueError: nothing follows.
    """
    shared = 0
    for (one, _), (other, _) in zip(prefix, whole, strict=False):
        if one != other:
            break
        shared += 1
    values = [value for _, value in whole[shared:] if value is not None]
    if not values:
        raise ValueError("no token follows the prefix")
    return sum(values), len(values)
