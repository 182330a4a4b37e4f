"""A run in a process of its own, to be killed: python -m tests.faults.victim RESULTS CALLS CONCURRENCY FATE NUMBER.

CALLS is a file that gets one line per request sent. FATE says what happens at request NUMBER of this process: "kill"
(SIGKILL), "wait" (prints "waiting" and blocks until standard input ends), "full" (files cannot grow past NUMBER bytes),
"none".
"""

from __future__ import annotations

import hashlib
import itertools
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.run.asking import TASK, Asked, Data, samples
from vlmeval.errors import VlmevalError
from vlmeval.run.session import RunSettings, run_task
from vlmeval.types import Failure, Output, Request

COUNT = 60
CIRCULAR = {"circular": True}


class Victim(Asked):
    """Answers at the price of some milliseconds of work, and writes down each request before it does."""

    def __init__(self, calls: Path, concurrency: int, fate: str, at: int) -> None:
        super().__init__(concurrency=concurrency)
        self._file = os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._numbers = itertools.count(1)
        self._fate, self._at = fate, at

    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        for request in requests:
            os.write(self._file, f"{request.sample_id}/{request.variant}\n".encode())
        if next(self._numbers) == self._at:
            if self._fate == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            elif self._fate == "wait":
                print("waiting", flush=True)
                sys.stdin.read()
        return [answer(request) for request in requests]


def answer(request: Request) -> Output:
    """Return a letter that depends on the request alone."""
    work = hashlib.pbkdf2_hmac("sha256", request.key.encode(), b"", 8000)
    return Output("ABCD"[work[0] % 4] if work[1] % 8 else "None of them is right, I think.")


def main() -> int:
    results, calls, concurrency, fate, at = sys.argv[1:]
    if fate == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(at), int(at)))
    task = type(TASK)(
        **{name: getattr(TASK, name) for name in TASK.__struct_fields__ if name != "options"}, options=CIRCULAR
    )
    model = Victim(Path(calls), int(concurrency), fate, int(at))
    try:
        result = run_task(task, Data(samples(COUNT)), model, RunSettings(quiet=True), results=Path(results))
    except VlmevalError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    print(result.state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
