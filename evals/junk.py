"""What became of the hints of an exploration, and a table of it."""

from dataclasses import dataclass

from re2llm.graph.explore import Explored
from re2llm.kb_store.hint import Hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A hint's mean gain on held-out sessions.

    Attributes:
        near: on the `like` ones most like the one that it was written for.
        used: on the `uses` ones that a policy would give it to: those where it did good on the
            sessions most like them, themselves left out.
        everywhere: on all.
    """

    hint: Hint
    like: int
    near: float
    everywhere: float
    uses: int = 0
    used: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Junk:
    """What was found.

    Attributes:
        alike: pairs of active hints that the stand-in takes for the same, or that stand above the
            redundancy threshold.
        nearest: the largest cosine between two of them.
        half, full: mean gain per held-out session of the first half of the hints, and of all,
            chosen by the policy class, taught the gains of other sessions.
        more: full minus half with a 95 % interval.
    """

    explored: Explored
    shadows: int
    active: tuple[Tried, ...]
    shadow_good: float
    alike: int
    nearest: float
    half: float
    full: float
    more: tuple[float, float, float]


def told(seed: int, found: Junk, helpful: int) -> str:
    """Write what was found, in Markdown."""
    explored, (mean, low, high) = found.explored, found.more
    lines = [
        f"\nSeed {seed}: {explored.errors} of {explored.sessions} sessions missed,"
        f" {explored.reflections} reflections, {explored.usage.calls} calls; {explored.ending}.",
        f"{len(found.active)} active ({helpful} with a positive held-out effect), {found.shadows}"
        f" shadows (share of good ones {found.shadow_good:.2f}); pairs that say the same:"
        f" {found.alike}; nearest cosine {found.nearest:.2f}.",
        f"Gain per held-out session: {found.half:+.4f} with half of them, {found.full:+.4f} with"
        f" all: {mean:+.4f} ({low:+.4f} to {high:+.4f}).",
        "\n| hint | at admission | sessions | held out, where it is used | sessions |"
        " like the one it was written for | sessions | all |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.hint.text} | {one.hint.evidence.gain:+.3f} | {one.hint.evidence.sessions} |"
        f" {one.used:+.3f} | {one.uses} | {one.near:+.3f} | {one.like} | {one.everywhere:+.3f} |"
        for one in found.active
    ]
    return "\n".join(lines) + "\n"
