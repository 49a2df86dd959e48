"""How a draft is tried: on the failed session and on others like it, alone and against others."""

import math
from collections.abc import Sequence
from dataclasses import replace

from re2llm.kb_store.effect import Trial, TrialUnavailable, evidence
from re2llm.kb_store.hint import Hint, Status
from re2llm.kb_store.verdict import AdmissionRules, hopeless, verdict
from re2llm.llm.reflection import Failure


async def tried(
    hint: Hint,
    failure: Failure,
    twin: Hint | None,
    *,
    trial: Trial,
    rules: AdmissionRules,
    tries: int,
) -> Hint:
    """Return the hint with its evidence and what that makes of it.

    Args:
        hint: a draft.
        failure: the session that it was written for.
        twin: a hint that says the same; it is tried further only where it is not as good.
        trial: measures.
        rules: how far to try, and what is good enough.
        tries: numbers this trial among those that the hint did not pass, from 1.
    """
    try:
        own = await _own_gain(trial, failure, hint)
        if own > 0 and twin is not None and twin.status is Status.ACTIVE:
            known = await _own_gain(trial, failure, twin)
            if own <= known:
                reason = f"says the same as {twin.hint_id}, and no better ({known:+.3f})"
                return replace(hint, status=Status.REFUSED, reason=reason)
        gains, first = await _gains(hint, failure, own, trial, rules)
    except TrialUnavailable as error:
        return replace(hint, status=Status.CANDIDATE, reason=f"not tried yet: {error}")
    further = evidence(own, gains[first:], rules.sure)
    seen = replace(
        evidence(own, gains, _strict(rules.confidence, tries)),
        confirmed=further.sessions < rules.min_sessions or further.low > 0,
    )
    status, reason = verdict(seen, rules)
    return replace(hint, status=status, reason=reason, evidence=seen)


async def compared(
    hint: Hint,
    failure: Failure,
    active: Sequence[Hint],
    *,
    trial: Trial,
    rules: AdmissionRules,
    tries: int,
) -> Hint:
    """Return a tried hint, held back where it does not surely gain more than the best active one.

    The best is found on the first sessions, and compared with on the further ones, which had no
    part in its being the best. Where there are too few of these, nothing is held against the hint.

    Args:
        hint: one that passed its own trial.
        failure: the session that it was written for.
        active: the hints in use, besides itself and what it would take the place of.
        trial: measures; what it measured before costs nothing again.
        rules: against how many, and how surely.
        tries: as for `tried`.
    """
    if rules.rivals < 1 or not active:
        return hint
    try:
        rival = await _rival(active, failure, trial, rules)
        if rival is None:
            return hint
        n = rules.sessions + rules.confirm
        own = await trial.similar_gains(failure, hint.text, n)
        others = await trial.similar_gains(failure, rival.text, n)
    except TrialUnavailable as error:
        return replace(hint, status=Status.CANDIDATE, reason=f"not tried yet: {error}")
    pairs = zip(own[rules.sessions :], others[rules.sessions :], strict=False)
    confidence = _strict(rules.adds, tries)
    more = evidence(0.0, [mine - other for mine, other in pairs], confidence)
    if more.sessions < rules.min_sessions or more.low > 0:
        return hint
    seen = replace(hint.evidence, adds=False)
    status, reason = verdict(seen, rules)
    against = f"; than {rival.hint_id} {more.gain:+.3f} (at least {more.low:+.3f})"
    return replace(hint, status=status, reason=reason + against, evidence=seen)


async def _rival(
    active: Sequence[Hint], failure: Failure, trial: Trial, rules: AdmissionRules
) -> Hint | None:
    """Return the active hint that gains most on the sessions most like the failed one, if any."""
    surest = sorted(active, key=lambda hint: -hint.evidence.low)[: rules.looked_at]
    there = [await trial.own_gain(failure, hint.text) for hint in surest]
    order = sorted(range(len(surest)), key=lambda place: -there[place])[: rules.rivals]
    best, most = None, 0.0
    for hint in (surest[place] for place in order):
        gains = await trial.similar_gains(failure, hint.text, rules.sessions)
        mean = evidence(0.0, gains, rules.confidence).gain
        if mean > most:
            best, most = hint, mean
    return best


def _strict(confidence: float, tries: int) -> float:
    """Return what one of several trials must hold with, for all together to hold so surely."""
    return 1 - (1 - confidence) / (tries * (tries + 1))


async def _gains(
    hint: Hint, failure: Failure, own: float, trial: Trial, rules: AdmissionRules
) -> tuple[Sequence[float], int]:
    """Return the gains, and how many of them were the first look's."""
    gains: Sequence[float] = ()
    n = min(rules.pilot, rules.sessions) if own > 0 else 0
    while n > 0:
        gains = await trial.similar_gains(failure, hint.text, n)
        done = n >= rules.sessions or len(gains) < n or hopeless(gains, rules)
        n = 0 if done else min(3 * n, rules.sessions)
    first = len(gains)
    if rules.confirm and evidence(own, gains, rules.looks_good).low > 0:
        n = rules.sessions + rules.confirm
        gains = await trial.similar_gains(failure, hint.text, n)
    return gains, first


async def _own_gain(trial: Trial, failure: Failure, hint: Hint) -> float:
    gain = await trial.own_gain(failure, hint.text)
    if not math.isfinite(gain):
        raise TrialUnavailable("the gain on the failed session is no number")
    return gain
