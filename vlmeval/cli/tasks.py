"""`vlmeval tasks`: what can be asked, and the card of a task with its prompt rendered."""

from __future__ import annotations

from pathlib import Path

import click

from vlmeval.cli.browse import browser
from vlmeval.data.catalog import catalog_roots, list_catalog
from vlmeval.data.options import DataOptions
from vlmeval.data.suites import suites_of


def entries(roots: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Return the name, kind and title of every task, then the suites."""
    listing = list_catalog(roots)
    for problem in listing.problems:
        click.echo(f"left out: {problem}", err=True)
    suites, problems = suites_of(catalog_roots(roots), listing.tasks)
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)
    lines = [(task.name, f"{task.kind:<9}  {task.title}") for task in listing.tasks]
    return lines + [(name, f"suite      {', '.join(suite.names)}") for name, suite in suites.items()]


def card(name: str, roots: tuple[Path, ...]) -> str:
    """Return the card of a task, from the data that is found without being named."""
    from vlmeval.cli.card import card as task_card  # readers of data: not where tasks are only listed

    return task_card(name, DataOptions(offline=True, catalog=roots))


command = browser("task", summary="List, search and show tasks and suites.", entries=entries, card=card)


@command.command("show")
@click.argument("name")
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="A data file or folder, for a real question."
)
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder with data files.")
@click.pass_context
def show(context: click.Context, name: str, data: Path | None, data_dir: Path | None) -> None:
    """Show all that is known of one task: data, metrics, scorers, what it was verified against, traps, its prompt.

    The prompt is that of the first question where the data is on this machine (LMUData, the cache of the hub, --data,
    --data-dir), else of a made-up one, which it says.
    """
    from vlmeval.cli.card import card as task_card

    roots = tuple(context.find_root().meta.get("catalog", ()))
    click.echo(task_card(name, DataOptions(data, data_dir, offline=True, catalog=roots)))
