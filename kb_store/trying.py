"""How a draft is tried: on the session that failed, on some like it, then on more to confirm."""

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
        evidence(own, gains, 1 - (1 - rules.confidence) / (tries * (tries + 1))),
        confirmed=further.sessions < rules.min_sessions or further.low > 0,
    )
    status, reason = verdict(seen, rules)
    return replace(hint, status=status, reason=reason, evidence=seen)


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
