"""The Python interface: `vlmeval.run`, `vlmeval.score`, `vlmeval.compare` and `vlmeval.load_runs`.

Each does what the command of its name does, without tables and pages. Options are those of the command line with
underscores, read by the command's own parser, so both say the same. Errors are raised (`vlmeval.errors`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import click

from vlmeval.cli import compare as compare_command
from vlmeval.cli.report import scores_of
from vlmeval.errors import ConfigError
from vlmeval.registry import did_you_mean
from vlmeval.report.frames import ESTIMATE_COLUMNS, SAMPLE_COLUMNS, estimate_rows, sample_row
from vlmeval.report.page import read_samples
from vlmeval.score.compare import CompareOptions, Comparison, compare_runs, sides_of
from vlmeval.score.scorer import score_run
from vlmeval.stats.bootstrap import Method
from vlmeval.store.layout import find_runs
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import ErrorPolicy, Scores

Names = str | Sequence[str]
Place = str | PathLike[str]


def run(*, model: Names, tasks: Names, **options: Any) -> list[Scores]:
    """Evaluate one or several models on tasks and return the scores, a run each; every answer is on disk as it comes.

    `options` are those of `vlmeval run`: `limit=100`, `output="results"`, `batch_size="auto"`, `offline=True`; a list
    where one may be repeated, a dict for settings: `model_args={"dtype": "bfloat16"}`, `data={"mmbench": "file.tsv"}`.
    Progress is shown with `quiet=False`; pages are not written (`vlmeval report` does). The same call continues an
    interrupted run. With `predict_only=True` the list is empty. Raises ConfigError for wrong options; where a run
    breaks, the others are finished and saved, then the first run's error is raised.

    >>> scores = vlmeval.run(model="demo", tasks=["demo_mmbench"], limit=4, output="results")
    >>> [(one.task, one.model, one.coverage.samples) for one in scores]
    [('demo_mmbench', 'demo', 4)]
    """
    from vlmeval.cli.run import command, evaluate_all

    asked = {"quiet": True, **options, "model": model, "tasks": tasks}
    ledger, found = evaluate_all(parsed(command, asked))
    if ledger.errors:
        raise ledger.errors[0]
    return [scores for _, scores in found]


def score(
    run: Place,
    *,
    errors: ErrorPolicy = "fail",
    policy: str | None = None,
    slices: Sequence[str] = (),
    allow_no_judge: bool = False,
    scorer: str | None = None,
    interval: Method = "percentile",
) -> Scores:
    """Score one run again from its journal, without a model; its scores.json and samples.jsonl are written anew.

    `run` is a run folder, or a folder that holds a single run. The settings are those of `vlmeval score`; see
    `vlmeval.score.scorer.score_run`. Raises ConfigError for a folder of several runs, JournalError for a damaged one.

    >>> scores = vlmeval.score("results", interval="analytic")
    >>> scores.interval
    'analytic'
    """
    folders = find_runs([Path(run)])
    if len(folders) > 1:
        raise ConfigError(f"{run}: holds {len(folders)} runs; name one of them, such as {folders[0].path}")
    return score_run(
        folders[0],
        errors=errors,
        policy=policy,
        slices=slices,
        allow_no_judge=allow_no_judge,
        scorer=scorer,
        interval=interval,
    )


def compare(
    *runs: Place,
    baseline: str | None = None,
    metric: str = "",
    allow_different: bool = False,
    slices: bool = True,
    samples_for: float | None = None,
) -> Comparison:
    """Compare runs, or folders of runs, with the first or with `baseline` (run or model), paired on common samples.

    Of a single folder the models in it are compared. `samples_for` is a difference on the metric's scale to say the
    needed number of samples for. Pairs that must not be compared are in `refused`. Raises ConfigError where there is
    nothing to compare.

    >>> comparison = vlmeval.compare("results/demo_mmbench/demo", "results/demo_mmbench/demo-small")
    >>> [(one.task, one.baseline, one.model) for one in comparison.tasks]
    [('demo_mmbench', 'demo', 'demo-small')]
    """
    paths = [Path(one) for one in runs]
    for folder in find_runs(paths):
        scores_of(folder)
    sides = sides_of(paths)
    options = CompareOptions(metric=metric, allow_different=allow_different, slices=slices, difference=samples_for)
    return compare_runs(sides, baseline=compare_command.baseline_of(sides, baseline), options=options)


def load_runs(path: Place | Iterable[Place], *, samples: bool = False) -> Any:
    """Return the runs at or below `path` (or several paths) as a pandas.DataFrame: a row an estimate, or a sample.

    Columns of estimates: task, model, metric, slice ("" overall), value, low, high (on the metric's scale), n,
    clusters, coverage (0..1), primary, complete, blind, scorer, scale, signature, run (its folder). Of samples: task,
    model, sample, state, right, truncated, cluster, question, references, reply, value, rule, passes, tags, run.
    Raises ConfigError where pandas is not installed, or a path has no run; JournalError for a damaged run.

    >>> frame = vlmeval.load_runs("results")
    >>> overall = frame[frame.primary & (frame.slice == "")]
    >>> list(overall.columns[:7])
    ['task', 'model', 'metric', 'slice', 'value', 'low', 'high']
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise ConfigError(f"load_runs needs the package pandas ({error}): pip install 'vlmeval[pandas]'") from error
    paths = [path] if isinstance(path, (str, PathLike)) else list(path)
    rows = []
    for folder in find_runs(map(Path, paths)):
        scores, place = scores_of(folder), str(folder.path)
        if samples:
            manifest = read_manifest(folder)
            found = (sample_row(manifest, one) for one in read_samples(folder.samples))
        else:
            found = (row for row in estimate_rows(scores))
        rows += [{**row, "run": place} for row in found]
    columns = [*SAMPLE_COLUMNS, "run"] if samples else list(ESTIMATE_COLUMNS)
    frame = pandas.DataFrame.from_records(rows, columns=columns)
    return frame if samples else frame.astype(dict.fromkeys(("value", "low", "high", "coverage"), "float64"))


def parsed(command: click.Command, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all options of `command`, those of `asked` as it reads them. Raises ConfigError."""
    known = {
        name.lstrip("-").replace("-", "_"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }
    arguments: list[str] = []
    for name, value in asked.items():
        if name not in known:
            raise ConfigError(f'there is no option "{name}"{did_you_mean(name, known)}')
        arguments += _arguments(known[name], f"--{name.replace('_', '-')}", value)
    try:
        with command.make_context(str(command.name), arguments) as context:
            return dict(context.params)
    except click.UsageError as error:
        raise ConfigError(error.format_message()) from error


def _arguments(option: click.Option, flag: str, value: Any) -> list[str]:
    """Return an option as the command line has it. Raises ConfigError for a switch that is not True or False."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise ConfigError(f"{flag.lstrip('-').replace('-', '_')}: expected True or False, not {value!r}")
        return [flag] if value else []
    if value is None:
        return []
    if isinstance(value, Mapping):
        value = [f"{key}={one}" for key, one in value.items()]
    several = [value] if isinstance(value, (str, PathLike)) or not isinstance(value, Iterable) else list(value)
    if len(several) > 1 and not option.multiple:
        return [f"{flag}={','.join(map(str, several))}"]
    return [f"{flag}={one}" for one in several]
