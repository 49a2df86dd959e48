"""Whether a hint gives the answer away, names items, or copies what it was made from."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from re2llm.catalog.items import Item
from re2llm.kb_store.names import Names, Word, content, tokens, values, words_of
from re2llm.kb_store.runs import common_runs, runs_shared
from re2llm.kb_store.typed import Typed
from re2llm.kb_store.words import PEOPLE, STOP
from re2llm.llm.reflection import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakRules:
    """How much a hint may share with what it was made from."""

    copied: int = 5
    """So many words in a row out of an item's text are a copy."""
    typed: int = 4
    """So many words in a row out of the shopper's request are a copy, or all of a shorter one; so
    is any of its words that the hint writes like a name, or that is plain English no more than a
    word of the shop."""
    prompted: int = 7
    """So many words in a row out of an instruction of ours are a copy."""
    company: int = 2
    """A value of the target's gives it away when fewer other candidates than this share it."""


class LeakFilter:
    """Knows the catalogue's names and says what of them a hint gives away."""

    def __init__(
        self, names: Names, rules: LeakRules | None = None, *, prompts: Sequence[str] = ()
    ) -> None:
        """Use a catalogue's names.

        Args:
            names: of the whole catalogue.
            rules: what is too much.
            prompts: our own instructions to the model, which a hint must not repeat.
        """
        self._names = names
        self._rules = rules or LeakRules()
        self._prompts = [tokens(prompt) for prompt in prompts]
        self._typed = Typed(names, self._rules.typed, self._prompts)

    def fault(self, text: str, failure: Failure | None = None) -> str | None:
        """Say what a hint leaks, in words that do not repeat it, or None.

        Args:
            text: the hint.
            failure: what the hint was made from; without it only the catalogue's names count.
        """
        if re.search(r"\b[A-Z][1-9]\b", text):
            return "names a candidate by its label"
        words = words_of(text)
        run = [word.folded for word in words]
        if failure is not None:
            items = {item.item_id: item for item in failure.task.session}
            items.update((each.item.item_id, each.item) for each in failure.task.candidates)
            shown = {**_beside(failure), **items}
            found = (
                _identifier(text, shown)
                or self._target(words, items, failure)
                or self._piece(run, shown.values())
                or self._said(words, failure)
                or self._copy(run, shown.values())
            )
            if found:
                return found
        if name := self._names.mentioned(words):
            return f"names {name}"
        for prompt in self._prompts:
            if runs_shared(run, prompt, self._rules.prompted):
                return "repeats an instruction of the prompt"
        return None

    def masked(self, text: str, failure: Failure) -> str:
        """Return a refused text as it may be kept: without the words that are a shopper's own."""
        beside = failure.success.task.request if failure.success else None
        return self._typed.masked(self._typed.masked(text, failure.task.request), beside)

    def _target(
        self, words: Sequence[Word], items: dict[str, Item], failure: Failure
    ) -> str | None:
        target = items.get(failure.target)
        if target is None:
            return None
        run = [word.folded for word in words]
        title = tokens(target.title)
        if _says(words, title, person=False, names=self._names):
            return "names the target by its title"
        others = [item for item in items.values() if item is not target]
        elsewhere = {word for item in others for word in tokens(item.title)}
        own = {word for word in title if not word.isdigit()} - elsewhere
        if any(word in run and self._names.rare(word) for word in own) or self._typed.tells(
            words, own
        ):
            return "gives the target away by a word of its title"
        candidates = [each.item for each in failure.task.candidates if each.item is not target]
        for name, value in values(target):
            if not _says(words, tokens(value), person=name in PEOPLE, names=self._names):
                continue
            company = sum((name, value) in set(values(item)) for item in candidates)
            known = any((name, value) in set(values(item)) for item in failure.task.session)
            if name in PEOPLE or (company < self._rules.company and not known):
                return f"gives the target away by its {name}"
        return None

    def _piece(self, run: Sequence[str], items: Iterable[Item]) -> str | None:
        for item in items:
            for part in common_runs(run, tokens(item.title)):
                rare = any(self._names.rare(word) for word in part)
                if (content(part) > 1 and rare) or content(part) > 2:
                    return "names an item by a part of its title"
        return None

    def _said(self, words: Sequence[Word], failure: Failure) -> str | None:
        beside = failure.success.task.request if failure.success else None
        if any(self._typed.repeated(words, one) for one in (failure.task.request, beside)):
            return "repeats what the shopper typed"
        if self._typed.foreign(words):
            return "holds a word in an alphabet that no item of the shop is written in"
        return None

    def _copy(self, run: Sequence[str], items: Iterable[Item]) -> str | None:
        for item in items:
            for _, value in values(item):
                if runs_shared(run, tokens(value), self._rules.copied):
                    return "copies an item's text"
        return None


def _beside(failure: Failure) -> dict[str, Item]:
    """Return the items of the success that the model was shown beside a failure."""
    if failure.success is None:
        return {}
    task = failure.success.task
    shown = (*task.session, *(each.item for each in task.candidates))
    return {item.item_id: item for item in shown}


def _identifier(text: str, ids: Iterable[str]) -> str | None:
    known = {item_id.casefold() for item_id in ids if len(item_id) > 3}
    parts = re.findall(r"[\w-]+", text)
    for token in (*parts, *map("".join, pairwise(parts))):
        if token.casefold() in known and not re.fullmatch(r"(?:18|19|20)\d\d", token):
            return "names an item by its identifier"
    return None


def _says(words: Sequence[Word], name: Sequence[str], *, person: bool, names: Names) -> bool:
    telling = [word for word in name if word not in STOP]
    if not telling:
        return False
    if len(name) == 1:
        return any(
            word.folded == name[0]
            and (word.capital or word.folded.isdigit() or names.rare(word.folded))
            for word in words
        )
    parts = {word for word in telling if len(word) > 3}
    if person and any(word.capital and word.folded in parts for word in words):
        return True
    return any(
        [word.folded for word in words[start : start + len(name)]] == list(name)
        for start in range(len(words))
    )
