"""What a piece of advice in plain words means for the stand-in: signals up, down, or ignored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from re2llm.llm.standin.reading import Scene, stems

Turn = Literal["up", "down", "ignore"]

_CONCEPTS: Mapping[str, str] = {
    "recent": r"recent\w*|latest|last|just (?:chose|bought|viewed)",
    "early": r"earl(?:y|ier|iest)|first choices?|whole session|entire session|overall|throughout",
    "brand": r"brands?|makers?|manufacturers?|labels?|publishers?|studios?|designers?",
    "category": r"categor\w+|departments?|shel(?:f|ves)|product types?|kinds? of products?",
    "platform": r"platforms?|consoles?|systems?|devices?",
    "genres": r"genres?|moods?",
    "words": r"series|sequels?|franchises?|sagas?|product lines?|title words?|titles?|collections?"
    r"|editions?|words? (?:in|of) (?:the )?names?|names?",
    "era": r"eras?|decades?|periods?|same years?|similar years?|similar age",
    "new": r"newer|newest|new releases?|newly released|modern|current releases?",
    "old": r"older|oldest|classics?|vintage|back.?catalogue",
    "price": r"price (?:range|level|band|class)|similar(?:ly)? price\w*|same price\w*|usual price"
    r"|near in price|spend\w*",
    "cheap": r"cheap\w*|bargains?|budget|affordab\w+|low(?:er|est)?.priced?|discount\w*"
    r"|inexpensive",
    "dear": r"premium|expensive|costl\w+|high(?:er|est)?.priced?|luxur\w+|upgrades?|high.end",
    "popular": r"popular\w*|best.?sell\w+|well.known|trend\w+|mainstream|hits?",
    "niche": r"niche|obscure|lesser.known|hidden gems?|long.tail",
    "next": r"(?:often )?(?:bought|chosen|taken) (?:next|together|after\w*)|accessor\w+"
    r"|complement\w*|companions?|goes? (?:well )?with|add-ons?|shop'?s records",
    "repeat": r"again|repeat\w*|refill\w*|replenish\w*|already (?:bought|owned|chosen)|re-?order\w*"
    r"|consumables?",
    "variety": r"variety|different (?:category|categories|kinds?|departments?)|explor\w+|gifts?"
    r"|other categor\w+|unlike",
}
_PATTERNS = {
    name: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for name, pattern in _CONCEPTS.items()
}
_OPPOSITE = {"dear": "cheap", "old": "new", "niche": "popular", "variety": "category"}
"""Concepts that are another one turned round."""
_IGNORE = re.compile(
    r"\b(?:ignore|disregard|set aside|forget|regardless of|whatever|do(?:es)? not (?:weigh|count))",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(?:avoid|less|lower|demote|down-?weigh\w*|reduce|do not|don't|never|not|no|rather than"
    r"|instead of|over|before|above|ahead of|than|against|discount|penali[sz]e|skip|limit)\b",
    re.IGNORECASE,
)
_UP = re.compile(
    r"\b(?:prefer|favou?r|weigh|put|rank|give more|more weight|priorit\w+|promote|boost|lift|look"
    r"|choose|focus|follow|match|trust|keep|count|raise|start|consider|lean|reward|stay)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:.]|\b(?:and then|but|rather than|instead of|over|before|above|ahead of|than)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"^(?:when|if|where|for|in|once|whenever|while|after)\b", re.IGNORECASE)
_AGAINST = ("rather than", "instead of", "over", "before", "above", "ahead of", "than")
_SAME = 0.6
"""Share of a session that must agree before it counts as being about one brand, platform, ..."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What was understood.

    Attributes:
        turns: signal to what becomes of it; `recent` and `early` say which items count.
        condition: signals of which the session must be of one kind.
    """

    turns: Mapping[str, Turn] = field(default_factory=dict)
    condition: frozenset[str] = frozenset()


@lru_cache(maxsize=4096)
def understand(text: str) -> Advice:
    """Read a hint; what is not about weighing evidence means nothing."""
    turns: dict[str, Turn] = {}
    condition: set[str] = set()
    start, before = 0, ""
    turn: Turn = "up"
    for found in [*_CLAUSE.finditer(text), None]:
        clause = text[start : found.start() if found else len(text)].strip()
        told = _turn(clause, before, "up" if turn == "ignore" else turn)
        concepts = [name for name, pattern in _PATTERNS.items() if pattern.search(clause)]
        if _CONDITION.match(clause) and not _UP.search(clause):
            condition.update(name for name in concepts if name in ("brand", "platform", "category"))
        else:
            for name in concepts:
                signal, way = _signal(name, told)
                turns.setdefault(signal, way)
        if found is None:
            break
        before = found.group().casefold()
        turn = told if before in (",", ";") else "up"
        start = found.end()
    return Advice(turns, frozenset(condition))


def _turn(clause: str, before: str, default: Turn) -> Turn:
    if _IGNORE.search(clause):
        return "ignore"
    if before in _AGAINST or _DOWN.search(clause):
        return "down"
    return "up" if _UP.search(clause) else default


def _signal(name: str, turn: Turn) -> tuple[str, Turn]:
    if name not in _OPPOSITE:
        return name, turn
    turned: dict[Turn, Turn] = {"up": "down", "down": "up", "ignore": "ignore"}
    return _OPPOSITE[name], turned[turn]


def applies(advice: Advice, scene: Scene) -> bool:
    """Say whether the session is of the kind that the advice is meant for."""
    for kind in advice.condition:
        values = [one.kinds.get(kind, frozenset()) for one in scene.session]
        most = max(
            (sum(value in other for other in values) for one in values for value in one), default=0
        )
        if most < _SAME * max(len(values), 1):
            return False
    return True


def same(first: str, second: str) -> bool:
    """Say whether two pieces of advice ask for the same."""
    a, b = understand(first), understand(second)
    if not a.turns and not b.turns:
        return stems(first) == stems(second)
    return dict(a.turns) == dict(b.turns) and a.condition == b.condition
