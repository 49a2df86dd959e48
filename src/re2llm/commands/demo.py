"""`re2llm demo`: the whole loop on a synthetic shop, offline, in about a minute."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from re2llm.catalog.sessions import Session
    from re2llm.evals.pictures import LearningCurve
    from re2llm.evals.report import Report
    from re2llm.graph.app import Re2LLM
    from re2llm.graph.cases import Case
    from re2llm.graph.learn import Learnt
    from re2llm.graph.parts import Parts
    from re2llm.settings import Settings

SESSIONS, CALLS, JUDGED = 400, 2000, 200


def demo(
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Where the synthetic shop goes.")
    ] = Path("demo-shop"),
    seed: Annotated[int, typer.Option(help="Of the shop and of everything drawn by lot.")] = 0,
) -> None:
    """Run everything on a synthetic shop, offline: explore, train, evaluate, recommend, reflect."""
    import time

    from re2llm.commands.screen import console
    from re2llm.langsmith_client import untraced
    from re2llm.settings import STAND_IN, read_settings

    started = time.perf_counter()
    settings = read_settings(workspace=workspace, model=STAND_IN, seed=seed, k=5, concurrency=32)
    console.rule("[bold]Re2LLM demo: a recommender that learns how to ask")
    console.print(
        "A synthetic shop, and the offline stand-in in place of a language model: every number "
        "below shows that the loop works, and none says what a language model would reach.\n"
    )
    _shop(settings)
    with untraced():
        asyncio.run(_learn(settings))
        asyncio.run(_serve(settings))
    console.rule("[bold]Next")
    console.print(
        f"re2llm hints list -w {workspace}\n"
        f"re2llm recommend -w {workspace} --request 'something under 30'\n"
        f"re2llm doctor -w {workspace}\n"
        "re2llm ingest YOUR-DATA -w shop      # then explore, train and evaluate with -w shop\n"
        "RE2LLM_MODEL=... RE2LLM_BASE_URL=... # a language model in place of the stand-in",
        highlight=False,
        markup=False,
    )
    console.print(f"\nDone in {time.perf_counter() - started:.0f} s.", highlight=False)


def _shop(settings: "Settings") -> None:
    from re2llm.catalog.shop.shop import ShopPlan, write_shop
    from re2llm.commands.screen import console
    from re2llm.workspace import Workspace

    home = Workspace(settings.workspace)
    if home.data.exists():
        console.print(f"The shop in {home.root} is there already; going on with it.")
        return
    shop = write_shop(home.data, ShopPlan(seed=settings.seed))
    home.write_kinds(shop.kinds)
    console.print(
        f"[bold]Shop[/bold]  {shop.items:,} items, {shop.sessions:,} sessions in {home.root}"
    )


async def _learn(settings: "Settings") -> None:
    """Explore, train and evaluate."""
    from re2llm.commands.learn import bill
    from re2llm.commands.screen import console, progress
    from re2llm.evals.report_text import terminal_table
    from re2llm.graph.exploration import Plan
    from re2llm.graph.explore import explore
    from re2llm.graph.folds import make_folds
    from re2llm.graph.learn import learn_policy
    from re2llm.graph.learning import TrainPlan
    from re2llm.graph.opening import open_parts
    from re2llm.graph.weigh import learn_fusion
    from re2llm.policy.thompson import Thompson

    parts = await asyncio.to_thread(open_parts, settings, None)
    try:
        valid = parts.valid_cases()
        with progress("Fusion weight") as report:
            parts = await learn_fusion(parts, valid, report)
        folds = make_folds(
            parts.dataset, parts.retriever, parts.case_maker, limit=SESSIONS, seed=settings.seed
        )
        with progress("Reflecting on errors") as report:
            found = await explore(parts, folds, Plan(hints=12, patience=6), report)
        console.print(
            f"[bold]Explore[/bold]  {found.errors} of {found.sessions} sessions missed; "
            f"{found.reflections - found.spared} reflections proposed {found.proposed} hints: "
            f"{found.admitted} became active, {found.shadow} wait as shadows, the others were "
            "refused."
        )
        plan = TrainPlan(
            trainer=Thompson(growth=0.2, weights=600), calls=CALLS, static_calls=CALLS // 6, curve=4
        )
        with progress("Training the policy") as report:
            learnt = await learn_policy(parts, folds, valid, plan, report)
        console.print(f"[bold]Train[/bold]  policy {learnt.words}")
    finally:
        parts.close()
    parts = await asyncio.to_thread(open_parts, settings, None)
    try:
        made, page = await _judge(parts, valid, learnt)
        console.print(terminal_table(made.tables[0]))
        for finding in made.findings:
            console.print(f"- {finding}", markup=False)
        console.print(f"{bill(parts.client.budget.spent)} Report with pictures: {page}")
    finally:
        parts.close()


async def _judge(
    parts: "Parts", valid: "Sequence[Case]", learnt: "Learnt"
) -> "tuple[Report, Path]":
    from re2llm.commands.judge import facts
    from re2llm.commands.screen import progress
    from re2llm.evals.main_table import main_table
    from re2llm.evals.report import make_report, write_report

    asked = parts.dataset.test[:JUDGED]
    with progress("Evaluating on held-out sessions") as report:
        comparison = await main_table(
            parts,
            asked,
            valid=valid,
            facts=facts(parts, "test sessions", "make demo", asked),
            progress=report,
        )
    made = make_report(
        comparison,
        sessions=asked,
        titles={item.item_id: item.title for item in parts.catalog},
        hints={hint.hint_id: hint.text for hint in parts.store.hints()},
        kinds=parts.workspace.read_kinds(),
        curve=learning_curve(learnt),
    )
    return made, write_report(made, parts.workspace.runs / "demo")


async def _serve(settings: "Settings") -> None:
    """Recommend, take negative feedback, reflect, and show the new hint at work."""
    from rich.table import Table

    from re2llm.commands.screen import console, new_hints_table, slate_table
    from re2llm.graph.app import Re2LLM

    async with await Re2LLM.open(settings) as app:
        session = await _missed(app)
        if session is None or session.target is None:
            console.print("No session of the last ones missed its item; nothing to reflect on.")
            return
        slate = await app.recommend(session.items, candidates=session.candidates)
        console.rule("[bold]One shopper")
        for item_id in session.items[-4:]:
            console.print(f"  looked at {app.parts.catalog[item_id].title}", highlight=False)
        console.print(slate_table(slate, settings.model_label, rows=5))
        wanted = app.parts.catalog[session.target]
        console.print(f"The shopper took {wanted.title!r}, which was not shown.", highlight=False)
        outcome = await app.feedback(slate.id, chosen=session.target)
        console.print(new_hints_table(outcome.new_hints))
        before = await _place(app, session, "none")
        table = Table(title=f"Where {wanted.title!r} is now", title_justify="left")
        table.add_column("asked with")
        table.add_column("place", justify="right")
        table.add_row("no hint", str(before))
        for hint in outcome.new_hints:
            if hint["status"] in ("active", "shadow", "candidate"):
                table.add_row(hint["text"], str(await _place(app, session, hint["hint_id"])))
        console.print(table)


async def _missed(app: "Re2LLM") -> "Session | None":
    """Find a session in which the model is to blame: with some hint the item would be shown."""
    for session in app.parts.dataset.test[JUDGED : JUDGED + 200]:
        place = await _place(app, session, "policy")
        if session.target is not None and app.parts.settings.k < place <= 2 * app.parts.settings.k:
            return session
    return None


async def _place(app: "Re2LLM", session: "Session", hint: str) -> int:
    from re2llm.evals.graph_runner import GraphRunner
    from re2llm.graph.builder import build_graph

    runner = GraphRunner(graph=build_graph(app.parts.steps).compile(), k=app.parts.settings.k)
    slate = await runner.slate(session, None if hint == "none" else hint)
    if session.target not in slate.items:
        return len(slate.items) + 1
    return slate.items.index(session.target) + 1


def learning_curve(learnt: "Learnt") -> "LearningCurve":
    """Turn held-out gains into a picture's curve."""
    from re2llm.evals.pictures import LearningCurve

    base = learnt.base
    static = learnt.decision.over_none.mean - learnt.decision.over_static.mean
    return LearningCurve(
        calls=[0, *(point.calls for point in learnt.curve)],
        values=[base, *(base + point.gain for point in learnt.curve)],
        low=[base, *(base + point.low for point in learnt.curve)],
        high=[base, *(base + point.high for point in learnt.curve)],
        metric="NDCG@10",
        references={"no hint": base, "best static hint": base + static},
    )
