"""The command that trains a sequence model for retrieval: `re2llm train-retriever`."""

from typing import Annotated, Literal

import typer

from re2llm.catalog.neural.plan import Kind, Plan
from re2llm.commands.serve import WorkspaceOption
from re2llm.errors import UserError

_USUAL = Plan()


def train_retriever(
    kind: Annotated[Kind, typer.Option(help="What to train; both may serve.")] = "sasrec",
    epochs: Annotated[int, typer.Option(help="At most.", min=1)] = _USUAL.epochs,
    patience: Annotated[
        int, typer.Option(help="Stop after so many epochs that bring nothing.", min=1)
    ] = _USUAL.patience,
    dim: Annotated[int, typer.Option(help="Length of an item's vector.", min=2)] = _USUAL.dim,
    layers: Annotated[int, typer.Option(help="Layers of the network.", min=1)] = _USUAL.layers,
    negatives: Annotated[
        int, typer.Option(help="Items that a step's next items are told apart from.", min=1)
    ] = _USUAL.negatives,
    batch: Annotated[int, typer.Option(help="Sessions per step.", min=1)] = _USUAL.batch,
    rate: Annotated[float, typer.Option(help="Rate of learning.", min=0)] = _USUAL.rate,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Where to train.")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="Of the processor.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything drawn by lot.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Train a model of what comes next; it becomes one more source of retrieval's evidence."""
    import torch

    from re2llm.catalog.dataset import open_dataset
    from re2llm.catalog.neural.learn import learn_model
    from re2llm.catalog.neural.training import pick_device
    from re2llm.commands.screen import console, notes, progress
    from re2llm.graph.encoders import close_encoder, keep_encoder, open_encoder
    from re2llm.graph.retrieval import open_plain_retrieval, with_models
    from re2llm.settings import read_settings
    from re2llm.workspace import Workspace

    settings = read_settings(workspace=workspace, seed=seed)
    place = Workspace(settings.workspace)
    place.require_data()
    where = pick_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    dataset = open_dataset(place.data)
    try:
        plan = Plan(
            kind=kind,
            dim=dim,
            layers=layers,
            negatives=negatives,
            rate=rate,
            batch=batch,
            epochs=epochs,
            patience=patience,
            seed=settings.seed,
        )
    except ValueError as error:
        raise UserError(f"such a model cannot be made: {error}") from error
    plain = open_plain_retrieval(place, dataset, open_encoder(settings, place))
    keep_encoder(settings, place)
    notes.print(f"Training {kind} on {len(dataset.train):,} sessions, on {where}.")
    with progress("Steps") as report:
        trained = learn_model(
            plan,
            plain.encoder,
            place.neural,
            catalog=dataset.catalog,
            log=dataset.train,
            valid=dataset.valid,
            device=where,
            report=report,
        )
    console.print(
        f"Best of {len(trained.curve)} epochs: the {trained.best_epoch}., NDCG@20 "
        f"{trained.score:.4f} on held-out sessions over all {len(dataset.catalog):,} items; "
        f"{trained.seconds:.0f} s."
    )
    close_encoder(plain.encoder)
    weights = with_models(plain, place, dataset).retriever.weights
    told = ", ".join(f"{name} {value:.2f}" for name, value in sorted(weights.by_source.items()))
    console.print(f"Weights learnt on {weights.sessions} sessions: {told}.", highlight=False)
    console.print("It serves from the next start on. Next: re2llm train", highlight=False)
