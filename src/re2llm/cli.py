"""The command line: which words there are, and how it ends when something is wrong."""

import sys

import typer

from re2llm.commands import (
    data,
    demo,
    doctor,
    experiment,
    hint_history,
    hints,
    judge,
    langsmith,
    learn,
    model,
    policies,
    retriever,
    serve,
    service,
)
from re2llm.database import DatabaseUnavailable
from re2llm.errors import UserError

app = typer.Typer(
    name="re2llm",
    help="A session recommender that learns how to ask.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("ingest")(data.ingest)
app.command("rebuild")(data.rebuild)
app.command("explore")(learn.explore)
app.command("train")(learn.train)
app.command("train-retriever")(retriever.train_retriever)
app.command("evaluate")(judge.evaluate)
app.command("serve")(service.serve)
app.command("recommend")(serve.recommend)
app.command("feedback")(serve.feedback)
app.command("compare")(judge.compare)
app.command("experiment")(experiment.experiment)
app.command("send-feedback")(langsmith.send_feedback)
app.command("doctor")(doctor.doctor)
app.command("serve-model")(model.serve_model)
for word, command in hint_history.COMMANDS.items():
    hints.app.command(word)(command)
app.add_typer(hints.app, name="hints")
app.add_typer(policies.app, name="policy")


INTERRUPTED = 130
"""The code that typer exits with after Ctrl-C."""


def main() -> None:
    """Run a command; what the user can mend is one line, never a traceback."""
    try:
        app()
    except (UserError, DatabaseUnavailable) as error:
        typer.secho(f"re2llm: {error}", err=True, fg=typer.colors.RED)
        sys.exit(2)
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            typer.secho(
                "re2llm: stopped; what was paid for is kept, the same command goes on from here",
                err=True,
            )
        raise


if __name__ == "__main__":
    main()
