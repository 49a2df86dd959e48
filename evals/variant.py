"""Learning one variant of an experiment: its hints, its policy, and what they cost."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from re2llm.errors import UserError
from re2llm.evals.recipe import Recipe, Variant
from re2llm.evals.variant_parts import VariantParts, open_variant
from re2llm.graph.cases import Case
from re2llm.graph.exploration import Plan
from re2llm.graph.explore import explore
from re2llm.graph.folds import Fold, make_folds
from re2llm.graph.learn import learn_policy
from re2llm.graph.learning import TrainPlan
from re2llm.graph.parts import Parts
from re2llm.graph.serving import WEIGHTS, Weights
from re2llm.graph.trainers import make_trainer
from re2llm.graph.weigh import weigh_hinted
from re2llm.kb_store.chroma_store import ChromaHintStore
from re2llm.kb_store.exchange import export_hints, import_hints
from re2llm.kb_store.hint import Status
from re2llm.kb_store.starter import starter_hints
from re2llm.policy.saved import current, load_policy, read_card
from re2llm.workspace import Workspace

Report = Callable[[int, int], None]
_DONE = "learnt.json"
_HINTS = (Status.ACTIVE, Status.SHADOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What learning a variant brought.

    Attributes:
        hints: active ones in the end.
        calls: model calls that were paid for; what the cache had is not among them.
        words: what the gate said of the policy, or why there is none.
    """

    hints: int
    calls: int
    words: str


class FoldMaker:
    """Makes folds once per number of sessions."""

    def __init__(self, parts: Parts) -> None:
        """Make them of this workspace."""
        self._parts = parts
        self._made: dict[int, list[Fold]] = {}

    def folds(self, sessions: int) -> list[Fold]:
        """Return folds over so many training sessions; fewer sessions are among the more.

        Raises:
            UserError: no training session has a next item.
        """
        if sessions not in self._made:
            parts = self._parts
            self._made[sessions] = make_folds(
                parts.dataset,
                parts.retriever,
                parts.case_maker,
                limit=sessions,
                seed=parts.settings.seed,
            )
        return self._made[sessions]


def read_learnt(folder: Path) -> Learnt | None:
    """Return what learning a variant brought, or None where it has not ended."""
    done = folder / _DONE
    return Learnt(**json.loads(done.read_text("utf-8"))) if done.is_file() else None


async def learn_variant(
    parts: Parts,
    variant: Variant,
    folder: Path,
    *,
    make: FoldMaker,
    valid: Sequence[Case],
    elsewhere: Path | None,
    report: Report,
) -> Learnt:
    """Learn a variant, or read what was learnt before; a stopped one begins anew from the cache.

    Raises:
        UserError: the call budget ran out, or what is to come from elsewhere is not there.
    """
    if (before_now := read_learnt(folder)) is not None:
        return before_now
    shutil.rmtree(folder, ignore_errors=True)
    budget = parts.client.budget
    before = budget.spent.calls
    with closing(open_variant(parts, variant.recipe, folder)) as own:
        if variant.recipe.hints_from == "elsewhere":
            _carry_hints(parts, own, other_workspace(elsewhere))
        else:
            await _find_hints(own, variant.recipe, make, report)
        words = await _policy(own, variant, make, valid, elsewhere, report)
        if budget.refused:
            raise UserError(
                f"the budget of {budget.limits.calls} calls does not reach for "
                f"{variant.name!r}; what was answered is kept, so run it again with a larger one"
            )
        active = own.store.hints(tenant=own.settings.tenant, status=[Status.ACTIVE])
        learnt = Learnt(hints=len(active), calls=budget.spent.calls - before, words=words)
    (folder / _DONE).write_text(json.dumps(asdict(learnt)), "utf-8")
    return learnt


async def _find_hints(own: VariantParts, recipe: Recipe, make: FoldMaker, report: Report) -> None:
    tenant = own.settings.tenant
    if recipe.hints_from == "reflection":
        plan = Plan(hints=recipe.hints, patience=recipe.patience)
        await explore(own, make.folds(recipe.sessions), plan, report)
    else:
        hints = starter_hints(tenant, Status.ACTIVE, time.time())
        own.store.put_all(hints, by="experiment", why="general hints")


def _carry_hints(parts: Parts, own: VariantParts, elsewhere: Workspace) -> None:
    """Take over another workspace's hints as they are, or those of this very one."""
    tenant = own.settings.tenant
    if elsewhere.root.resolve() == parts.workspace.root.resolve():
        text = export_hints(parts.store, tenant=tenant, status=_HINTS)
    else:
        with closing(ChromaHintStore(elsewhere.hints, own.store.encoder)) as store:
            text = export_hints(store, tenant=tenant, status=_HINTS)
    import_hints(own.store, text, by="experiment", tenant=tenant, trust=True)


async def _policy(
    own: VariantParts,
    variant: Variant,
    make: FoldMaker,
    valid: Sequence[Case],
    elsewhere: Path | None,
    report: Report,
) -> str:
    recipe = variant.recipe
    if not variant.trains:
        return "no policy is needed"
    if not own.store.hints(tenant=own.settings.tenant, status=_HINTS):
        return "there is no hint to choose from"
    if recipe.policy_from == "elsewhere":
        there = other_workspace(elsewhere).policy_of(own.settings.tenant)
        return await _carried(own, there, valid)
    plan = TrainPlan(
        trainer=make_trainer(recipe.method), calls=recipe.calls, static_calls=recipe.calls // 4 or 1
    )
    folds = own.blinded_folds(make.folds(recipe.sessions))
    learnt = await learn_policy(own, folds, own.blinded(valid), plan, report)
    return learnt.words


async def _carried(own: VariantParts, policies: Path, valid: Sequence[Case]) -> str:
    """Take over another workspace's policy; only what its orders count is fitted here."""
    version = current(policies)
    if version is None:
        return "there is no policy that serves elsewhere"
    folder = own.workspace.policy_of(own.settings.tenant)
    await asyncio.to_thread(shutil.copytree, policies, folder)
    encoder = own.store.encoder
    policy = load_policy(folder, encoder=encoder.identity, dim=encoder.dim)
    eligible = own.store.eligible(tenant=own.settings.tenant)
    texts = {hint.hint_id: hint.text for hint in eligible.hints}
    chosen = [(case, policy and policy.choose(case.features, eligible).hint_id) for case in valid]
    hinted = [(case, texts[hint_id]) for case, hint_id in chosen if hint_id]
    weighed = await weigh_hinted(own, hinted)
    weights = Weights(asked=own.asked, fusion=weighed.fusion)
    (folder / version / WEIGHTS).write_text(weights.model_dump_json(indent=1), "utf-8")
    origin = read_card(folder, version).origin
    return f"comes from {origin.data} and model {origin.model!r}, without a gate"


def other_workspace(elsewhere: Path | None) -> Workspace:
    """Return the workspace that hints are taken over from; raises `UserError` without hints."""
    if elsewhere is None or not Workspace(elsewhere).hints.is_dir():
        named = "none was named" if elsewhere is None else f"{str(elsewhere)!r} holds no hints"
        raise UserError(
            f"this experiment needs another workspace's hints, and {named}; name a workspace (or a "
            "variant's folder in `runs`) with --from"
        )
    return Workspace(elsewhere)
