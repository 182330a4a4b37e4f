"""`vlmeval score`: numbers from journals, without a model and without a network."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from vlmeval.score import table
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import find_runs
from vlmeval.store.results import ErrorPolicy


@click.command("score")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--errors",
    type=click.Choice(get_args(ErrorPolicy)),
    default="fail",
    show_default=True,
    help="What a failed request counts as.",
)
@click.option("--policy", type=click.Choice(["honest", "official"]), help="What an unparsed reply counts as.")
@click.option("--format", "form", type=click.Choice(["table", "markdown", "csv"]), default="table", show_default=True)
def command(runs: tuple[Path, ...], errors: ErrorPolicy, policy: str | None, form: str) -> int:
    """Score RUNS again: folders of runs, or any folder above them."""
    scores = [score_run(folder, errors=errors, policy=policy) for folder in find_runs(runs)]
    if form == "table":
        table.print_scores(scores)
    else:
        click.echo(table.markdown(scores) if form == "markdown" else table.csv_text(scores), nl=False)
    return 0 if all(item.complete for item in scores) else 1
