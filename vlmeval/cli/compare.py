"""`vlmeval compare`: runs against a baseline, pair by pair, and runs against published figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vlmeval.cli.report import scores_of
from vlmeval.cli.score import each_run
from vlmeval.data.catalog import find_task
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError
from vlmeval.report.comparison import write_compare_page
from vlmeval.score import compare_table as table
from vlmeval.score.compare import CompareOptions, Comparison, compare_runs, sides_of
from vlmeval.score.compare_published import PublishedCheck, published_checks
from vlmeval.score.compare_sides import Side, find_side
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.manifest import read_manifest


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--baseline", metavar="RUN|MODEL", help="What the others are compared with; default the first.")
@click.option("--metric", default="", metavar="NAME", help="Compare by this metric; default each task's primary one.")
@click.option("--allow-different", is_flag=True, help="Compare runs of other data, prompts or scorers all the same.")
@click.option("--no-slices", is_flag=True, help="Only whole tasks.")
@click.option(
    "--fail-if-worse",
    type=click.FloatRange(0),
    metavar="POINTS",
    help="Exit status 1 where a task is worse by more than POINTS, on its metric's scale, and the difference is shown "
    "(p <= .05 after Holm).",
)
@click.option(
    "--samples-for",
    type=click.FloatRange(0, min_open=True),
    metavar="POINTS",
    help="Also say how many samples show a difference of POINTS.",
)
@click.option("--published", is_flag=True, help="Compare each run with the figures published of its model.")
@click.option(
    "--format", "form", type=click.Choice(["table", "markdown", "csv", "json"]), default="table", show_default=True
)
@click.option("--html", is_flag=True, help="Also write a page: figures, and the flips side by side.")
@click.option(
    "-o",
    "--output",
    "reports",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Folder of the page; below it, in compare/.",
)
@click.option(
    "--catalog",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="More tasks/ with published figures.",
)
def command(runs: tuple[Path, ...], **given: Any) -> int:
    """Compare RUNS (A B [C ...]): run folders, or folders above them; of a single folder, the models in it.

    Samples are paired: only those that both runs have and scored count. Exit status: 0 compared, 1 worse than
    --fail-if-worse allows, 2 a pair could not be compared.
    """
    folders = find_runs(runs)
    if len(each_run(folders, scores_of)) < len(folders):
        return 2
    if given["published"]:
        return show_published(folders, given)
    sides = sides_of(runs)
    options = CompareOptions(
        metric=given["metric"],
        allow_different=given["allow_different"],
        slices=not given["no_slices"],
        difference=given["samples_for"],
    )
    comparison = compare_runs(sides, baseline=baseline_of(sides, given["baseline"]), options=options)
    show(comparison, given["form"])
    if given["html"]:
        click.echo(f"report   {write_compare_page(comparison, given['reports'])}", err=given["form"] != "table")
    return status_of(comparison, given["fail_if_worse"])


def baseline_of(sides: Sequence[Side], name: str | None) -> int:
    """Return the place of the baseline."""
    return 0 if name is None else find_side(sides, name)


def show(comparison: Comparison, form: str) -> None:
    """Print the comparison in the form asked for."""
    if form == "table":
        table.print_comparison(comparison)
    else:
        text = {"markdown": table.markdown, "csv": table.csv_text, "json": table.json_text}[form](comparison)
        click.echo(text, nl=False)


def status_of(comparison: Comparison, points: float | None) -> int:
    """Return the exit status; what fails is said on stderr, so that a log of CI shows it."""
    for one in comparison.refused:
        click.echo(f"vlmeval: {one.task}: {one.model} is not compared with {one.baseline}: {one.refused}", err=True)
    worse = comparison.worse_by(points) if points is not None else []
    for one in worse:
        click.echo(f"vlmeval: --fail-if-worse {points:g}: {one.task}: {one.model} is {table.conclusion(one)}", err=True)
    if comparison.refused:
        return 2
    return 1 if worse else 0


def show_published(folders: Sequence[RunFolder], given: dict[str, Any]) -> int:
    """Print how each run stands to the figures published of its model; 2 where nothing is published of any."""
    checks: list[PublishedCheck] = []
    unknown = []
    for folder in folders:
        found = published_checks(folder, todays_task(folder, given["catalog"]))
        checks += found
        if not found:
            manifest = read_manifest(folder)
            unknown.append(f"{manifest.task.name}: no figure of {manifest.model_name} is known")
    if given["form"] == "json":
        click.echo(table.json_text(None, checks), nl=False)
    elif given["form"] == "csv":
        click.echo(table.published_csv(checks), nl=False)
    else:
        mark = "- " if given["form"] == "markdown" else ""
        for line in table.published_lines(checks):
            click.echo(f"{mark}{line}")
    for line in unknown:
        click.echo(line, err=True)
    return 0 if checks else 2


def todays_task(folder: RunFolder, catalog: tuple[Path, ...]) -> Task | None:
    """Return the task of a run as the catalog has it today; None where it is not there, as with a file of one's own."""
    try:
        return find_task(read_manifest(folder).task.name, catalog)
    except ConfigError:
        return None
