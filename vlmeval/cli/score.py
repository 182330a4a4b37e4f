"""`vlmeval score`: numbers from journals, without a model and without a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import click

from vlmeval.errors import VlmevalError
from vlmeval.score import table
from vlmeval.score.blind import gain_rows
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.results import ErrorPolicy, Scores


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
@click.option("--allow-no-judge", is_flag=True, help="Open replies may stay without a score: no exit status 1 for it.")
@click.option(
    "--slice", "slices", multiple=True, metavar="TAG", help="Also score by the values of this tag; repeatable."
)
@click.option("--format", "form", type=click.Choice(["table", "markdown", "csv"]), default="table", show_default=True)
def command(
    runs: tuple[Path, ...],
    errors: ErrorPolicy,
    policy: str | None,
    slices: tuple[str, ...],
    form: str,
    *,
    allow_no_judge: bool,
) -> int:
    """Score RUNS again: folders of runs, or any folder above them."""
    folders = find_runs(runs)
    found = each_run(
        folders,
        lambda folder: score_run(folder, errors=errors, policy=policy, slices=slices, allow_no_judge=allow_no_judge),
    )
    scores = list(found.values())
    if form == "table":
        table.print_scores(scores, tags=slices, more=gain_rows(list(found)))
    else:
        click.echo(table.markdown(scores) if form == "markdown" else table.csv_text(scores), nl=False)
    if len(found) < len(folders):
        return 2
    return 0 if all(item.complete for item in scores) else 1


def each_run(folders: Sequence[RunFolder], scored: Callable[[RunFolder], Scores]) -> dict[RunFolder, Scores]:
    """Return the scores of the runs that can be read; what is wrong with each other one is said.

    One damaged run must not hide the others.
    """
    found = {}
    for folder in folders:
        try:
            found[folder] = scored(folder)
        except VlmevalError as error:
            click.echo(f"vlmeval: {error}", err=True)
    return found
