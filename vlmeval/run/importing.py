"""Results of other programs as runs of ours: their answers are replayed, journalled, and scored like any other.

Questions and gold are those of the file where it has them, else of the task's own data. What the other program sent to
the model is not known: that is recorded with the run, and sampling settings stand as unknown in its signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vlmeval.data.catalog import find_benchmark
from vlmeval.data.cells import as_text
from vlmeval.data.foreign import ForeignResult
from vlmeval.data.foreign_rows import open_result
from vlmeval.data.images import ImageFolders
from vlmeval.data.jsonl import RecordTable, open_jsonl
from vlmeval.data.options import DataOptions
from vlmeval.data.samples import Origin, SampleSet, open_samples
from vlmeval.errors import DataError
from vlmeval.models.answers import read_answers
from vlmeval.models.names import slug
from vlmeval.models.replay import ReplayModel
from vlmeval.run.session import RunResult, RunSettings, run_task
from vlmeval.types import Failure, Outcome, Output, Sample

_LMMS_EVAL_FAILED = "[LMMS_EVAL_REQUEST_FAILED"
"""What lmms-eval writes in place of an answer when a request failed, and scores as an answer."""
_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class ImportedSamples:
    """The samples of an import; `origin` says what is not known of it."""

    samples: SampleSet
    remark: str

    @property
    def origin(self) -> Origin:
        """Where the samples came from, with the remark."""
        origin = self.samples.origin
        return replace(origin, warnings=(*origin.warnings, self.remark))

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)


def import_result(
    found: ForeignResult, where: DataOptions, settings: RunSettings, *, results: Path, command: Sequence[str] = ()
) -> RunResult:
    """Write the run folder of a recorded result below `results`; the same file again is the same run.

    Raises DataError for a file that cannot be read, or whose rows the task does not understand.
    """
    where = replace(where, imageless=True)
    lost = 0
    if found.program == "lmms-eval":
        samples, answers, inside = _lmms_eval(found, where)
    else:
        inside = where.data is None and found.path.suffix.lower() != ".pkl"
        answers = read_answers(found.path, id_column="index", text_column="prediction")
        samples, lost = _vlmevalkit(found, where) if inside else (open_samples(found.task, where), 0)
    source = "questions and gold are those of the file" if inside else "questions and gold are the task's own data"
    remark = f"imported from {found.program}: {source}; the prompts it sent are not known, those shown are the task's"
    if lost:
        remark += f"; {lost} options were lost when it read its data, and were not there to be chosen"
    model = ReplayModel(found.path, answers, _recipe(found))
    model.name = slug(found.model)
    with samples:
        return run_task(found.task, ImportedSamples(samples, remark), model, settings, results=results, command=command)


def _recipe(found: ForeignResult) -> dict[str, Any]:
    with open(found.path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"wrapper": "replay", "imported": found.program, "file": found.path.name, "sha256": sha256}


def _vlmevalkit(found: ForeignResult, where: DataOptions) -> tuple[SampleSet, int]:
    """Return the questions of the file, and how many of their options were lost."""
    circular = find_benchmark(found.task.benchmark, where.catalog).circular
    table, lost = open_result(found.path, where.images(found.path), circular=circular)
    return _in_file(found, table, where), lost


def _in_file(found: ForeignResult, table: RecordTable, where: DataOptions) -> SampleSet:
    benchmark = find_benchmark(found.task.benchmark, where.catalog)
    split = benchmark.split(found.task.split)
    return SampleSet(benchmark, split, table, known=False, imageless=True)


def _lmms_eval(found: ForeignResult, where: DataOptions) -> tuple[SampleSet, dict[str, Outcome], bool]:
    """Return samples, answers by row, and whether the samples come from the file.

    Older and newer releases keep each question under "doc", those between leave it out: then `doc_id` counts the rows
    of the split, and each question must be found in the prompt that was sent.
    """
    lines = open_jsonl(found.path, ImageFolders.beside(found.path))
    replies = _replies(lines)
    docs = [record.get("doc") for record in lines.records]
    if where.data is None and docs and all(isinstance(doc, dict) and doc for doc in docs):
        places = [number + 1 for number in range(len(docs))]
        table = RecordTable(found.path, _numbered(lines), ImageFolders.beside(found.path), noun="line", places=places)
        samples = _in_file(found, table, where)
        return samples, _by_row(samples, dict(enumerate(replies.values()))), True
    samples = open_samples(found.task, where)
    prompts = {_doc_id(record, ""): record.get("input") for record in lines.records}
    for number in samples.base_rows:
        if number in replies:
            _same_question(samples, number, prompts[number], lines.path)
    return samples, _by_row(samples, replies), False


def _numbered(lines: RecordTable) -> list[dict[str, Any]]:
    """Return the documents, those without an id of their own with the number that lmms-eval gave."""
    named = ("index", "id", "question_id", "image_id")
    documents = []
    for record in lines.records:
        document: dict[str, Any] = record["doc"]
        has_id = any(name in document for name in named)
        documents.append(document if has_id else {"index": str(record["doc_id"]), **document})
    return documents


def _replies(lines: RecordTable) -> dict[int, Outcome]:
    """Return the reply by doc_id. Raises DataError for a line without one text, and for a number that came before."""
    replies: dict[int, Outcome] = {}
    for number, record in enumerate(lines.records):
        where = lines.where(number)
        key = _doc_id(record, where)
        if key in replies:
            raise DataError(f"{where}: doc_id {key} came before; ids must be unique")
        texts = record.get("resps", record.get("filtered_resps"))
        while isinstance(texts, list) and len(texts) == 1:
            texts = texts[0]
        if not isinstance(texts, str):
            raise DataError(f'{where}: expected one text in "resps", not several replies or likelihoods')
        failed = texts.startswith(_LMMS_EVAL_FAILED)
        replies[key] = Failure("rejected", texts[:_LONGEST_MESSAGE]) if failed else Output(texts)
    if not replies:
        raise DataError(f"{lines.path}: holds no rows")
    return replies


def _doc_id(record: Mapping[str, Any], where: str) -> int:
    key = record.get("doc_id")
    if isinstance(key, bool) or not isinstance(key, int):
        raise DataError(f"{where}: no doc_id; is this a file of lmms-eval's samples?")
    return key


def _by_row(samples: SampleSet, replies: Mapping[int, Outcome]) -> dict[str, Outcome]:
    """Return the replies, given by number of the table's row, under the ids that requests ask for."""
    table = samples.table
    key = next((name for name in ("index", "id") if table.column(name)), None)
    numbers = {as_text(cell, ""): number for number, (cell,) in enumerate(table.scan([key]))} if key else {}
    answers: dict[str, Outcome] = {}
    for number in samples.base_rows:
        for sample in samples.at(number):
            rows = {rotation.row: numbers.get(rotation.row, -1) for rotation in sample.rotations}
            for row, place in (rows or {sample.id: number}).items():
                if place in replies:
                    answers[row] = replies[place]
    return answers


def _same_question(samples: SampleSet, number: int, prompt: object, path: str) -> None:
    """Raise DataError where the prompt that was sent does not hold the question of the row."""
    for sample in samples.at(number):
        words = max((part for part in sample.parts if isinstance(part, str)), key=len, default="")
        if not isinstance(prompt, str) or " ".join(words.split()) not in " ".join(prompt.split()):
            raise DataError(
                f"{path}: doc_id {number} was asked another question than {samples.table.where(number)} has; "
                "name the file of the split that lmms-eval read with --data"
            )
