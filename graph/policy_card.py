"""What is written beside a policy that was trained on a shop's sessions."""

import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from re2llm.graph.parts import Parts
from re2llm.llm.prompts import prompt_version
from re2llm.policy.card import Card, Origin
from re2llm.policy.gate import Decision
from re2llm.policy.serving import CAUTION
from re2llm.policy.training import Trained


def make_card(
    parts: Parts,
    trainer: str,
    trained: Trained,
    decision: Decision,
    base: float,
    hint_ids: Sequence[str],
    static_hint: str,
) -> Card:
    """Say how a policy came to be.

    Args:
        parts: the opened workspace, with the fusion that was learnt under.
        trainer: name of the method.
        trained: what it learnt.
        decision: of the gate.
        base: mean metric of the held-out sessions without a hint.
        hint_ids: the hints that the policy was judged with.
        static_hint: id of the hint that was best for all training sessions alike.
    """
    digest = hashlib.sha256("\0".join(hint_ids).encode()).hexdigest()[:12]
    encoder = parts.store.encoder
    metrics = {
        "held-out ndcg without a hint": base,
        "held-out gain over no hint": decision.over_none.mean,
        "held-out gain over the best static hint": decision.over_static.mean,
        "share of sessions with a hint": decision.hinted,
    }
    return Card(
        kind=trained.scorer.kind,
        origin=Origin(
            trainer=trainer,
            data=f"{parts.dataset.meta.name}, {len(trained.logged)} new rewards",
            model=parts.settings.model_label,
            prompt_version=prompt_version(),
            metric=parts.scope.metric,
            knowledge_base=f"{len(hint_ids)} hints, {digest}",
            calls=len(trained.logged),
            seed=parts.settings.seed,
            created=datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
            static_hint=static_hint,
        ),
        encoder=encoder.identity,
        dim=encoder.dim,
        caution=CAUTION,
        metrics={name: value for name, value in metrics.items() if value == value},
        gate=decision.words,
    )
