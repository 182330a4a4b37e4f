"""Decoded pictures: in worker threads ahead of the device, each once while questions about it follow one another.

Bounded in number, never in what is asked for: an image that nobody announced, or that fell out, is decoded where it is
wanted. Pixels do not depend on the thread that decoded them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from vlmeval.types import Image

WORKERS = 2
MOST = 64


class Pictures:
    """Pictures by the digest of their image; the `most` announced or used last are kept."""

    def __init__(self, *, most: int = MOST, workers: int = WORKERS) -> None:
        self._most = most
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._found: OrderedDict[str, Future[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def expect(self, images: Iterable[Image]) -> None:
        """Have images decoded that will be wanted soon. Where `most` are on their way already, the rest must wait."""
        with self._lock:
            for image in images:
                if image.sha256 in self._found:
                    self._found.move_to_end(image.sha256)
                elif self._make_room():
                    if self._pool is None:
                        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")
                    self._found[image.sha256] = self._pool.submit(image.open)

    def get(self, image: Image) -> Any:
        """Return the decoded picture. Raises DataError for an image that cannot be decoded."""
        with self._lock:
            future = self._found.get(image.sha256)
            if future is not None and future.cancel():  # still in the queue: sooner done here
                future = None
            elif future is not None:
                self._found.move_to_end(image.sha256)
        if future is not None and future.exception() is None:
            return future.result()
        # One that failed is tried again: its reader may have been that of a data set closed since.
        picture = image.open()
        done: Future[Any] = Future()
        done.set_result(picture)
        with self._lock:
            self._found.pop(image.sha256, None)
            if self._make_room():
                self._found[image.sha256] = done
        return picture

    def close(self) -> None:
        """Forget all pictures and end the threads; announcing more starts others."""
        with self._lock:
            self._found.clear()
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _make_room(self) -> bool:
        """Tell whether one more fits, the one done longest ago leaving for it. With the lock held."""
        if len(self._found) < self._most:
            return True
        oldest = next((key for key, future in self._found.items() if future.done()), None)
        if oldest is not None:
            del self._found[oldest]
        return oldest is not None
