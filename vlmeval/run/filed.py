"""`--executor batch`: requests go out in a provider's batch files, and their replies into the same journal.

Which request is in which batch stands in batches.jsonl of the run's folder, a line before a file is submitted and a
line after, so that a process that is lost submits nothing twice: the same command again finds its batches, by the
mark they carry where it never heard of them, and waits on. A request that failed is forgotten and may go out again.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from vlmeval.errors import ConfigError, DataError, ModelError, RejectedError, RetryableError
from vlmeval.models.batch_files import LONGEST_FILE, MOST_LINES, Batch, BatchFiles
from vlmeval.models.openai import OpenAIModel
from vlmeval.store.lines import Appender, Lines
from vlmeval.types import Failure, Model, Outcome, Output, Request

FILE = "batches.jsonl"
POLL_SECONDS = 30.0
MOST_UNHEARD = 40
"""Polls in a row that may fail: a network that is down for some minutes loses no batch."""


class Filed(Struct, frozen=True, omit_defaults=True):
    """A line of batches.jsonl: requests in a batch, about to be submitted (no batch yet), or forgotten (no mark)."""

    requests: list[str]
    mark: str = ""
    batch: str = ""


class FiledModel:
    """Asks `model` through batch files; its name and recipe are the model's, so a run may go on either way.

    `longest` is in bytes of a file; `wait` passes so many seconds, or less where the model is closed.
    """

    concurrency = 1
    gathers = False

    def __init__(
        self,
        model: OpenAIModel,
        *,
        longest: int = LONGEST_FILE,
        wait: Callable[[float], object] | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.name = model.name
        self.batch = MOST_LINES
        self._model = model
        self._files = BatchFiles(model)
        self._longest = longest
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._say = say
        self._path: Path | None = None
        self._known: dict[str, Filed] = {}
        self._lock = threading.Lock()

    def keep_in(self, folder: Path) -> None:
        """Note from now on in this run's folder what is submitted. Raises JournalError for damaged notes."""
        self._path = folder / FILE
        remedy = "remove the file: what was submitted and not collected is then submitted again"
        self._known = {}
        for filed in Lines(self._path, Filed, remedy=remedy):
            self._hold(filed)

    def generate(self, requests: Sequence[Request]) -> list[Outcome]:
        """Return the outcomes once all batches that hold them have ended. Raises RetryableError, ModelError."""
        with self._lock:
            wanted = {identity(request): request for request in requests}
            outcomes = self._submit(wanted)
            for batch in dict.fromkeys(self._known[name].batch for name in wanted if name not in outcomes):
                outcomes |= self._collect(batch, wanted)
            failed = [name for name in wanted if not isinstance(outcomes.get(name), Output) and name in self._known]
            if failed:
                self._note(Filed(failed))
            lost = Failure("transient", "the batch ended without a reply to this request")
            return [outcomes.get(identity(request), lost) for request in requests]

    def recipe(self) -> dict[str, Any]:
        """Return what defines the answers: the way they come does not."""
        return self._model.recipe()

    def conditions(self) -> dict[str, Any]:
        """Return how the server was reached."""
        return {**self._model.conditions(), "executor": "batch"}

    def close(self) -> None:
        """Close the connections; batches that are submitted go on."""
        self._closed.set()
        self._files.close()
        self._model.close()

    def _submit(self, wanted: dict[str, Request]) -> dict[str, Outcome]:
        """Submit what no batch holds, in files of the longest size; return the requests that cannot be."""
        for filed in {id(one): one for name in wanted if (one := self._known.get(name)) and not one.batch}.values():
            found = self._files.find(filed.mark)
            self._note(Filed(filed.requests) if found is None else msgspec.structs.replace(filed, batch=found.id))
        refused: dict[str, Outcome] = {}
        lines: dict[str, list[bytes]] = {}
        size = 0
        for name, request in wanted.items():
            if name in self._known:
                continue
            try:
                line = self._files.line(name, request)
            except (RejectedError, DataError) as error:
                refused[name] = Failure(error.kind if isinstance(error, RejectedError) else "rejected", str(error))
                continue
            length = sum(map(len, line))
            if length > self._longest:
                refused[name] = Failure("too_long", f"{length} bytes, and a batch file may have {self._longest}")
                continue
            if lines and (size + length > self._longest or len(lines) == MOST_LINES):
                self._send(lines)
                lines, size = {}, 0
            lines[name] = line
            size += length
        if lines:
            self._send(lines)
        return refused

    def _send(self, lines: dict[str, list[bytes]]) -> None:
        filed = Filed(list(lines), secrets.token_hex(16))
        file = self._files.upload(list(lines.values()))
        self._note(filed)
        batch = self._files.create(file, filed.mark)
        self._note(msgspec.structs.replace(filed, batch=batch.id))
        self._say(f"batch {batch.id}: {len(lines)} requests are submitted; an interrupted command may be run again")

    def _collect(self, name: str, wanted: dict[str, Request]) -> dict[str, Outcome]:
        """Wait for a batch and return its outcomes to the wanted requests."""
        batch = self._ended(name)
        if batch.problem:
            self._note(Filed([request for request, filed in self._known.items() if filed.batch == name]))
            raise ModelError(f"batch {name}: the server did not take the file: {batch.problem}")
        return {request: outcome for request, outcome in self._files.outcomes(batch) if request in wanted}

    def _ended(self, name: str) -> Batch:
        unheard = 0
        while not self._closed.is_set():
            try:
                batch = self._files.state(name)
            except RetryableError:
                unheard += 1
                if unheard == MOST_UNHEARD:
                    raise
            else:
                unheard = 0
                if batch.ended:
                    return batch
            self._wait(POLL_SECONDS)
        raise RetryableError(f"batch {name} goes on; run the same command again to collect it")

    def _note(self, filed: Filed) -> None:
        """Have a line on the disk before anything follows from it."""
        if self._path is None:
            raise ConfigError("--executor batch answers the questions of a run; it cannot be asked outside of one")
        file = Appender(self._path, Filed)
        try:
            file.write(msgspec.json.encode(filed) + b"\n")
            file.sync()
        finally:
            file.close()
        self._hold(filed)

    def _hold(self, filed: Filed) -> None:
        if filed.mark:
            self._known.update(dict.fromkeys(filed.requests, filed))
        else:
            for name in filed.requests:
                self._known.pop(name, None)


def identity(request: Request) -> str:
    """Return the custom_id of a request: the same for the same question in every session."""
    key = request.key or request.keyed().key
    return hashlib.sha256(msgspec.json.encode([key, request.sample_id, request.variant])).hexdigest()[:48]


def filed_model(model: Model, say: Callable[[str], None]) -> FiledModel:
    """Return the model, asked through batch files. Raises ConfigError for one that is no server."""
    if not isinstance(model, OpenAIModel):
        raise ConfigError(f"--executor batch asks an OpenAI-compatible server; {model.name} is none (openai:NAME)")
    return FiledModel(model, say=say)
