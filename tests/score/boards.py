"""Runs of several models for leaderboards, made by hand and scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.score.runs import CHOICE, Reply, made
from vlmeval.data.task import Task
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder, run_folder
from vlmeval.types import Sample


def model_run(
    results: Path, model: str, samples: Sequence[Sample], reply: Reply, *, task: Task = CHOICE, **manifest: object
) -> RunFolder:
    """Write and score the run of `model`; `manifest` changes run.json."""
    given = {"model_name": model, "model": model, "fingerprint": model, "run_id": f"run-{model[:8]}", **manifest}
    written = made(results / "..made", samples, reply, task=task, **given)
    folder = run_folder(results, task.name, model, str(given["run_id"]))
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    written.path.rename(folder.path)
    score_run(folder)
    return folder
