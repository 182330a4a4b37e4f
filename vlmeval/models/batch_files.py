"""Batch files of a provider, in OpenAI's format (platform.openai.com/docs/guides/batch): asked in bulk at half price.

A file has one request a line, `{"custom_id", "method", "url", "body"}`; it is uploaded (`/files`, purpose "batch") and
a batch made of it (`/batches`). When that has ended, its output and error files hold one reply a line, in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from vlmeval.errors import ConfigError, ModelError, RejectedError, RetryableError
from vlmeval.models.openai import OpenAIModel
from vlmeval.types import Failure, Outcome, Request

LONGEST_FILE = 190_000_000
"""Bytes of a file; OpenAI takes 200 MB."""
MOST_LINES = 50_000
WINDOW = "24h"
T = TypeVar("T")
_TARGET = "/v1/chat/completions"
_MOST_RESULTS = 2 << 30
_BOUNDARY = "vlmeval-3f1c9d0a7be24c5f"
_OPEN = ("validating", "in_progress", "finalizing", "cancelling")


class _Id(Struct):
    id: str


class _Problem(Struct):
    message: str | None = None
    code: str | None = None


class _Problems(Struct):
    data: list[_Problem] = []


class Batch(Struct):
    """A batch as the server tells of it."""

    id: str
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: _Problems | None = None
    metadata: dict[str, str] | None = None

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will come."""
        return self.status not in _OPEN

    @property
    def problem(self) -> str:
        """Return why the server did not take the file, "" where it did."""
        if self.status != "failed":
            return ""
        said = "; ".join(one.message or one.code or "" for one in (self.errors.data if self.errors else []))
        return said or "no explanation"


class _Page(Struct):
    data: list[Batch]


class _Response(Struct):
    status_code: int = 0
    body: msgspec.Raw = msgspec.Raw(b"{}")


class _Line(Struct):
    custom_id: str
    response: _Response | None = None
    error: _Problem | None = None


class BatchFiles:
    """What a server does with batch files, for the requests of one model. Methods raise like `Transport.post`."""

    def __init__(self, model: OpenAIModel) -> None:
        if not model.address.endswith("/chat/completions"):
            raise ConfigError(f"--executor batch: {model.address} has no batches; name a --base-url that ends with /v1")
        self._model = model
        self._files = model.beside("/files")
        self._batches = model.beside("/batches")

    def line(self, custom_id: str, request: Request) -> list[bytes]:
        """Return a line of a file in pieces. Raises RejectedError and DataError like the model."""
        head = f'{{"custom_id":"{custom_id}","method":"POST","url":"{_TARGET}","body":'
        return [head.encode(), *self._model.pieces(request), b"}\n"]

    def upload(self, lines: Sequence[Sequence[bytes]]) -> str:
        """Send a file and return its id."""
        dash = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
        head = f'{dash}"purpose"\r\n\r\nbatch\r\n{dash}"file"; filename="vlmeval.jsonl"\r\n'
        pieces = [f"{head}Content-Type: application/jsonl\r\n\r\n".encode()]
        pieces += (piece for line in lines for piece in line)
        pieces.append(f"\r\n--{_BOUNDARY}--\r\n".encode())
        return _read(self._files.post(pieces, content_type=f"multipart/form-data; boundary={_BOUNDARY}"), _Id).id

    def create(self, file: str, mark: str) -> Batch:
        """Have a file worked off; `mark` is kept with the batch."""
        asked = {
            "input_file_id": file,
            "endpoint": _TARGET,
            "completion_window": WINDOW,
            "metadata": {"vlmeval": mark},
        }
        return _read(self._batches.post(msgspec.json.encode(asked)), Batch)

    def state(self, batch: str) -> Batch:
        """Return how far a batch is."""
        return _read(self._get(f"/batches/{batch}"), Batch)

    def find(self, mark: str) -> Batch | None:
        """Return the batch that was made with this mark, among the latest 100."""
        page = _read(self._get("/batches?limit=100"), _Page)
        return next((one for one in page.data if (one.metadata or {}).get("vlmeval") == mark), None)

    def outcomes(self, batch: Batch) -> Iterator[tuple[str, Outcome]]:
        """Yield (custom_id, outcome) of an ended batch, in the order of its files."""
        for file in (batch.output_file_id, batch.error_file_id):
            if file:
                for line in self._get(f"/files/{file}/content").splitlines():
                    if line.strip():
                        found = _read(line, _Line)
                        yield found.custom_id, self._outcome(found)

    def close(self) -> None:
        """Close the connections."""
        self._files.close()
        self._batches.close()

    def _outcome(self, line: _Line) -> Outcome:
        if line.response is None:
            said = line.error or _Problem()
            return Failure("transient", f"the batch: {said.code or 'error'}: {said.message or 'no explanation'}")
        try:
            return self._model.read(line.response.status_code, bytes(line.response.body))
        except (RetryableError, RejectedError) as error:
            return Failure(error.kind, str(error))

    def _get(self, path: str) -> bytes:
        transport = self._model.beside(path)
        try:
            return transport.get(most=_MOST_RESULTS)
        finally:
            transport.close()


def _read(data: bytes, kind: type[T]) -> T:
    """Return what the server sent. Raises ModelError for another shape: it does not speak of batches."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"the server's reply about a batch is none: {error}: {data[:80]!r}") from error
