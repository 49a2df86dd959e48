"""What a policy sees of a session: cheap evidence, and no text embedding.

A handful of numbers that say what kind of decision this is carries signal from the first hundred
sessions on, where a text embedding needs thousands. Every feature is bounded or logarithmic, 0
means "nothing known", and none depends on ids, so that a policy outlives a change of catalogue.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.candidates import Candidate
from re2llm.catalog.items import Item
from re2llm.policy.item_facts import labels, log_prices, numbers, tokens, words_of

SOURCES = ("neighbours", "together", "popularity", "text", "attributes")
"""Names of the retrievers' evidence that the features look at; a missing one reads 0."""

_KINDS = ("brand", "category", "platform", "genres")

FEATURE_NAMES: tuple[str, ...] = (
    "session_length",
    "session_single",
    "session_repeats",
    "session_words_shared",
    *(f"session_{kind}_known" for kind in _KINDS),
    *(f"session_{kind}_focus" for kind in _KINDS),
    "session_year",
    "session_year_spread",
    "session_price",
    "session_price_spread",
    "candidates_count",
    "score_peak",
    "score_gap",
    *(f"{source}_peak" for source in SOURCES),
    *(f"{source}_gap" for source in SOURCES),
    "sources_agree",
    "sources_same_best",
    "words_best",
    "words_gap",
    "words_share",
    *(f"{kind}_share" for kind in _KINDS),
    *(f"{kind}_in_best" for kind in _KINDS),
    "year_near_share",
    "year_spread",
    "price_near_share",
    "price_spread",
    "year_place",
    "year_place_spread",
    "price_place",
    "price_place_spread",
    "request_given",
    "request_words_best",
    "request_words_gap",
)


def _group(name: str) -> str:
    if name.endswith(("_place", "_place_spread")):
        return "place"
    return "session" if name.startswith(("session_", "request_")) else "offer"


FEATURE_GROUPS = np.array(
    [[_group(name) == group for name in FEATURE_NAMES] for group in ("session", "place", "offer")]
)
"""(groups, features): who is shopping, where that stands among what is on offer, and the offer."""

_NEAR_YEARS = 3.0
_NEAR_PRICE = math.log(1.5)
_BEST = 5
_FLAT = 1e-9


def session_features(
    session: Sequence[Item], candidates: Sequence[Candidate], request: str | None
) -> NDArray[np.float32]:
    """Describe one decision.

    Args:
        session: the session's items, oldest first; may be empty.
        candidates: in any order; may be empty.
        request: what the shopper said, if anything.

    Returns:
        (len(FEATURE_NAMES),) float32, finite.
    """
    items = [candidate.item for candidate in candidates]
    scores = np.array([candidate.score for candidate in candidates], dtype=np.float64)
    best = np.argsort(-scores, kind="stable")[:_BEST]
    values = [
        *_session_shape(session),
        *_session_kinds(session),
        *_centre_and_spread(numbers(session, "year"), scale=0.02, shift=2000.0),
        *_centre_and_spread(log_prices(session), scale=0.2, shift=3.0),
        math.log1p(len(items)) / 4,
        *_evidence(candidates, scores),
        *_words(session[-3:], items),
        *_kinds(session, items, best),
        *_near(numbers(session, "year"), numbers(items, "year"), _NEAR_YEARS, 0.02),
        *_near(log_prices(session), log_prices(items), _NEAR_PRICE, 0.2),
        *_places(numbers(session, "year"), numbers(items, "year")),
        *_places(log_prices(session), log_prices(items)),
        *_request(request, items),
    ]
    return np.nan_to_num(np.clip(np.array(values, dtype=np.float32), -8.0, 8.0))


def _session_shape(session: Sequence[Item]) -> list[float]:
    if not session:
        return [0.0, 0.0, 0.0, 0.0]
    distinct = len({item.item_id for item in session})
    last = tokens(session[-1].title)
    earlier = [_overlap(last, tokens(item.title)) for item in session[-6:-1]]
    return [
        math.log1p(len(session)) / 3,
        float(len(session) == 1),
        1 - distinct / len(session),
        sum(earlier) / len(earlier) if earlier else 0.0,
    ]


def _session_kinds(session: Sequence[Item]) -> list[float]:
    known, focus = [], []
    for kind in _KINDS:
        rows = [row for item in session if (row := labels(item, kind))]
        known.append(len(rows) / len(session) if session else 0.0)
        same = [bool(row & rows[-1]) for row in rows[:-1]]
        focus.append(sum(same) / len(same) if same else 0.0)
    return known + focus


