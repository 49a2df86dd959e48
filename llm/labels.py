"""Which short names candidates carry in a prompt: opaque, so that no digit of a title is one."""

import re
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_uppercase

LABEL = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}[1-9](?![A-Za-z0-9])")
"""A label standing alone; whether it names a candidate is for the list to say."""

_DIGITS = "123456789"
_FAMILY = len(ascii_uppercase) * len(_DIGITS)
MOST = _FAMILY * (1 + len(ascii_uppercase))
"""More candidates than this have no labels."""

SINGLE_TOKENS = ascii_uppercase + ascii_uppercase.lower()
"""One-character labels, each one token in the usual vocabularies."""


@lru_cache(maxsize=64)
def labels(n: int) -> tuple[str, ...]:
    """Return n labels: A1 to A9, B1 to B9, ..., Z9, AA1, ...

    Raises:
        ValueError: n is beyond `MOST`.
    """
    if n > MOST:
        raise ValueError(f"{n} candidates are more than the {MOST} that have labels")
    letters = list(ascii_uppercase)
    families = letters + [first + second for first in letters for second in letters]
    return tuple(family + digit for family in families for digit in _DIGITS)[:n]


@lru_cache(maxsize=256)
def labels_pattern(n: int, wanted: int) -> str:
    """Return a regular expression for `wanted` of n labels, parted by blanks.

    It is of the plain kind that servers make grammars of: anchored, with groups, classes and one
    count. It cannot say that each label comes once, but that the list ends.
    """
    families: dict[str, str] = {}
    for name in labels(n):
        families[name[:-1]] = name[-1]
    one = "|".join(f"{family}[1-{last}]" for family, last in families.items())
    return f"^({one})( ({one})){{{wanted - 1}}}$"


def single_labels(names: Sequence[str]) -> dict[str, str]:
    """Return a one-character label for each name, in order.

    Raises:
        ValueError: there are more names than one-character labels.
    """
    if len(names) > len(SINGLE_TOKENS):
        raise ValueError(f"{len(names)} candidates, but {len(SINGLE_TOKENS)} one-character labels")
    return dict(zip(SINGLE_TOKENS, names, strict=False))
