"""`vlmeval export`: finished runs as tables for papers, metadata of model cards, and runs of experiment trackers."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from vlmeval.cli.report import scores_of
from vlmeval.cli.score import each_run
from vlmeval.errors import ConfigError
from vlmeval.jsonio import write_whole
from vlmeval.report import exports, tables
from vlmeval.report.page import read_samples
from vlmeval.report.trackers import TrackedRun, log_mlflow, log_wandb
from vlmeval.score.blind import gains
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import Scores

TEXTS = ("model-index", "latex", "markdown", "json")
TRACKERS = {"wandb": log_wandb, "mlflow": log_mlflow}


@click.command("export")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--format", "form", type=click.Choice([*TEXTS, *TRACKERS]), required=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the text there; default stdout."
)
@click.option("--project", metavar="NAME", help="W&B project or MLflow experiment; default vlmeval.")
@click.option("--samples", is_flag=True, help="W&B and MLflow: also the table of samples.")
def command(runs: tuple[Path, ...], form: str, output: Path | None, project: str | None, *, samples: bool) -> int:
    """Export RUNS: folders of runs, or any folder above them.

    model-index: YAML for the head of a model card. latex, markdown: models by tasks. json: all figures. wandb, mlflow:
    one run there for each, with scores, signature and recipe.
    """
    check_options(form, output, project, samples=samples)
    tracker = tracker_module(form) if form in TRACKERS else None
    folders = find_runs(runs)
    found = each_run(folders, scores_of)
    if not found:
        return 2
    if tracker is not None:
        tracked = [
            TrackedRun(read_manifest(folder), scores, read_samples(folder.samples) if samples else ())
            for folder, scores in found.items()
        ]
        TRACKERS[form](tracker, tracked, project=project or "vlmeval")
        click.echo(f"{form}    {len(tracked)} run{'s' if len(tracked) > 1 else ''} in {project or 'vlmeval'}")
    else:
        text = text_of(form, found)
        if output is None:
            click.echo(text, nl=False)
        else:
            write_whole(output, text.encode())
            click.echo(f"export   {output}")
    return 0 if len(found) == len(folders) else 2


def check_options(form: str, output: Path | None, project: str | None, *, samples: bool) -> None:
    """Raise ConfigError for an option that the format does not have."""
    if form in TRACKERS and output is not None:
        raise ConfigError(f"--output is for the formats {', '.join(TEXTS)}; {form} takes --project")
    if form not in TRACKERS and (project or samples):
        flag = "--project" if project else "--samples"
        raise ConfigError(f"{flag} is for the formats {' and '.join(TRACKERS)}; leave it out with {form}")


def tracker_module(name: str) -> Any:
    """Return the tracker's package. Raises ConfigError with the command that installs it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"--format {name} needs the package {name} ({error}): pip install 'vlmeval[{name}]'"
        ) from error


def text_of(form: str, found: dict[RunFolder, Scores]) -> str:
    """Return the runs in one of the forms that are a text."""
    scores = list(found.values())
    if form == "model-index":
        return exports.model_index([(read_manifest(folder), one) for folder, one in found.items()])
    if form == "json":
        return tables.json_text(scores, gains(list(found)))
    return exports.latex(scores) if form == "latex" else exports.markdown(scores)
