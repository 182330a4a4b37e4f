"""Finished runs in experiment trackers: Weights & Biases, MLflow. Each run of ours becomes one run there.

Figures are on their metric's scale, named `<metric>` or `<metric>/<slice>` with `/low`, `/high`, `/n` and `/coverage`;
the recipe, the signature and the state go along as configuration. Nothing of a tracker is imported here: its module is
an argument. The calls are those of the public interfaces (docs.wandb.ai/ref/python, mlflow.org/docs, `mlflow` fluent).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vlmeval.jsonio import digest, encode
from vlmeval.report.frames import SAMPLE_COLUMNS, sample_row
from vlmeval.score import table
from vlmeval.store.results import Manifest, ScoredSample, Scores

LONGEST_PARAM = 500
"""Characters of a parameter that every supported MLflow server takes."""
PARAMS_A_CALL = 100
"""MLflow takes no more parameters at once."""
LONGEST_NAME = 200
"""Characters of a part of a name; MLflow takes 250 of a whole one."""
_NO_NAME = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A finished run as trackers get it; `samples` stay empty where the table of samples is not wanted."""

    manifest: Manifest
    scores: Scores
    samples: Sequence[ScoredSample] = ()

    @property
    def name(self) -> str:
        """The run as the tracker lists it: task, model and run id."""
        return f"{self.scores.asked} {self.scores.model} {self.scores.run_id}"


def config_of(run: TrackedRun) -> dict[str, Any]:
    """Return what the run was: its recipe under its own keys, and what scored it."""
    scores = run.scores
    said = {
        "task": scores.task,
        "model": scores.model,
        "run_id": scores.run_id,
        "fingerprint": run.manifest.fingerprint,
        "primary": scores.primary,
        "signature": scores.signature,
        "complete": scores.complete,
        "blind": scores.blind,
        "scorer": scores.scorer,
        "errors": scores.errors,
        "policy": scores.policy,
        "interval": scores.interval,
        "vlmeval": scores.vlmeval,
    }
    return {**run.manifest.recipe, **said}


def metrics_of(scores: Scores) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield every figure with its interval, n and coverage (0..1), then the number of samples in each state.

    The name of each is a path: metric, slice where it is of one, and part where it is not the value.
    """
    for info, estimate in table.figures(scores, slices=True):
        if estimate is None:
            continue
        path = (info.name, estimate.slice) if estimate.slice else (info.name,)
        yield path, estimate.value * info.scale
        for part, bound in (("low", estimate.low), ("high", estimate.high)):
            if bound is not None:
                yield (*path, part), bound * info.scale
        yield (*path, "n"), estimate.samples
        if not estimate.slice:
            yield (*path, "coverage"), estimate.samples / max(1, scores.coverage.samples)
    for state in ("answered", *table.STATES):
        yield ("samples", state), getattr(scores.coverage, state)


def log_wandb(wandb: Any, runs: Sequence[TrackedRun], *, project: str) -> None:
    """Write each run to W&B through the module `wandb`: config, summary, and the samples as a table."""
    for run in runs:
        there = wandb.init(project=project, name=run.name, job_type="evaluation", config=config_of(run))
        status = 1
        try:
            for path, value in metrics_of(run.scores):
                there.summary["/".join(path)] = value
            if run.samples:
                rows = [_plain(sample_row(run.manifest, one)) for one in run.samples]
                there.log({"samples": wandb.Table(columns=list(SAMPLE_COLUMNS), data=rows)})
            status = 0
        finally:
            there.finish(exit_code=status)


def log_mlflow(mlflow: Any, runs: Sequence[TrackedRun], *, project: str) -> None:
    """Write each run to the MLflow experiment `project` through the module `mlflow`: parameters, metrics, samples.

    A parameter is cut at `LONGEST_PARAM` characters; the recipe is kept whole as the artifact recipe.json.
    """
    mlflow.set_experiment(project)
    for run in runs:
        with mlflow.start_run(run_name=run.name, tags={"vlmeval.signature": run.scores.signature}):
            config = config_of(run)
            params = [(_named(key), _text(value)[:LONGEST_PARAM]) for key, value in config.items()]
            for start in range(0, len(params), PARAMS_A_CALL):
                mlflow.log_params(dict(params[start : start + PARAMS_A_CALL]))
            mlflow.log_metrics(
                {"/".join(_named(one, "") for one in path): value for path, value in metrics_of(run.scores)}
            )
            mlflow.log_dict(config, "recipe.json")
            if run.samples:
                rows = [_plain(sample_row(run.manifest, one)) for one in run.samples]
                columns = {name: [row[at] for row in rows] for at, name in enumerate(SAMPLE_COLUMNS)}
                mlflow.log_table(columns, "samples.json")


def _named(name: str, allowed: str = "./") -> str:
    """Return a name that MLflow takes, others than it stays: what is not a letter, digit, `_`, `-` or blank is coded.

    The characters of `allowed` stay too. A longer name than `LONGEST_NAME` keeps its start and a digest.
    """
    coded = "".join(one if one in allowed else _NO_NAME.sub(lambda found: f"_x{ord(found[0]):x}_", one) for one in name)
    return coded if len(coded) <= LONGEST_NAME else f"{coded[: LONGEST_NAME - 17]}-{digest(name)[:16]}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else encode(value).decode()


def _plain(row: dict[str, Any]) -> list[Any]:
    """Return the cells of a row in the order of the columns; tags as JSON."""
    return [_text(row[name]) if isinstance(row[name], (dict, list)) else row[name] for name in SAMPLE_COLUMNS]
