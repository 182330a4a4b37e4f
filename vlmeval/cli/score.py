"""`vlmeval score`: numbers from journals, without a network, and without a model but for the encoder of CLIPScore."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import get_args

import click

from vlmeval.cli.encoders import asked_encoder, embed, encoder_options
from vlmeval.cli.submitting import submit
from vlmeval.data.catalog import list_suites
from vlmeval.errors import VlmevalError
from vlmeval.run.settings import RunSettings
from vlmeval.score import table
from vlmeval.score.blind import gain_rows, gains
from vlmeval.score.board_suites import suite_lines
from vlmeval.score.scorer import score_run
from vlmeval.score.scorers import beside_row, difference_lines
from vlmeval.stats.bootstrap import Method
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.manifest import read_manifest
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
@click.option(
    "--scorer",
    metavar="NAME",
    help="Score as another program does: vlmevalkit, lmms, llava, or what else `vlmeval tasks show` names.",
)
@click.option(
    "--interval",
    type=click.Choice(get_args(Method)),
    default="percentile",
    show_default=True,
    help="How intervals are found: cluster bootstrap (plain or BCa), or without resampling.",
)
@encoder_options
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
    scorer: str | None,
    interval: Method,
    clipscore: str | None,
    clipscore_args: tuple[str, ...],
    *,
    allow_no_judge: bool,
) -> int:
    """Score RUNS again: folders of runs, or any folder above them."""
    folders = find_runs(runs)

    def scored(folder: RunFolder) -> Scores:
        if encoder is not None:
            embed(folder, encoder, RunSettings(), aside=form != "table")
        return score_run(
            folder,
            errors=errors,
            policy=policy,
            slices=slices,
            allow_no_judge=allow_no_judge,
            scorer=scorer,
            interval=interval,
        )

    with ExitStack() as stack:
        encoder = None
        if clipscore is not None:
            kinds = [read_manifest(folder).task.kind for folder in folders]
            encoder = stack.enter_context(closing(asked_encoder(clipscore, clipscore_args, kinds)))
        found = each_run(folders, scored)
    if not found and folders:
        return 2
    scores = list(found.values())
    for folder in found:
        submit(folder, errors, aside=form != "table")
    if form == "table":
        table.print_scores(scores, tags=slices, more=more_rows(found))
        say_differences(found)
        say_suites(found)
    else:
        runs_found = list(found)
        text = (
            table.markdown(scores, more=more_rows(found))
            if form == "markdown"
            else table.csv_text(scores, gains=gains(runs_found))
        )
        click.echo(text, nl=False)
    if len(found) < len(folders):
        return 2
    return 0 if all(item.complete for item in scores) else 1


def each_run(folders: Sequence[RunFolder], scored: Callable[[RunFolder], Scores]) -> dict[RunFolder, Scores]:
    """Return the scores of the runs that can be read; what is wrong with each other one is said.

    One damaged run must not hide the others.
    """
    found = {}
    said: set[str] = set()
    for folder in folders:
        try:
            found[folder] = scored(folder)
        except VlmevalError as error:
            if (text := f"vlmeval: {error}") not in said:  # of a task or an option: once, not run by run
                click.echo(text, err=True)
            said.add(text)
    return found


def more_rows(found: Mapping[RunFolder, Scores]) -> list[list[table.Row]]:
    """Return the lines below each run's own: what the default scorer gives, and what is due to the image."""
    gained = gain_rows(list(found))
    return [[*beside_row(scores), *gain] for scores, gain in zip(found.values(), gained, strict=True)]


def say_differences(found: Mapping[RunFolder, Scores]) -> None:
    """Say on which samples another scorer differs from the default one, run by run."""
    for folder, scores in found.items():
        for line in difference_lines(folder, scores):
            click.echo(line)


def say_suites(found: Mapping[RunFolder, Scores]) -> None:
    """Say the average of each suite that a model has whole, with its recipe."""
    if len({scores.task for scores in found.values()}) < 2:
        return
    runs = [(scores, read_manifest(folder).task.benchmark) for folder, scores in found.items()]
    for line in suite_lines(runs, list_suites()):
        click.echo(f"suite    {line}")
