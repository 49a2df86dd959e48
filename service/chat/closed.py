"""Messages that need nothing but themselves to be understood: greetings, insults, tricks."""

import re
import unicodedata

from re2llm.kb_store.words import INSULTS
from re2llm.service.chat import phrases
from re2llm.service.chat.understood import Act, Understood

LONGEST = 1000
"""Characters of a message that are read."""
_INSULTS = frozenset(entry for entry in INSULTS if not entry.endswith("*"))
_STEMS = (
    *(entry[:-1] for entry in INSULTS if entry.endswith("*")),
    "useles",
    "pathetic",
    "idiot",
    "moron",
    "imbecil",
)
_INSULTED = re.compile(
    r"\byou(?:'re| are)? (?:suck|(?:so |really |very )?(?:bad|awful|terrible|worthless|garbage|trash|"
    r"useless|dumb|stupid))|\bshut up\b|\bi hate you\b|\bthis (?:sucks|is (?:garbage|trash|rubbish))",
    re.IGNORECASE,
)


def as_plain(message: str) -> str:
    """Return a message on one line, in one form of each character, cut to what is read."""
    text = " ".join(unicodedata.normalize("NFKC", message).replace("’", "'").split())
    return text[:LONGEST]


def closed(text: str) -> Understood | None:
    """Read what is plain without the shop, the cards and the memory; None for all the rest."""
    if not any(character.isalnum() for character in text):
        return Understood(act=Act.HELP)
    for pattern, act in (
        (phrases.INJECTION, Act.OFF_TOPIC),
        (phrases.RESET, Act.RESET),
        (phrases.RECALL, Act.RECALL),
        (phrases.HELP, Act.HELP),
        (phrases.GREET, Act.GREET),
        (phrases.THANK, Act.THANK),
        (phrases.UNDO, Act.UNDO),
        (phrases.OFF_TOPIC, Act.OFF_TOPIC),
    ):
        if pattern.search(text):
            return Understood(act=act)
    if shop := phrases.SHOP_ONLY.search(text):
        return Understood(act=Act.OFF_TOPIC, fact=shop[0].casefold().rstrip(" ?!."))
    said = re.findall(r"[^\W\d_]+", text.casefold())
    if _INSULTED.search(text) or any(w in _INSULTS or w.startswith(_STEMS) for w in said):
        return Understood(act=Act.HOSTILE)
    return None
