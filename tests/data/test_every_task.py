"""Every task of the catalog, sockets blocked: small data in the real schema, read, asked, scored, in three formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from numpy.typing import NDArray

from tests.data.made import b64, write_tsv
from tests.data.schemas import BESIDE, BY_KIND, HUB, KIT, Row, Rows
from tests.run.asking import Asked
from vlmeval.data.catalog import find_benchmark, list_tasks
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.data.task import Task
from vlmeval.report.submission import write_submission
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.score.scorer import score_run
from vlmeval.types import Image, Output, Part, Request, Sample

pytestmark = pytest.mark.usefixtures("offline")


def small(task: Task) -> Task:
    """Return the task with few classes and templates: ImageNet's 80,000 texts would say no more about its reading."""
    if task.kind != "zeroshot":
        return task
    few = {name: task.options[name][:5] for name in ("classes", "templates") if name in task.options}
    return msgspec.structs.replace(task, options={**task.options, **few})


TASKS = [small(task) for task in list_tasks() if task.benchmark != "demo"]
ANSWER_COLUMNS = ("answer", "answers", "correct_choice_idx", "annotations_captions", "sentences", "captions")
# What a model that knows every gold reaches, where it is no share of 1: points, CIDEr of one caption of 5 or 10.
BEST = {
    "mme_total": 2800.0, "ocrbench": 3.0, "cider": 7.0, "nocaps cider": 6.625, "amber_chair": 0.0, "chair_s": 0.0,
}  # fmt: skip


def schema(task: Task, suffix: str) -> Rows:
    """Return rows as the file of this format really has them; a hidden split publishes no gold."""
    keys = (f"{task.benchmark}/{task.split}", task.benchmark)
    order = (KIT, HUB) if suffix == "tsv" else (HUB, KIT)
    found = next((table[key] for key in keys for table in order if key in table), None) or BY_KIND.get(task.kind)
    assert found is not None, f"{task.benchmark}: give tests/data/schemas.py its schema"
    rows = found()
    if find_benchmark(task.benchmark).split(task.split).hidden:
        rows = [{name: None if name in ANSWER_COLUMNS else cell for name, cell in row.items()} for row in rows]
    wanted = find_benchmark(task.benchmark).split(task.split).where
    return [{**row, **{name: values[0] for name, values in wanted.items() if name in row}} for row in rows]


def mapped(row: Row, change: Callable[[bytes], Any]) -> Row:
    def cell(value: Any) -> Any:
        if isinstance(value, list):
            return [cell(item) for item in value]
        return change(value) if isinstance(value, bytes) else value

    return {name: cell(value) for name, value in row.items()}


def write_parquet(folder: Path, rows: Rows) -> Path:
    cells = [mapped(row, lambda data: {"bytes": data, "path": None}) for row in rows]
    parquet.write_table(arrow.Table.from_pylist(cells), folder / "data.parquet")
    return folder / "data.parquet"


def write_jsonl(folder: Path, rows: Rows) -> Path:
    """Write images as files beside the lines, and by name in them."""
    (folder / "images").mkdir()

    def beside(data: bytes) -> str:
        name = f"{len(list((folder / 'images').iterdir()))}.png"
        (folder / "images" / name).write_bytes(data)
        return f"images/{name}"

    lines = [json.dumps(mapped(row, beside)) for row in rows]
    (folder / "data.jsonl").write_text("\n".join(lines), "utf8")
    return folder / "data.jsonl"


def write_tab_separated(folder: Path, rows: Rows) -> Path:
    """Write lists as Python spells them, and images as base64."""
    return write_tsv(folder / "data.tsv", list(rows[0]), [mapped(row, b64) for row in rows])


WRITERS = {"parquet": write_parquet, "jsonl": write_jsonl, "tsv": write_tab_separated}


class Oracle(Asked):
    """A model that knows the golds: it replies with the right option's text, the first answer, the box, the caption."""

    def __init__(self, samples: Iterable[Sample], task: Task) -> None:
        classes: Sequence[str] = task.options.get("classes", ())
        # An official program may read letters only. In CircularEval a letter stands for another option in every pass.
        circular = task.kind == "choice" and task.options.get("circular", True)
        self._letters = not circular and task.options.get("extractor", "vlmeval") != "vlmeval"
        super().__init__(self.answer, batch=64)
        self._samples = {sample.id: sample for sample in samples}
        self._places: dict[object, int] = {}
        for sample in self._samples.values():
            texts = [part for part in sample.parts if isinstance(part, str)]
            images = [part.sha256 for part in sample.parts if isinstance(part, Image)]
            unit = sample.cluster if len(sample.parts) == 1 and sample.cluster else sample.id
            for kind in (texts, images):
                for number, key in enumerate(kind):
                    self._places[key] = self._places.setdefault((unit, number), len(self._places))
            for label in sample.references:
                named = classes[int(label)] if classes and label.isdigit() else label
                self._places.setdefault(f"class {named}", self._places[unit, 0])

    def answer(self, request: Request) -> Output:
        sample = self._samples[request.sample_id]
        gold = sample.references[0] if sample.references else ""
        if sample.choices:
            choice = sample.choices["ABCDEFGHIJ".index(gold or "A")]
            return Output(choice if isinstance(choice, str) and not self._letters else gold or "A")
        if not gold:
            return Output("7" if "answer_type" in sample.fields else "red")
        return Output(f"[{gold}]" if gold.count(",") == 3 else gold)

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        places = [self._place(item) for item in items]
        return np.eye(len(self._places) + 1, dtype=np.float32)[places]

    def _place(self, item: Part) -> int:
        """Return where an item is: its own place, that of a class it names, or that of nothing."""
        key = item.sha256 if isinstance(item, Image) else item
        if key in self._places:
            return self._places[key]
        named = (name for name in self._places if isinstance(name, str) and name.startswith("class "))
        words = f" {str(item).rstrip('.,')} ".replace(",", " ")
        found = next((name for name in named if f" {name.removeprefix('class ')} " in words), None)
        return len(self._places) if found is None else self._places[found]


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
def test_a_task_runs_offline_on_its_real_schema(task: Task, suffix: str, tmp_path: Path) -> None:
    rows = schema(task, suffix)
    BESIDE.get(task.benchmark, bool)(tmp_path)
    where = DataOptions(data=WRITERS[suffix](tmp_path, rows), offline=True)
    with open_samples(task, where) as samples:
        model = Oracle(samples, task)
        run = run_task(task, samples, model, RunSettings(quiet=True), results=tmp_path / "results")
        count, hidden = len(samples), find_benchmark(task.benchmark).split(task.split).hidden
        known = list(samples)
    assert all(bool(sample.references) is not hidden for sample in known)
    scores = score_run(run.folder, allow_no_judge=True)
    assert (scores.coverage.samples, scores.coverage.answered) == (count, count)
    if task.submission:
        assert write_submission(run.folder).answers == count
    if not hidden and task.kind != "open":
        (overall,) = [one for one in scores.estimates if (one.metric, one.slice) == (task.primary, "")]
        assert overall.samples > 0
        assert overall.value == pytest.approx(BEST.get(f"{task.benchmark} {task.primary}", BEST.get(task.primary, 1.0)))
