"""Answers that were given before, as a model: from a run of vlmeval, or a file of another program.

A request finds its answer by the row of the source file it was read from (`Request.row`), else by its sample's id; pass
k of CircularEval by id + k * 1,000,000, as VLMEvalKit numbers rotations. Nothing is guessed: no answer is a Failure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from vlmeval.data.variants import epoch_of, pass_of
from vlmeval.errors import ConfigError, DataError, JournalError
from vlmeval.models.answers import file_kind, read_answers
from vlmeval.models.names import slug
from vlmeval.models.options import Scalar, read_options
from vlmeval.types import Failure, Outcome, Output, Record, Request

_ROTATION_STEP = 1_000_000
_FIRST = ("", "rot0")


class ReplayOptions(Struct, frozen=True):
    """The columns to read, where they have unusual names."""

    id_column: str = ""
    text_column: str = ""


class ReplayModel:
    """A look-up. `answers` are by id, or by (sample id, variant) for a journal."""

    concurrency = 1
    batch = 256

    def __init__(
        self, path: Path, answers: Mapping[str, Outcome] | Mapping[tuple[str, str], Outcome], recipe: dict[str, Any]
    ) -> None:
        self.name = slug(
            f"replay-{path.parent.name if path.name == 'outputs.jsonl' else Path(path.name.removesuffix('.gz')).stem}"
        )
        self._path = path
        self._answers: Mapping[Any, Outcome] = answers
        self._by_variant = any(isinstance(key, tuple) for key in answers)
        self._recipe = recipe

    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        """Return the recorded outcomes; a Failure where there is none."""
        return [self._find(request) for request in requests]

    def _find(self, request: Request) -> Outcome:
        key: Any = (request.sample_id, request.variant) if self._by_variant else row_id(request)
        found = self._answers.get(key)
        if found is not None:
            return found
        shown = f"sample {request.sample_id}, variant {request.variant or '(only one)'}"
        under = "" if self._by_variant or key is None else f" under id {key}"
        return Failure("rejected", f"{self._path.name}: no answer{under} for {shown}")

    def recipe(self) -> dict[str, Any]:
        """Return the file's name and digest, and the columns read."""
        return self._recipe

    def conditions(self) -> dict[str, Any]:
        """Return where the answers were read."""
        return {"path": str(self._path), "answers": len(self._answers)}

    def close(self) -> None:
        """Do nothing: the file is closed already."""


def open_replay(target: str, options: Mapping[str, Scalar]) -> ReplayModel:
    """Return the answers of a run folder or a file. Raises ConfigError, DataError or JournalError."""
    given = read_options(options, ReplayOptions, where=f"replay:{target}")
    path = Path(target).expanduser()
    if target and path.is_dir():
        if not (path / "outputs.jsonl").is_file():
            runs = sorted(found.parent for found in path.glob("*/outputs.jsonl"))
            meant = f'; did you mean "replay:{runs[0]}"?' if runs else "; expected a run, or a file of answers"
            raise ConfigError(f"replay:{target}: the folder has no outputs.jsonl{meant}")
        path = path / "outputs.jsonl"
    if not target or not path.is_file():
        raise ConfigError(f"replay:{target}: no such file or folder")
    file_kind(path)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    recipe: dict[str, Any] = {"wrapper": "replay", "file": path.name, "sha256": sha256}
    if _is_journal(path):
        return ReplayModel(path, _read_journal(path), {**recipe, "form": "journal"})
    answers = read_answers(path, id_column=given.id_column, text_column=given.text_column)
    columns = {"id_column": given.id_column, "text_column": given.text_column}
    return ReplayModel(path, answers, {**recipe, "form": "rows", **columns})


def row_id(request: Request) -> str | None:
    """Return the id under which a file of rows keeps the request's answer; None where it can have none.

    A row holds one answer: a later epoch has none there.
    """
    if epoch_of(request.variant):
        return None
    if request.row:
        return request.row
    turn = pass_of(request.variant)
    if turn in _FIRST:
        return request.sample_id
    rotation = re.fullmatch(r"rot([1-9]\d*)", turn)
    if rotation is None or not request.sample_id.isdecimal():
        return None
    return str(int(request.sample_id) + int(rotation[1]) * _ROTATION_STEP)


def _is_journal(path: Path) -> bool:
    """Tell whether the first line is a record of vlmeval."""
    if file_kind(path) != ".jsonl":
        return False
    if path.suffix == ".gz":
        return False
    with open(path, "rb") as file:
        line = file.readline()
    try:
        first = msgspec.json.decode(line)
    except (UnicodeDecodeError, msgspec.DecodeError):
        return False
    return isinstance(first, dict) and {"sample_id", "variant", "outcome"} <= first.keys()


def _read_journal(path: Path) -> dict[tuple[str, str], Outcome]:
    """Return the latest outcome per sample and variant. A torn last line is dropped, another damaged one an error."""
    decoder = msgspec.json.Decoder(Record)
    outcomes: dict[tuple[str, str], Outcome] = {}
    damaged: tuple[int, str] | None = None
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if damaged:
                raise JournalError(f"{path}, line {damaged[0]}: damaged: {damaged[1]}")
            try:
                record = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                damaged = number, str(error)
                continue
            outcomes[record.sample_id, record.variant] = record.outcome
    if not outcomes:
        raise DataError(f"{path}: holds no answers")
    return outcomes
