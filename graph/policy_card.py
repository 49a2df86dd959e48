"""What is written beside a policy that was trained on a shop's sessions."""

import hashlib
import time
from datetime import UTC, datetime

from re2llm.graph.contest import Contender
from re2llm.graph.parts import Parts
from re2llm.llm.prompts import prompt_version
from re2llm.policy.card import Card, Origin
from re2llm.policy.serving import CAUTION
from re2llm.policy.training import Trained


def make_card(parts: Parts, found: Contender, trained: Trained, static_hint: str) -> Card:
    """Say how a policy came to be.

    Args:
        parts: the opened workspace, with the fusion that was learnt under.
        found: the policy as it was judged.
        trained: what it learnt.
        static_hint: id of the hint that was best for all training sessions alike.
    """
    hint_ids, decision = found.ready.hints.ids, found.decision
    digest = hashlib.sha256("\0".join(hint_ids).encode()).hexdigest()[:12]
    encoder = parts.store.encoder
    metrics = {
        "held-out ndcg without a hint": found.base,
        "held-out gain over no hint": decision.over_none.mean,
        "held-out gain over the best static hint": decision.over_static.mean,
        "share of sessions with a hint": decision.hinted,
    }
    return Card(
        kind=trained.scorer.kind,
        origin=Origin(
            trainer=found.policy.name,
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
