"""Garbage collection, put off while a run is put together.

Scoring builds millions of objects that all stay and form no cycles. The collector would look through all of them again
and again: a third of the time of a large run.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Put off garbage collection; what it was before, it is afterwards."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
