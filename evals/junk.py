"""What became of the hints of an exploration, and a table of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from re2llm.evals.bootstrap import Difference, paired_difference
from re2llm.graph.exploration import Explored
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
        half, full: (sessions,) what each held-out session gains by the first half of the hints, and
            by all, chosen by the policy class, taught the gains of other sessions.
    """

    explored: Explored
    shadows: int
    active: tuple[Tried, ...]
    shadow_good: float
    alike: int
    nearest: float
    half: NDArray[np.float64]
    full: NDArray[np.float64]

    @property
    def helpful(self) -> int:
        """Count the active hints that gain where a policy would use them."""
        return sum(one.used > 0 for one in self.active)

    @property
    def more(self) -> Difference:
        """Return full minus half, paired over sessions."""
        return paired_difference(self.full, self.half)


def pooled(found: Sequence[Junk]) -> str:
    """Write what all shops say together, their sessions resampled as one."""
    half, full = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("half", "full")
    )
    more = paired_difference(full, half)
    shops = [one.more for one in found]
    good, total = sum(one.helpful for one in found), sum(len(one.active) for one in found)
    return (
        f"\n{good} of {total} active hints have a positive held-out effect.\n"
        f"{len(found)} shops, {len(full)} held-out sessions: {half.mean():+.4f} with half of the"
        f" hints, {full.mean():+.4f} with all: {more.mean:+.4f} ({more.low:+.4f} to"
        f" {more.high:+.4f}); surely more in {sum(one.low > 0 for one in shops)}, surely less in"
        f" {sum(one.high < 0 for one in shops)}.\n"
    )


def told(seed: int, found: Junk) -> str:
    """Write what was found, in Markdown."""
    explored, more = found.explored, found.more
    lines = [
        f"\nSeed {seed}: {explored.errors} of {explored.sessions} sessions missed,"
        f" {explored.reflections} reflections, {explored.usage.calls} calls; {explored.ending}.",
        f"{len(found.active)} active ({found.helpful} with a positive held-out effect),"
        f" {found.shadows} shadows (share of good ones {found.shadow_good:.2f}); pairs that say"
        f" the same: {found.alike}; nearest cosine {found.nearest:.2f}.",
        f"Gain per held-out session: {found.half.mean():+.4f} with half of them,"
        f" {found.full.mean():+.4f} with all: {more.mean:+.4f} ({more.low:+.4f} to"
        f" {more.high:+.4f}).",
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
