"""Which texts have the form of a hint: short, imperative, general, and only about ranking."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from re2llm.kb_store.forbidden import CONTROL, MARKUP, PERSONAL, PROMOTION, SECRET
from re2llm.kb_store.words import BEFORE_CLAUSE, BEFORE_VERB, INSULTS, VERBS

REDACTED = "(redacted)"
_INSULTS = frozenset(entry for entry in INSULTS if not entry.endswith("*"))
_STEMS = tuple(entry[:-1] for entry in INSULTS if entry.endswith("*"))
_BULLET = re.compile(r"^(?:(?:hint|tip|advice)\s*\d*\s*[:.)-]|\d{1,2}[.)]|[-*•])\s+", re.I)
_WORDS = re.compile(r"[\w@$!]+")
_LEET = str.maketrans("@013457$!", "aoieastsi")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRules:
    """What a hint may look like."""

    min_words: int = 3
    max_words: int = 60
    max_chars: int = 400
    max_sentences: int = 2
    imperative: bool = True
    """Whether every sentence must command, in English; switch it off for other languages."""


def tidy(text: str) -> str:
    """Take off what models put around a hint: list numbers, a leading "Hint:", quotes, spaces."""
    text = " ".join(text.split())
    text = _BULLET.sub("", text)
    for opening, closing in ('""', "''", "“”", "‘’", "«»"):
        if len(text) > 1 and text[0] == opening and text[-1] == closing:
            text = text[1:-1].strip()
    return text


def form_fault(text: str, rules: FormRules | None = None) -> str | None:
    """Say what is wrong with the form of a hint, in words, or None."""
    rules = rules or FormRules()
    if len(text) > rules.max_chars:
        return f"is longer than {rules.max_chars} characters"
    plain = unicodedata.normalize("NFKC", text)
    for check in _CHECKS:
        if fault := check(plain):
            return fault
    return _length(plain, rules) or (_mood(plain) if rules.imperative else None)


def redacted(text: str, limit: int = 400) -> str:
    """Make a refused text fit to be kept: no secrets, personal data or insults, not endless."""
    text = " ".join(text[: 4 * limit].split())
    text = "".join("\0" if unicodedata.category(c) in _HIDDEN else c for c in text)
    # What stays must not read like an honest hint: its id would be taken for that one's.
    text = re.sub("\0+", REDACTED, text)
    for pattern in (SECRET, PERSONAL, MARKUP):
        text = pattern.sub(REDACTED, text)
    text = _WORDS.sub(lambda found: REDACTED if _insults(found.group()) else found.group(), text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


_HIDDEN = frozenset(["Cc", "Cf", "Cs", "Co", "Cn"])


def _characters(text: str) -> str | None:
    for character in text:
        category = unicodedata.category(character)
        if category in _HIDDEN or category == "So":
            return f"holds the character {unicodedata.name(character, hex(ord(character)))}"
    for word in re.findall(r"[^\W\d_]+", text):
        scripts = {unicodedata.name(letter, "?").split()[0] for letter in word}
        if len(scripts & {"LATIN", "CYRILLIC", "GREEK"}) > 1:
            return f"mixes alphabets within the word {word!r}"
    if re.search(r"(?:\b\w\b[\W_]+){4,}", text):
        return "spells a word letter by letter"
    return None


def _forbidden(pattern: re.Pattern[str], what: str) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        found = pattern.search(text)
        if found is None:
            return None
        words = redacted(found.group(), 60)
        return what if REDACTED in words else f"{what} ({words!r})"

    return check


def _insult(text: str) -> str | None:
    if any(_insults(word) for word in _WORDS.findall(text)):
        return "holds an insult or an obscenity"
    return None


def _insults(word: str) -> bool:
    word = word.casefold()
    if not any(letter.isalpha() for letter in word):
        return False  # a number is a number
    plain = word.translate(_LEET)
    forms = {word, plain, re.sub(r"(.)\1+", r"\1", plain)}
    return any(form in _INSULTS or form.startswith(_STEMS) for form in forms)


_CHECKS: tuple[Callable[[str], str | None], ...] = (
    _characters,
    _forbidden(SECRET, "looks like a secret"),
    _forbidden(PERSONAL, "looks like personal data"),
    _forbidden(MARKUP, "holds a link or markup"),
    _forbidden(CONTROL, "speaks of something other than ranking"),
    _forbidden(PROMOTION, "advertises"),
    _insult,
    _forbidden(re.compile(re.escape(REDACTED)), "holds what was masked"),
)


def _length(text: str, rules: FormRules) -> str | None:
    words = text.split()
    if len(words) < rules.min_words:
        return f"has {len(words)} words; at least {rules.min_words} are wanted"
    if len(words) > rules.max_words:
        return f"is longer than {rules.max_words} words"
    if any(len(word) > 40 for word in words):
        return "holds a word of more than 40 characters"
    count = len(_sentences(text))
    if count > rules.max_sentences:
        return f"has {count} sentences; at most {rules.max_sentences} are wanted"
    if text.count(";") > rules.max_sentences:
        return "strings together more than a hint says"
    return "asks a question" if "?" in text else None


def _mood(text: str) -> str | None:
    for sentence in _sentences(text):
        if not _commands(sentence):
            return f"does not tell what to do ({sentence[:60]!r})"
    return None


def _commands(sentence: str) -> bool:
    words = re.findall(r"[\w'’-]+", sentence.casefold().replace("’", "'"))
    first = words[0] if words else ""
    if first in BEFORE_CLAUSE or (first in ("the", "you") and "should" in words):
        return any(word in VERBS for word in words)
    for clause in re.split(r"[,:;–—]| - ", sentence.casefold().replace("’", "'")):
        for word in re.findall(r"[\w'-]+", clause):
            if word in VERBS:
                return True
            if word not in BEFORE_VERB and not word.endswith("ly"):
                break
    return False


def _sentences(text: str) -> list[str]:
    text = re.sub(r"\b(e\.g|i\.e|etc|vs|approx|no|incl)\.", r"\1", text, flags=re.I)
    parts = re.split(r"(?<=[.!?])\s+|(?<=[a-z][.!?])(?=[A-Z])|(?<=[。！？])", text.strip())
    return [part for part in parts if re.search(r"\w", part)]
