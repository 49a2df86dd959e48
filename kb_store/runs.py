"""Which words in a row two texts share."""

from collections.abc import Sequence

from re2llm.kb_store.names import content


def runs_shared(run: Sequence[str], source: Sequence[str], length: int) -> bool:
    """Say whether two texts share so many words in a row, not all of them empty ones."""
    return any(len(part) >= length and content(part) > 1 for part in common_runs(run, source))


def common_runs(run: Sequence[str], source: Sequence[str]) -> list[Sequence[str]]:
    """Find the longest common run of words from each start in `run`, of two words or more."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(source):
        places.setdefault(word, []).append(place)
    parts: list[Sequence[str]] = []
    for start in range(len(run)):
        best = 0
        for place in places.get(run[start], ()):
            length = 0
            while (
                start + length < len(run)
                and place + length < len(source)
                and run[start + length] == source[place + length]
            ):
                length += 1
            best = max(best, length)
        if best > 1:
            parts.append(run[start : start + best])
    return parts
