"""What a message takes back: limits that hold no longer, values that are fine after all."""

import re
from collections.abc import Sequence

from re2llm.service.chat import phrases
from re2llm.service.chat.memory import Facet, Memory

_DROP = re.compile(
    r"\b(?:any|whatever|all) (?P<any>price|budget|brand|platform|year|category)s?\b|"
    r"\b(?P<matter>price|budget|money|cost|brand|platform|year|category)"
    r"(?: does(?:n'?t| not)| is(?:n'?t| not)| do(?:n'?t| not)) (?:matter|important|an issue|count)|"
    r"\b(?:no|forget(?: about)?|drop|remove|ignore|lift|without)(?: the| my| any| a)? "
    r"(?P<no>price|budget|brand|platform|year)(?: limit| filter| range| cap| constraint)?s?\b"
    r"(?! \w*\d)|\b(?:no|without(?: any)?) (?P<limit>limits?)\b(?! (?:of|to|on) \w)|\b(?P<object>money) is no (?:object|issue|problem)|"
    r"\bregardless of (?:the )?(?P<regard>price|brand|platform|year|cost)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:no|without) (?:the |any )?(?:brand|platform) "
    r"(?!(?:and|or|but|please|at|preference|needed|required|limit|filter)\b)\w",
    re.IGNORECASE,
)
"""A brand that is not wanted by name, which is no limit to be lifted: "without brand Acme"."""
_ASKED_FOR = re.compile(r"\b(?:show|find|give|want|need|only|just)\b", re.IGNORECASE)
_PRICE = dict.fromkeys(("budget", "money", "cost", "limit", "limits"), "price")


def allowed(
    text: str, facets: Sequence[Facet], known: Sequence[str], memory: Memory
) -> tuple[list[Facet], list[str]]:
    """Find what a message takes back of what was unwanted: "Acme is fine after all"."""
    if not phrases.ALLOW.search(text) or _ASKED_FOR.search(text):
        return [], []
    words_said = [word for word in known if word in memory.avoid_words]
    return [facet for facet in facets if facet in memory.avoid], words_said


def dropped(text: str) -> tuple[list[str], str]:
    """Find the attributes whose limits are lifted; return them and the text without that."""
    names: list[str] = []

    def drop(match: re.Match[str]) -> str:
        if match["no"] and _NAMED.match(match[0] + text[match.end() :]):
            return match[0]
        name = next(group for group in match.groups() if group).lower()
        names.append(_PRICE.get(name, name))
        return " , "

    rest = _DROP.sub(drop, text)
    return list(dict.fromkeys(names)), rest
