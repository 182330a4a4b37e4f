"""Ctrl-C and SIGTERM as a request to stop, noted and answered by the running thread where nothing is half done."""

from __future__ import annotations

import queue
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

CAUGHT = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Counts interrupts while it is entered and rings `bell`; the second one is raised as KeyboardInterrupt.

    The handler takes no lock (it may run while this very thread holds one): SimpleQueue.put is reentrant by contract.
    Outside the main thread Python delivers no signals, and nothing is installed.
    """

    def __init__(self, bell: queue.SimpleQueue[None]) -> None:
        self.count = 0
        self._bell = bell
        self._before: list[tuple[signal.Signals, Any]] = []

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self._bell.put(None)
        if self.count > 1:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = [(caught, signal.signal(caught, self._note)) for caught in CAUGHT]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for caught, handler in self._before:
            signal.signal(caught, handler)
