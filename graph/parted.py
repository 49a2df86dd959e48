"""Which validation sessions weights are fitted on, and which ones the gate judges by.

They are parted once and for all: what is fitted (what orders count, which hints feedback brings in,
which shadow hints become active, how orders mix) is fitted on some, and the gate judges by the
others.
"""

import hashlib
from collections.abc import Sequence

from re2llm.graph.cases import Case

_FITTED = 0.4
"""Share of the sessions that weights are fitted on; the gate needs more to be sure by."""


def parted(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Return the cases to fit on, and those to judge by.

    A session is on the same side in every training, and so is another one that ends alike: the
    gate never judges by what an earlier training was fitted on.
    """
    fit: list[Case] = []
    judged: list[Case] = []
    for case in cases:
        words = "\0".join((*case.session.items, "->", case.target))
        lot = int.from_bytes(hashlib.sha256(words.encode()).digest()[:4]) / 2**32
        (fit if lot < _FITTED else judged).append(case)
    return fit, judged
