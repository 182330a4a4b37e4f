"""Scored runs of several models, made by hand, to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.score.runs import CHOICE, manifest_of, question, records, right, wrong
from vlmeval.data.task import Task
from vlmeval.jsonio import encode, write_json
from vlmeval.score.compare import CompareOptions, Comparison, TaskComparison, compare_runs, sides_of
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder, run_folder
from vlmeval.store.manifest import recipe_of
from vlmeval.store.results import Origin
from vlmeval.types import Outcome, Request, Sample

PLAIN = msgspec.structs.replace(CHOICE, options={"circular": False}, metrics=("accuracy",), primary="accuracy")
QUESTIONS = [question(number, category="even" if number % 2 == 0 else "odd") for number in range(80)]
Replies = Mapping[str, bool | Outcome | str]


def scored(
    root: Path,
    model: str,
    replies: Replies,
    *,
    samples: Sequence[Sample] = QUESTIONS,
    task: Task = PLAIN,
    run_id: str = "r1",
    started: str = "1",
    model_recipe: Mapping[str, Any] | None = None,
    origin: Origin | None = None,
    **scoring: Any,
) -> RunFolder:
    """Write and score the run of `model` below `root`: right (True), wrong, or what `replies` says by sample id."""

    def reply(sample: Sample, request: Request) -> Outcome | str:
        given = replies.get(sample.id, False)
        return (right if given else wrong)(sample, request) if isinstance(given, bool) else given

    source = origin or Origin("exam", "0")
    folder = run_folder(root, task.name, model, run_id)
    folder.path.mkdir(parents=True)
    recipe = recipe_of(task, model, model_recipe or {"dtype": "float16"}, source)
    changes = {"origin": source, "recipe": recipe, "started": started, "fingerprint": run_id, "model_name": model}
    write_json(folder.manifest_path, manifest_of(task, **changes))
    folder.questions.write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    folder.outputs.write_bytes(b"".join(encode(record) + b"\n" for record in records(task, samples, reply)))
    score_run(folder, **scoring)
    return folder


def first(count: int, samples: Sequence[Sample] = QUESTIONS) -> dict[str, bool | Outcome | str]:
    """Return the replies that have the first `count` samples right."""
    return {sample.id: True for sample in samples[:count]}


def compare(*folders: RunFolder | Path, **options: Any) -> Comparison:
    """Return the comparison of these runs, the first the baseline."""
    paths = [folder if isinstance(folder, Path) else folder.path for folder in folders]
    return compare_runs(sides_of(paths), options=CompareOptions(**options))


def only(comparison: Comparison) -> TaskComparison:
    """Return the only pair of runs of a comparison."""
    (one,) = comparison.tasks
    return one
