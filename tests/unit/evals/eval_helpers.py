"""A small world in which hints help whom they are for."""

from dataclasses import dataclass, field

from re2llm.catalog.sessions import Session
from re2llm.evals.metrics import order_by_score
from re2llm.evals.results import Facts, SlateResult
from re2llm.llm.usage import Usage

FACTS = Facts(
    title="A small world", data="made up", model_label="offline stand-in, not a language model"
)
ITEMS = tuple(f"i{n}" for n in range(12))


def sessions(n: int) -> list[Session]:
    """Make sessions of two kinds, even and odd; the target wanders over the candidates."""
    return [
        Session(
            session_id=f"s{n}",
            items=(ITEMS[n % 5],),
            target=ITEMS[(n * 7 + 3) % len(ITEMS)],
            candidates=ITEMS,
        )
        for n in range(n)
    ]


@dataclass
class PlantedRunner:
    """Ranks the target third; hint `even` lifts it to the top in even sessions, and so on.

    The policy knows which is which. Popularity is evidence and knows half the targets.
    """

    asked: list[tuple[str, str | None]] = field(default_factory=list)
    fail_after: int | None = None
    degraded: frozenset[str] = frozenset()

    async def slate(self, session: Session, hint_id: str | None) -> SlateResult:
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise ConnectionError("the plug was pulled")
        self.asked.append((session.session_id, hint_id))
        number, target = int(session.session_id[1:]), str(session.target)
        kind = ("even", "odd")[number % 2]
        given = kind if hint_id == "policy" else hint_id
        others = [item_id for item_id in ITEMS if item_id != target]
        place = 2 if given is None else 0 if given == kind else 5
        order = (*others[:place], target, *others[place:])
        popularity = dict.fromkeys(ITEMS, 0.1) | ({target: 2.0} if number % 4 < 2 else {})
        noise = {
            item_id: place
            for place, item_id in enumerate(
                order_by_score(dict.fromkeys(ITEMS, 0.0), salt=session.session_id)
            )
        }
        return SlateResult(
            items=order,
            model_items=(*order[1:], order[0]),
            hint_id=given,
            degraded="time-out" if session.session_id in self.degraded else None,
            usage=Usage(calls=1, input_tokens=100, output_tokens=10, cost=0.01),
            evidence={
                item_id: {"popularity": popularity[item_id], "text": noise[item_id] - 5.5}
                for item_id in ITEMS
            },
            seconds=0.5,
        )
