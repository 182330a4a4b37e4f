"""A provider's /files and /batches, as an `answer` of FakeServer: batches end after so many polls."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.fakes import Reply, Seen, completion


class BatchService:
    """Keeps files and batches. `reply` makes the line of each request; `polls` go by before a batch has ended."""

    def __init__(self, reply: Callable[[Any], Any] | None = None, *, polls: int = 1) -> None:
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.reply = reply or (lambda _: completion("A"))
        self.polls = polls
        self.lose_next_batch = False
        self.status = "completed"
        self.deaf = 0

    def __call__(self, seen: Seen) -> Reply:
        path = seen.target.removeprefix("/v1").partition("?")[0]
        if path == "/files":
            return self._upload(seen)
        if path == "/batches" and seen.method == "POST":
            return self._create(seen.json)
        if path == "/batches":
            return Reply.of({"data": list(self.batches.values())})
        if path.startswith("/batches/"):
            return self._poll(path.rpartition("/")[2])
        if path.startswith("/files/"):
            return Reply(body=self.files[path.split("/")[2]])
        return Reply.error(404, "no such address")

    def lines(self, name: str) -> list[Any]:
        """Return the lines of a file."""
        return [json.loads(line) for line in self.files[name].splitlines()]

    @property
    def submitted(self) -> list[list[Any]]:
        """The requests of each batch."""
        return [self.lines(batch["input_file_id"]) for batch in self.batches.values()]

    @staticmethod
    def images(line: Any) -> list[bytes]:
        """Return the images of a line."""
        parts = line["body"]["messages"][-1]["content"]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        return [base64.b64decode(url.partition(",")[2], validate=True) for url in urls]

    def _upload(self, seen: Seen) -> Reply:
        boundary = seen.headers["content-type"].partition("boundary=")[2].encode()
        parts = seen.body.split(b"--" + boundary)[1:-1]
        fields = {
            head.partition(b'name="')[2].partition(b'"')[0]: data.removesuffix(b"\r\n")
            for head, _, data in (part.partition(b"\r\n\r\n") for part in parts)
        }
        assert fields[b"purpose"] == b"batch"
        name = f"file-{len(self.files)}"
        self.files[name] = fields[b"file"]
        return Reply.of({"id": name})

    def _create(self, asked: Any) -> Reply:
        assert (asked["endpoint"], asked["completion_window"]) == ("/v1/chat/completions", "24h")
        name = f"batch-{len(self.batches)}"
        self.batches[name] = {"id": name, "status": "in_progress", "left": self.polls, **asked}
        if self.lose_next_batch:
            self.lose_next_batch = False
            return Reply.dropped()
        return Reply.of(self.batches[name])

    def _poll(self, name: str) -> Reply:
        if self.deaf:
            self.deaf -= 1
            return Reply.broken(503)
        batch = self.batches[name]
        batch["left"] -= 1
        if batch["left"] < 0 and batch["status"] == "in_progress":
            batch["status"] = self.status
            if self.status == "failed":
                batch["errors"] = {"data": [{"code": "bad_line", "message": "line 3 is no request"}]}
                return Reply.of(batch)
            lines = []
            for line in reversed(self.lines(batch["input_file_id"])):
                said = self.reply(line)
                if said is not None:
                    status = 200 if "choices" in said else 400
                    response = {"status_code": status, "request_id": "r", "body": said}
                    lines.append({"id": "x", "custom_id": line["custom_id"], "response": response, "error": None})
            batch["output_file_id"] = f"{name}-out"
            self.files[f"{name}-out"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return Reply.of(batch)
