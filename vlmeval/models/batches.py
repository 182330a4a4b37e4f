"""Batches that fit: out of memory halves them, and the run goes on with the same results."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher:
    """Cuts work into batches of at most `size` items; `size` falls when memory ran out, and stays there."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.halvings: list[int] = []

    def run(
        self,
        items: Sequence[Item],
        work: Callable[[Sequence[Item]], Sequence[Result]],
        too_large: Callable[[Item, str], Result],
    ) -> list[Result]:
        """Return the results of `work` over batches of `items`, in order; `too_large` for one that never fits."""
        results: list[Result] = []
        while len(results) < len(items):
            batch = items[len(results) : len(results) + self.size]
            reason = ""
            try:
                results.extend(work(batch))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error)
            # Outside the handler: the traceback holds the tensors of the batch that did not fit.
            if reason:
                free_memory()
                if len(batch) == 1:
                    results.append(too_large(batch[0], reason))
                else:
                    self.size = len(batch) // 2
                    self.halvings.append(self.size)
        return results

    def conditions(self) -> dict[str, Any]:
        """Return the batch in use, and each size that memory forced."""
        return {"batch": self.size, **({"batch_halved_to": self.halvings} if self.halvings else {})}


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tell whether torch ran out of memory: its own exception, or the words of allocators that raise RuntimeError."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "alloc_failed" in text


def free_memory() -> None:
    """Give back what a failed batch held."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