def _evidence(candidates: Sequence[Candidate], scores: NDArray[np.float64]) -> list[float]:
    if not candidates:
        return [0.0] * (4 + 2 * len(SOURCES))
    columns = np.array(
        [[candidate.evidence.get(source, 0.0) for candidate in candidates] for source in SOURCES]
    )
    peaks, gaps = _peaks_and_gaps(np.vstack([scores, columns]))
    knows = columns[np.ptp(columns, axis=1) > _FLAT]
    return [peaks[0], gaps[0], *peaks[1:], *gaps[1:], *_agreement(knows)]


def _peaks_and_gaps(rows: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Return how far each row's best stands above its mean and its second, in deviations."""
    spread = rows.std(axis=1)
    if rows.shape[1] < 2:
        return [0.0] * len(rows), [0.0] * len(rows)
    top = np.partition(rows, rows.shape[1] - 2, axis=1)
    scale = np.where(spread > _FLAT, 1 / np.maximum(spread, _FLAT), 0.0)
    peaks = (top[:, -1] - rows.mean(axis=1)) * scale / 4
    gaps = (top[:, -1] - top[:, -2]) * scale / 2
    return peaks.tolist(), gaps.tolist()


def _agreement(columns: NDArray[np.float64]) -> list[float]:
    """Return the mean correlation of the sources, and how often two name the same best."""
    n = len(columns)
    if n < 2:
        return [0.0, 0.0]
    stacked = columns - columns.mean(axis=1, keepdims=True)
    stacked /= np.linalg.norm(stacked, axis=1, keepdims=True)
    correlation = (float((stacked @ stacked.T).sum()) - n) / (n * (n - 1))
    best = stacked.argmax(axis=1)
    same = (float((best[:, None] == best[None, :]).sum()) - n) / (n * (n - 1))
    return [correlation, same]


def _words(recent: Sequence[Item], items: Sequence[Item]) -> list[float]:
    if not recent or not items:
        return [0.0, 0.0, 0.0]
    bag = frozenset().union(*(tokens(item.title) for item in recent))
    shared = np.array([_overlap(tokens(item.title), bag) for item in items])
    return [*_first_and_gap(shared), float((shared > 0).mean())]


def _kinds(session: Sequence[Item], items: Sequence[Item], best: NDArray[np.intp]) -> list[float]:
    """Return the share of candidates, and of the best ones, that are of the session's kinds."""
    share, in_best = [], []
    for kind in _KINDS:
        own = frozenset().union(*(labels(item, kind) for item in session[-3:]))
        if not own or not items:
            share.append(0.0)
            in_best.append(0.0)
            continue
        same = np.array([not own.isdisjoint(labels(item, kind)) for item in items])
        share.append(float(same.mean()))
        in_best.append(float(same[best].mean()))
    return share + in_best


def _near(
    own: NDArray[np.float64], others: NDArray[np.float64], width: float, scale: float
) -> list[float]:
    if not len(others):
        return [0.0, 0.0]
    close = float((abs(others - own[-1]) <= width).mean()) if len(own) else 0.0
    return [close, float(others.std()) * scale]


def _places(own: NDArray[np.float64], others: NDArray[np.float64]) -> list[float]:
    """Return where the session's values lie among the candidates', -1 to 1, and their spread.

    Unlike the values themselves, this tells cheap from dear in any currency and any trade.
    """
    if not len(own) or not len(others):
        return [0.0, 0.0]
    ordered = np.sort(others)
    below = np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right")
    places = below / len(others) - 1
    return [float(places.mean()), float(places.std())]


def _request(request: str | None, items: Sequence[Item]) -> list[float]:
    words = words_of(request[:2000]) if request else frozenset()
    if not words:
        return [0.0, 0.0, 0.0]
    if not items:
        return [1.0, 0.0, 0.0]
    found = np.array([len(words & tokens(item.title)) / len(words) for item in items])
    return [1.0, *_first_and_gap(found)]


def _first_and_gap(values: NDArray[np.float64]) -> list[float]:
    if len(values) < 2:
        return [float(values[0]), 0.0]
    second, first = np.partition(values, len(values) - 2)[-2:]
    return [float(first), float(first - second)]


def _centre_and_spread(numbers: NDArray[np.float64], scale: float, shift: float) -> list[float]:
    if not len(numbers):
        return [0.0, 0.0]
    return [float(numbers[-1] - shift) * scale, float(numbers.std()) * scale]


def _overlap(words: frozenset[str], bag: frozenset[str]) -> float:
    return len(words & bag) / len(words) if words else 0.0
