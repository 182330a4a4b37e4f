"""`vlmeval import`: results of VLMEvalKit and lmms-eval as runs, scored again, so that old numbers can be compared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from vlmeval.cli import options
from vlmeval.cli.asked import checked
from vlmeval.data.catalog import find_task, list_tasks
from vlmeval.data.foreign import ForeignResult, foreign_files, recognise
from vlmeval.data.options import DataOptions
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError, VlmevalError
from vlmeval.run.importing import import_result
from vlmeval.run.session import RunSettings
from vlmeval.score import table
from vlmeval.score.scorer import score_run
from vlmeval.store.results import Scores


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--task", metavar="NAME", help="The task of the file, where its name does not say it.")
@click.option("--model-name", metavar="NAME", help="The model, where name or folder do not say it.")
@click.option("--extractor", metavar="NAME", help="The rule that reads replies, such as vlmevalkit-2024.")
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="The questions, if not those of the file.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder with data files.")
@click.option("--offline", is_flag=True, help="Use only what is on this machine.")
@click.option("-o", "--output", "results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option(
    "--catalog",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="More tasks/ and benchmarks/.",
)
def command(path: Path, **given: Any) -> int:
    """Import PATH: a result of VLMEvalKit (.xlsx, .tsv, .json, .pkl) or lmms-eval (*_samples_*.jsonl), or a folder.

    A folder imports what it recognises by name, and lists the rest. The same file again is the same run.
    """
    if path.is_dir() and (given["task"] or given["data"]):
        raise ConfigError("--task and --data go with one file; import the files one by one")
    named = find_task(given["task"], given["catalog"]) if given["task"] else None
    found, unknown = sorted_out(path, named, given)
    scores = [one for one in (imported(result, given) for result in found) if one is not None]
    if scores:
        table.print_scores(scores)
    if unknown:
        click.echo(f"not imported, {len(unknown)}:", err=True)
        for reason in unknown:
            click.echo(f"  {reason}", err=True)
    if len(scores) < len(found) or not found:
        return 2
    return 0 if all(one.complete for one in scores) else 1


def sorted_out(path: Path, named: Task | None, given: dict[str, Any]) -> tuple[list[ForeignResult], list[str]]:
    """Return the results in `path`, and for each other file why it is none."""
    tasks = list_tasks(given["catalog"])
    found, unknown = [], []
    for file in foreign_files(path):
        try:
            found.append(recognise(file, tasks, task=named, model=given["model_name"] or ""))
        except DataError as error:
            unknown.append(str(error))
    return found, unknown


def imported(result: ForeignResult, given: dict[str, Any]) -> Scores | None:
    """Import and score one file; what is wrong with it is said, and the next goes on."""
    where = DataOptions(
        given["data"], given["data_dir"], None, options.offline(asked=given["offline"]), given["catalog"]
    )
    try:
        task = with_extractor(result.task, given["extractor"])
        asked = ForeignResult(result.path, result.program, task, result.model)
        run = import_result(asked, where, RunSettings(quiet=True), results=given["results"], command=sys.argv)
        scores = score_run(run.folder)
    except VlmevalError as error:
        said = str(error)
        click.echo(f"vlmeval: {said if str(result.path) in said else f'{result.path}: {said}'}", err=True)
        return None
    click.echo(f"{result.program} {result.path} -> {run.folder.path}")
    return scores


def with_extractor(task: Task, extractor: str | None) -> Task:
    """Return the task with another rule to read replies. Raises ConfigError where its kind has no such rule."""
    if extractor is None:
        return task
    return checked(msgspec.structs.replace(task, options={**task.options, "extractor": extractor}))
