"""`vlmeval leaderboard`: the board of all runs below folders of results, as a static site, JSON and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vlmeval.cli.report import scores_of
from vlmeval.cli.score import each_run
from vlmeval.cli.validate import validated
from vlmeval.data.catalog import find_suite, list_suites, list_tasks
from vlmeval.data.published import FILE, published_files, published_text, read_published, with_published
from vlmeval.data.suites import Suite
from vlmeval.data.task import Published, Task
from vlmeval.jsonio import write_whole
from vlmeval.models.cards import Cards
from vlmeval.report.leaderboard import page_link, write_leaderboard
from vlmeval.report.leaderboard_ratings import ratings_files, with_ratings
from vlmeval.report.page import write_run_page
from vlmeval.score.board import BoardOptions, make_board
from vlmeval.score.board_types import Board
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.results import Manifest


@click.command("leaderboard")
@click.argument("results", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), default=Path("reports/leaderboard"), show_default=True
)
@click.option("--title", default="Leaderboard", show_default=True, help="The heading of the page.")
@click.option("--suite", "suites", multiple=True, metavar="NAME|FILE", help="Also average over this suite; repeatable.")
@click.option("--allow-incomplete", is_flag=True, help="Show runs that are not complete, marked so, without a rank.")
@click.option("--validate", is_flag=True, help="Leave out runs that `vlmeval validate` does not pass.")
@click.option("--pages", is_flag=True, help="Write the page of each run into the site, and link to those.")
@click.option(
    "--reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True,
    help="Folder of the run pages that cells link to.",
)  # fmt: skip
@click.option(
    "--cards", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="More model cards (TOML); repeatable.",
)  # fmt: skip
@click.option(
    "--ratings", multiple=True, type=click.Path(path_type=Path, exists=True), metavar="PATH",
    help="Human ratings of `vlmeval sbs rate`, besides those in RESULTS/sbs; repeatable.",
)  # fmt: skip
@click.option(
    "--catalog", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="More tasks/ with published figures and suites.",
)  # fmt: skip
@click.option(
    "--write-published", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Only write the catalog's published figures to FOLDER/scores.csv.",
)  # fmt: skip
def command(results: tuple[Path, ...], **given: Any) -> int:
    """Write the leaderboard of all runs below RESULTS, folders of several people together.

    Exit status: 0 all runs are on the board, 1 some were left out (incomplete, not valid), 2 none could be, or wrong
    use.
    """
    if given["write_published"]:
        return write_published(given["write_published"], given["catalog"])
    if not results:
        raise click.UsageError("name a folder of results, such as results/")
    folders = find_runs(results)
    found = each_run(folders, scores_of)
    refused = unvalidated(list(found), given["catalog"]) if given["validate"] else set()
    board = board_of([folder for folder in found if folder not in refused], results, given)
    page = write_leaderboard(board, given["out"])
    say(board, given["suites"])
    click.echo(
        f"leaderboard  {page}\ndata         {page.parent / 'leaderboard.json'}  {page.parent / 'leaderboard.csv'}"
    )
    return 1 if refused or board.left_out or len(found) < len(folders) else 0


def board_of(folders: Sequence[RunFolder], results: Sequence[Path], given: dict[str, Any]) -> Board:
    """Return the board of scored runs."""
    out: Path = given["out"]
    pages: Path = given["reports"]
    if given["pages"]:
        pages = out / "runs"
        for folder in folders:
            write_run_page(folder, pages)
    more = published_below(results)
    today = {task.name: task for task in list_tasks(given["catalog"])}

    def task_of(manifest: Manifest) -> Task:
        name = manifest.task.name
        return with_published(today.get(name, manifest.task), more.get(name, ()))

    options = BoardOptions(
        title=given["title"],
        allow_incomplete=given["allow_incomplete"],
        suites=asked_suites(given["suites"], given["catalog"]),
        asked=tuple(find_suite(name, given["catalog"]).name for name in given["suites"]),
        cards=Cards(given["cards"]),
        task_of=task_of,
        page_of=lambda folder: page_link(folder, pages, out),
    )
    return with_ratings(make_board(folders, options), ratings_files(results, given["ratings"]))


def published_below(results: Sequence[Path]) -> dict[str, list[Published]]:
    """Return the figures in RESULTS/published by task."""
    found: dict[str, list[Published]] = {}
    for path in published_files(results):
        for task, rows in read_published(path).items():
            found.setdefault(task, []).extend(rows)
    return found


def asked_suites(names: Sequence[str], catalog: Sequence[Path]) -> list[Suite]:
    """Return the suites asked for, then all others of the catalog. Raises ConfigError for an unknown one."""
    asked = [find_suite(name, catalog) for name in names]
    return [*asked, *(suite for suite in list_suites(catalog) if suite.name not in {one.name for one in asked})]


def unvalidated(folders: Sequence[RunFolder], catalog: tuple[Path, ...]) -> set[RunFolder]:
    """Return the runs that are not valid; the first fault of each is said."""
    refused = set()
    for folder in folders:
        found = validated(folder, catalog)
        if not found.valid:
            refused.add(folder)
            click.echo(f"vlmeval: {folder.path}: not valid, left out: {found.faults[0].words()}", err=True)
    return refused


def say(board: Board, asked: Sequence[str]) -> None:
    """Print what is on the board, what is not, and the averages of the suites with their recipes."""
    click.echo(f"{len(board.rows)} models, {len(board.columns)} tasks, {len(board.cells)} figures")
    for line in board.left_out:
        click.echo(f"left out: {line}", err=True)
    for suite in board.suites:
        click.echo(f"{suite.name} = {suite.recipe}")
        for cell in suite.cells:
            if cell.value is not None:
                bounds = (
                    f" ({cell.low:.1f} – {cell.high:.1f})" if cell.low is not None and cell.high is not None else ""
                )
                click.echo(f"  {cell.model}: {cell.value:.1f}{bounds}")
            elif asked:
                click.echo(f"  {cell.model}: no average, missing: {', '.join(cell.missing)}")


def write_published(folder: Path, catalog: Sequence[Path]) -> int:
    """Write the published figures of the catalog to `folder`."""
    path = folder / FILE
    write_whole(path, published_text(list_tasks(catalog)).encode())
    click.echo(f"published  {path}")
    return 0
