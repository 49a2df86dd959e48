"""Where in an answer its list stands: JSON, whole or cut off, or a chain of labels."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from re2llm.llm.labels import LABEL

_MOST_TRIES = 500
_THOUGHT_END = re.compile(r"</(?:think|thinking|reasoning|thought)>", re.IGNORECASE)
_THOUGHT_START = re.compile(r"<(?:think|thinking|reasoning|thought)>", re.IGNORECASE)
_KEYS = ("ranking", "ranked", "order", "labels", "answer", "recommendations", "items", "result")
_ENTRY_KEYS = ("label", "id", "candidate", "title", "name", "item")
_OPEN_STRING = re.compile(r'"(?:ranking|ranked|order|labels)"\s*:\s*"([^"\n]*)("?)')
_WANTED = re.compile(r'\s*\{\s*"ranking"\s*:\s*"([A-Za-z0-9 ]*)"\s*\}\s*')
_PARTS = re.compile(r"[\s,;>→|\[\](){}*`']+")
_LIKE_LABEL = re.compile(r"[A-Za-z]{1,2}[1-9]\d?")
_STRANGERS = 0.2
_OPEN_LIST = re.compile(r'"(?:ranking|ranked|order|labels)"\s*:\s*\[')
_STRING = re.compile(r'\s*,?\s*"((?:[^"\\\n]|\\.)*)"')
_BETWEEN = re.compile(r"[\s\[\](){}\"'`*_>,;→|=-]*(?:\d{1,3}[.)]\s*[\[\"'`*]*)?")
_PARTED = re.compile(r"[>,;→|\n]|\]\s*\[")
_WHOLE = 0.6
_ROW = re.compile(
    rf"(?:^|[:\"'`*(\[])[ \t]*((?:{LABEL.pattern}[ \t]+)+{LABEL.pattern})[ \t]*(?:$|[\"'`*)\]])",
    re.MULTILINE,
)
"""Labels parted by blanks alone: on a line of their own, behind a colon, or in quotes."""


def strip_thoughts(text: str) -> str:
    """Return the text without what a reasoning model thought; unfinished thoughts are dropped."""
    ends = list(_THOUGHT_END.finditer(text))
    if ends:
        text = text[ends[-1].end() :]
    start = _THOUGHT_START.search(text)
    return text[: start.start()] if start else text


def json_objects(text: str) -> Iterator[object]:
    """Yield the JSON values that stand in a text, outermost ones only, in order."""
    decoder = json.JSONDecoder(strict=False)
    at = 0
    for _ in range(_MOST_TRIES):
        starts = [place for mark in "{[" if (place := text.find(mark, at)) >= 0]
        if not starts:
            return
        at = min(starts)
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        yield value


def json_lists(text: str) -> Iterator[list[str]]:
    """Yield the lists of names that an answer holds, a cut-off one included, each once in a row."""
    latest: list[str] | None = None
    for entries in _lists(text):
        if entries != latest:
            yield entries
        latest = entries


def _lists(text: str) -> Iterator[list[str]]:
    if whole := _whole(text):
        yield whole
        return
    for value in json_objects(text):
        if isinstance(value, dict):
            named = [value[key] for key in _KEYS if key in value]
            for candidate in named or list(value.values()):
                entries = []
                if isinstance(candidate, list):
                    entries = _entries(candidate)
                elif isinstance(candidate, str) and named:
                    entries = _labels_in(candidate)
                if entries:
                    yield entries
        elif isinstance(value, list) and (entries := _entries(value)) and len(entries) > 1:
            yield entries
    opened = list(_OPEN_LIST.finditer(text))
    if opened:
        at, cut = opened[-1].end(), []
        while (string := _STRING.match(text, at)) is not None:
            cut.append(string.group(1))
            at = string.end()
        if cut:
            yield cut
    for string in _OPEN_STRING.finditer(text):
        words, end = string.groups()
        if entries := _labels_in(words if end else words[: words.rfind(" ") + 1]):
            yield entries


def _whole(text: str) -> list[str]:
    """Return the labels of an answer that is what was asked for and nothing else, or nothing."""
    match = _WANTED.fullmatch(text)
    return _labels_in(match.group(1)) if match else []


def _labels_in(words: str) -> list[str]:
    """Return the words of a string that names labels, among at most a few strangers, or nothing."""
    parts = [part for part in _PARTS.split(words) if part]
    like = sum(_LIKE_LABEL.fullmatch(part) is not None for part in parts)
    return parts if parts and len(parts) - like <= _STRANGERS * len(parts) else []


def _entries(values: Sequence[object]) -> list[str]:
    if len(values) == 1 and isinstance(values[0], str) and (parted := _labels_in(values[0])):
        return parted
    entries: list[str] = []
    for value in values:
        if isinstance(value, dict):
            value = next((value[key] for key in _ENTRY_KEYS if key in value), None)
        entries.append(value if isinstance(value, str) else "")
    return entries if any(entries) else []


def label_chains(text: str, names: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield runs of labels with nothing but separators between, where they are no mere mention."""
    for row in _ROW.finditer(text):
        yield row.group(1).split()
    run: list[re.Match[str]] = []
    for found in LABEL.finditer(text):
        if run:
            gap = _BETWEEN.fullmatch(text, run[-1].end(), found.start())
            if gap is None or not _PARTED.search(gap.group()):
                yield from _chain(text, run, names)
                run = []
        run.append(found)
    yield from _chain(text, run, names)


def _chain(
    text: str, run: Sequence[re.Match[str]], names: Mapping[str, int]
) -> Iterator[list[str]]:
    named = [found.group() for found in run]
    if not any(name in names for name in named):
        return
    start, end = run[0].start(), run[-1].end()
    if len(run) == 1:
        if text.strip(" \n[](){}\"'`*.") == named[0]:
            yield named
        return
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    line = text[first : last if last >= 0 else len(text)].strip()
    before = text[first:start].rstrip(" [(\"'`*")
    alone = (end - start + 4) >= _WHOLE * len(line)
    if alone or before.endswith(":") or ">" in text[start:end]:
        yield named
