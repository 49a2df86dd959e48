"""What the stand-in says about a miss: which evidence spoke for the answer, in general words."""

import hashlib
from collections.abc import Sequence

from re2llm.llm.standin.evidence import contrast, signals
from re2llm.llm.standin.judgement import WEIGHTS
from re2llm.llm.standin.reading import Scene, read_success

_UP = {
    "words": (
        "Prefer candidates whose titles share words with the session's titles.",
        "Weigh titles of the same series as the session higher than other evidence.",
    ),
    "brand": (
        "Prefer candidates of a brand that the session has shown before.",
        "Put candidates of the session's brands first.",
    ),
    "category": (
        "Prefer candidates of the category that most of the session is about.",
        "Keep to the session's category.",
    ),
    "platform": (
        "Prefer candidates for the same platform as the session's items.",
        "Put candidates for the session's platform before all others.",
    ),
    "genres": (
        "Prefer candidates that share genres with most of the session.",
        "Weigh shared genres higher than shared title words.",
    ),
    "era": (
        "Prefer candidates from the same era as the session's items.",
        "Favour candidates of similar years as the session.",
    ),
    "price": (
        "Prefer candidates in the same price range as the session's items.",
        "Favour candidates that are near in price to what was chosen before.",
    ),
    "cheap": (
        "Prefer cheaper candidates.",
        "Favour bargains among otherwise similar candidates.",
    ),
    "new": (
        "Prefer newer candidates.",
        "Favour new releases among otherwise similar candidates.",
    ),
    "popular": (
        "Prefer popular candidates where nothing else tells them apart.",
        "Give more weight to popularity.",
    ),
    "next": (
        "Prefer candidates that the notes call often bought next.",
        "Trust the shop's records of what is often bought next over the titles.",
    ),
    "repeat": (
        "Prefer what the session already bought, to be bought again.",
        "Consider that consumables are bought again.",
    ),
}
_DOWN = {
    "words": "Give less weight to shared title words.",
    "brand": "Give less weight to the brand.",
    "category": "Look for variety instead of the session's category.",
    "platform": "Give less weight to the platform.",
    "genres": "Give less weight to shared genres.",
    "era": "Give less weight to the era.",
    "price": "Give less weight to the usual price range.",
    "cheap": "Prefer premium candidates over cheap ones.",
    "new": "Prefer older classics over new releases.",
    "popular": "Give less weight to popularity.",
    "next": "Give less weight to the notes on what is often bought next.",
    "repeat": "Do not rank what was already bought again.",
}
_TITLES = {
    "words": "Series and titles",
    "brand": "Same brand",
    "category": "Same category",
    "platform": "Same platform",
    "genres": "Shared genres",
    "era": "Same era",
    "price": "Usual price range",
    "cheap": "Price matters",
    "new": "Age of the item",
    "popular": "Popularity",
    "next": "Often bought next",
    "repeat": "Buying again",
}
_RECENT = "Weigh the most recent items of the session more than earlier ones."
_CLEAR = 0.15
"""By how much of its range a signal must differ before it is worth a word."""


def lessons(
    scene: Scene, ranked: Sequence[str], answer: str, success: str = ""
) -> list[tuple[str, str, str]]:
    """Return (title, text, when) of up to six hints, the most telling first.

    Args:
        scene: the session and the candidates.
        ranked: labels, best first.
        answer: label of what the shopper chose.
        success: what the prompt shows of a ranking that was right; a signal that told the chosen
            one apart there as well counts more.
    """
    places = {one.label: place for place, one in enumerate(scene.candidates)}
    if answer not in places:
        return []
    above = [places[label] for label in ranked[: _rank(ranked, answer)] if label in places]
    even = contrast(signals(scene, 0.9), places[answer], above)
    late = contrast(signals(scene, 0.35), places[answer], above)
    when, right = _when(scene), _told_apart(success)
    made: list[tuple[float, tuple[str, str, str]]] = []
    for name, gap in even.items():
        if name not in _UP:
            continue
        if gap > _CLEAR:
            made.append(
                (
                    gap + max(right.get(name, 0.0), 0.0),
                    (_TITLES[name], _pick(_UP[name], scene), when),
                )
            )
        if gap < -_CLEAR:
            blame = -gap * max(WEIGHTS[name], 0.2)
            made.append((blame, (_TITLES[name], _DOWN[name], when)))
    gained = sum(late[name] - even[name] for name in late if name in ("words", *_KINDS))
    if gained > _CLEAR:
        made.append((gained, ("Latest items", _RECENT, when)))
    made.sort(key=lambda entry: -entry[0])
    return [hint for _, hint in made[:6]]


def _told_apart(success: str) -> dict[str, float]:
    """Return, per signal, how far a success's chosen candidate stands above those beside it."""
    scene = read_success(success)
    if len(scene.candidates) < 2:
        return {}
    return contrast(signals(scene, 0.9), 0, range(1, len(scene.candidates)))


def guess(scene: Scene, ranked: Sequence[str], places: int) -> str:
    """Say what the ranking leant on, without knowing the answer."""
    at = {one.label: place for place, one in enumerate(scene.candidates)}
    shown = [at[label] for label in ranked[:places] if label in at]
    found = signals(scene, 0.9)
    leant = sorted(
        (name for name in _UP if shown),
        key=lambda name: -sum(found[name][place] for place in shown),
    )
    if not leant:
        return "The ranking may have judged by too little of what the session shows."
    return (
        f"The ranking leant on {_TITLES[leant[0]].lower()} and {_TITLES[leant[1]].lower()}; it may "
        f"have overlooked {_TITLES[leant[-1]].lower()} and what was chosen last."
    )


def explanation(scene: Scene, ranked: Sequence[str], answer: str) -> str:
    """Say from several sides why the answer was missed."""
    told = lessons(scene, ranked, answer)
    if not told:
        return "Nothing in the lines sets the chosen candidate apart from those ranked above it."
    sides = "; ".join(f"{title.lower()}" for title, _, _ in told[:4])
    return f"What sets the chosen candidate apart from those ranked above it: {sides}."


_KINDS = ("brand", "category", "platform", "genres")


def _rank(ranked: Sequence[str], answer: str) -> int:
    return ranked.index(answer) if answer in ranked else len(ranked)


def _pick(variants: Sequence[str], scene: Scene) -> str:
    lot = hashlib.blake2b("".join(one.title for one in scene.session).encode(), digest_size=2)
    return variants[lot.digest()[0] % len(variants)]


def _when(scene: Scene) -> str:
    count = len(scene.session)
    for kind in ("platform", "brand", "category"):
        values = [one.kinds.get(kind) for one in scene.session]
        if count > 1 and values[0] and all(value == values[0] for value in values):
            return f"sessions that keep to one {kind}"
    return "short sessions" if count <= 2 else "sessions that wander"
