"""The synthetic shop as a dataset: who came, in order of time, and what they chose next."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from re2llm.catalog.dataset import write_dataset
from re2llm.catalog.dataset_frames import DatasetMeta
from re2llm.catalog.sessions import Session
from re2llm.catalog.shop.goods import make_goods
from re2llm.catalog.shop.shoppers import Shoppers
from re2llm.errors import UserError

_START = 1_700_000_000.0
_DAYS = 360.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopPlan:
    """How large a shop.

    Attributes:
        candidates: items to rank per session, the next one among them.
        seed: of everything.
    """

    items: int = 4000
    sessions: int = 2400
    candidates: int = 20
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What was written.

    Attributes:
        kinds: session id to the intent behind it; for pictures alone, nothing learns from it.
    """

    items: int
    sessions: int
    kinds: Mapping[str, str]


def write_shop(folder: Path, plan: ShopPlan) -> Shop:
    """Make a shop and write it as a dataset: 65 % of the sessions to learn from, the rest later.

    Raises:
        UserError: the plan leaves too little to learn from or to choose among.
    """
    if plan.items < 200 or plan.sessions < 50 or not 2 <= plan.candidates <= 100:
        raise UserError(
            "a shop needs at least 200 items, 50 sessions and 2 to 100 candidates, not "
            f"{plan.items}, {plan.sessions} and {plan.candidates}"
        )
    draws = np.random.default_rng(plan.seed)
    items = make_goods(plan.items, draws)
    shoppers = Shoppers(items, draws)
    sessions: list[Session] = []
    kinds: dict[str, str] = {}
    for number in range(plan.sessions):
        when = number / plan.sessions
        visit = shoppers.visit(when)
        *seen, target = visit.items
        listed = [target, *shoppers.negatives(target, seen, when, plan.candidates - 1)]
        draws.shuffle(listed)
        session_id = f"shop-{number:06d}"
        kinds[session_id] = visit.intent
        sessions.append(
            Session(
                session_id=session_id,
                items=tuple(items[place].item_id for place in seen),
                target=items[target].item_id,
                candidates=tuple(items[place].item_id for place in listed),
                timestamp=_START + when * _DAYS * 86400,
            )
        )
    first, second = int(0.65 * len(sessions)), int(0.8 * len(sessions))
    write_dataset(
        folder,
        items=items,
        train=sessions[:first],
        valid=sessions[first:second],
        test=sessions[second:],
        meta=DatasetMeta(
            name="synthetic shop",
            source_format="synthetic",
            split="by time: the first 65 % to learn from, then 15 % to validate, 20 % to test",
            candidates=f"the next item and {plan.candidates - 1} others: a third like it, a third "
            "popular, the others any",
        ),
    )
    return Shop(items=len(items), sessions=len(sessions), kinds=kinds)
