"""From a small data file to samples and to a score: what the tests of benchmarks on local files share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet

from tests.data.made import png
from tests.run.asking import Asked
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.score.scorer import score_run
from vlmeval.store.results import Scores
from vlmeval.types import Output, Request, Sample


def cell(number: int = 0) -> dict[str, Any]:
    """Return an image as the `datasets` library writes it."""
    return {"bytes": png((number, 9, 9)), "path": None}


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    parquet.write_table(arrow.Table.from_pylist(list(rows)), path)
    return path


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


def read(task: str, path: Path) -> list[Sample]:
    with open_samples(find_task(task), DataOptions(data=path)) as samples:
        return list(samples)


def scored(task: str, path: Path, replies: Mapping[str, str], tmp_path: Path, policy: str | None = None) -> Scores:
    """Ask a model that answers by sample id, and score the run."""

    def reply(request: Request) -> Output:
        return Output(replies[request.sample_id])

    with open_samples(find_task(task), DataOptions(data=path)) as samples:
        result = run_task(find_task(task), samples, Asked(reply), RunSettings(quiet=True), results=tmp_path / "results")
    return score_run(result.folder, policy=policy)


def values(scores: Scores, metric: str) -> dict[str, float]:
    return {one.slice: one.value for one in scores.estimates if one.metric == metric}
