"""`vlmeval run`: every model on every task, one after the other; done work is not done again."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from vlmeval.cli import machines, options
from vlmeval.cli.asked import asked_files, asked_tasks
from vlmeval.cli.encoders import asked_encoder, embed, encoder_options
from vlmeval.cli.judges import asked_judge, judge_settings, prices
from vlmeval.cli.pages import write_reports
from vlmeval.cli.score import more_rows, say_differences, say_suites
from vlmeval.cli.submitting import complain, submit
from vlmeval.data.blind import Blind
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.data.tags import require_tags
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, TooManyFailuresError, VlmevalError
from vlmeval.kinds.settings import takes
from vlmeval.run.judging import judge_run
from vlmeval.run.session import RunSettings, run_task
from vlmeval.score import table
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import ErrorPolicy, Scores
from vlmeval.types import Model


@dataclass
class Ledger:
    """How the pairs of model and task ended; becomes the exit status."""

    complete: int = 0
    incomplete: int = 0
    unanswered: int = 0
    broken: int = 0
    errors: list[VlmevalError] = field(default_factory=list)

    def status(self) -> int:
        """Return 0 complete, 1 scored but incomplete, 2 wrong use or data, 3 nothing was answered."""
        if self.broken:
            return 2
        if self.unanswered and not self.complete and not self.incomplete:
            return 3
        return 1 if self.incomplete or self.unanswered else 0


@click.command("run")
@click.option(
    "--model", "models", multiple=True, required=True, metavar="NAME", help="Model or models: see `vlmeval models`."
)
@click.option(
    "--tasks", multiple=True, required=True, metavar="NAMES", help="Tasks, suites or files: see `vlmeval tasks`."
)
@click.option("--data", multiple=True, metavar="TASK=PATH", help="A data file or folder for a task, any known format.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder with data files; default LMUData."
)
@click.option(
    "--image-root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the pictures that data files name.",
)
@click.option("--offline", is_flag=True, help="Use only what is on this machine; HF_HUB_OFFLINE=1 does the same.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N questions (whole groups).")
@click.option(
    "--slice", "slices", multiple=True, metavar="TAG", help="Also score by the values of this tag; repeatable."
)
@click.option(
    "--blind",
    type=click.Choice(get_args(Blind)),
    help="Ask without the images: left out, black, noise, or another question's. A run of its own, beside the sighted.",
)
@options.recipe_options
@machines.machine_options
@click.option("--batch-size", metavar="N|auto", help="Prompts a local model takes at once; auto: what memory allows.")
@click.option("--concurrency", type=click.IntRange(1), help="Requests under way at once; default the model's own.")
@click.option("--model-args", multiple=True, metavar="K=V,...", help="Settings of the model.")
@click.option("--base-url", help="Address of an OpenAI-compatible server.")
@options.placement_options
@click.option("--judge", metavar="NAME", help="A model that reads the replies the rules cannot, and scores open ones.")
@click.option("--judge-args", multiple=True, metavar="K=V,...", help="Settings of the judge, such as base_url=.")
@click.option("--judge-epochs", type=click.IntRange(1, 100), help="Open replies: graded so often, scored by the mean.")
@click.option("--judge-prices", metavar="IN,OUT", help="The judge's prices; default those of --prices.")
@click.option(
    "--judge-max-cost", type=click.FloatRange(0), metavar="USD", help="Stop judging a run before that costs more."
)
@encoder_options
@click.option("--allow-no-judge", is_flag=True, help="Open replies may stay without a score: no exit status 1 for it.")
@click.option(
    "--errors",
    type=click.Choice(get_args(ErrorPolicy)),
    default="fail",
    show_default=True,
    help="Failed requests: run incomplete, wrong, or left out.",
)
@click.option("--max-failures", metavar="N|SHARE", help="Stop once more requests failed: 20, or 0.1 of them.")
@click.option("--attempts", type=click.IntRange(1), help="How often one request is sent before it counts as failed.")
@click.option("--retry-errors", is_flag=True, help="Ask again what failed in an earlier call.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Stop before it costs more, with its judge.")
@click.option("--prices", metavar="IN,OUT", help="USD for a million prompt and reply tokens.")
@click.option("--predict-only", is_flag=True, help="Ask and save; do not score.")
@click.option("--fresh", is_flag=True, help="Start a new run beside an existing one.")
@click.option("-o", "--output", "results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option(
    "--reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder for pages."
)
@click.option("--no-report", is_flag=True, help="Write no HTML page.")
@click.option(
    "--catalog",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="More tasks/ and benchmarks/.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
def command(**given: Any) -> int:
    """Evaluate models on tasks and show the scores.

    Every answer is on disk before it counts: after an interruption the same command continues. Finished work is not
    repeated, so the command may be run again with more models or tasks.
    """
    ledger, found = evaluate_all(given)
    conclude([scores for _, scores in found], [folder for folder, _ in found], given)
    return ledger.status()


def evaluate_all(given: dict[str, Any]) -> tuple[Ledger, list[tuple[RunFolder, Scores]]]:
    """Run and score every pair of model and task, and return how they ended, and what was scored."""
    tasks = asked_tasks(given)
    files = asked_files(tasks, given)
    settings = run_settings(given)
    offline = options.offline(asked=given["offline"])
    names = options.names(given["models"])
    refuse_replayed(names, given["blind"])
    machines.check_machines(given)
    ledger, found = Ledger(), []
    with ExitStack() as stack:
        judge = stack.enter_context(closing(asked_judge(given))) if given["judge"] else None
        encoder = stack.enter_context(closing(encoder_of(given, tasks))) if given["clipscore"] else None
        for name in names:
            asked = model_options(given, sole=len(names) == 1)
            with closing(machines.machine_model(name, asked, given, offline=offline)) as model:
                options.resize(model, options.batch_size(given["batch_size"]))
                for task in tasks:
                    file = files.get(task.name)
                    replayed = name.startswith("replay:")
                    where = DataOptions(
                        file,
                        given["data_dir"],
                        given["limit"],
                        offline,
                        given["catalog"],
                        imageless=replayed,
                        image_root=given["image_root"],
                    )
                    scored = evaluate(task, where, model, settings, judge, encoder, given, ledger)
                    if scored is not None:
                        found.append(scored)
    return ledger, found


def evaluate(
    task: Task,
    where: DataOptions,
    model: Model,
    settings: RunSettings,
    judge: Model | None,
    encoder: Model | None,
    given: dict[str, Any],
    ledger: Ledger,
) -> tuple[RunFolder, Scores] | None:
    """Run and score one pair; an error of this pair is said and counted, and the next pair goes on."""
    try:
        with open_samples(task, where) as samples:
            require_tags(samples, given["slices"])
            shown = machines.shown_samples(task, samples, where, model, given)
            folder = ask(task, shown, model, settings, given)
        if judge is not None and takes(task, "judge"):
            ask_judge(task, folder, judge, judge_settings(settings, judge, read_manifest(folder), given))
        if encoder is not None:
            embed(folder, encoder, msgspec.structs.replace(settings, batch=None))
        if not given["shard"]:
            submit(folder, given["errors"])
        if given["predict_only"] or given["shard"]:
            manifest = read_manifest(folder)
            machines.say_answers(task, folder)
            ledger.complete += manifest.state == "complete"
            ledger.incomplete += manifest.state != "complete"
            return None
        scores = score_run(
            folder, slices=given["slices"], allow_no_judge=given["allow_no_judge"], errors=given["errors"]
        )
    except VlmevalError as error:
        complain(task, error)
        ledger.broken += 1
        ledger.errors.append(error)
        return None
    replied = scores.coverage
    if not replied.answered + replied.unparsed + replied.judge_error:
        ledger.unanswered += 1
    elif scores.complete:
        ledger.complete += 1
    else:
        ledger.incomplete += 1
    return folder, scores


def ask(task: Task, samples: machines.Samples, model: Model, settings: RunSettings, given: dict[str, Any]) -> RunFolder:
    """Run one pair and return its folder; where too much failed that is said, and the states are there to be seen."""
    try:
        return run_task(task, samples, model, settings, results=given["results"], command=sys.argv).folder
    except TooManyFailuresError as error:
        if error.folder is None:
            raise
        complain(task, error)
        return RunFolder(error.folder)


def ask_judge(task: Task, folder: RunFolder, judge: Model, settings: RunSettings) -> None:
    """Have the judge read the replies and say what it did; where too many calls failed the score says what it lacks."""
    try:
        click.echo(f"judge    {task.name}: {judge_run(folder, judge, settings).line()}")
    except TooManyFailuresError as error:
        complain(task, error)


def conclude(scores: list[Scores], folders: list[RunFolder], given: dict[str, Any]) -> None:
    """Print the table and where everything lies; write the pages."""
    if not scores:
        return
    found = dict(zip(folders, scores, strict=True))
    table.print_scores(scores, tags=given["slices"], more=more_rows(found))
    say_differences(found)
    say_suites(found)
    for folder in folders:
        click.echo(f"results  {folder.path}")
    if not given["no_report"]:
        click.echo(f"report   {write_reports(scores, folders, given['reports'])}")


def encoder_of(given: dict[str, Any], tasks: list[Task]) -> Model:
    """Return the encoder of `--clipscore`. Raises ConfigError for one that has nothing to embed, or no images to."""
    if given["blind"]:
        raise ConfigError("--clipscore compares captions with images that --blind does not show; leave one of them out")
    return asked_encoder(given["clipscore"], given["clipscore_args"], [task.kind for task in tasks])


def refuse_replayed(names: list[str], blind: str | None) -> None:
    """Raise ConfigError where answers to the images would pass for answers without them."""
    replayed = [name for name in names if name.startswith("replay:")]
    if blind and replayed:
        raise ConfigError(f"--blind asks a model anew; {replayed[0]} holds answers that were given with the images")


def run_settings(given: dict[str, Any]) -> RunSettings:
    """Return how to run: what changes no score."""
    batch = options.batch_size(given["batch_size"])
    limit: str | None = given["max_failures"]
    tolerated: int | float | None = None
    if limit is not None:
        number = options.scalar(limit)
        if isinstance(number, (bool, str)) or number < 0 or (isinstance(number, float) and not number <= 1):
            raise ConfigError(f'--max-failures "{limit}": expected a count such as 20, or a share such as 0.1')
        tolerated = number
    attempts = (
        {} if given["attempts"] is None else dict.fromkeys(("attempts", "rate_limit_attempts"), given["attempts"])
    )
    return RunSettings(
        **attempts,
        concurrency=given["concurrency"],
        batch=None if batch == "auto" else batch,
        max_failures=tolerated,
        retry_errors=given["retry_errors"],
        max_cost=given["max_cost"],
        prices=prices(given["prices"], option="--prices"),
        fresh=given["fresh"],
        limit=given["limit"],
        quiet=given["quiet"],
    )


def model_options(given: dict[str, Any], *, sole: bool) -> dict[str, options.Scalar]:
    """Return the model's settings. Raises ConfigError where several models would share settings meant for one."""
    found = options.pairs(given["model_args"], option="--model-args")
    if found and not sole:
        raise ConfigError("--model-args goes with one --model; run the models one by one, or give each its TOML")
    for key in ("base_url", *options.PLACEMENT):
        if given[key]:
            found[key] = given[key]
    return found
