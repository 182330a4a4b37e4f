"""Batches that fit: a number of rows, or a budget of tokens that grows; out of memory halves it, and the run goes on.

No answer depends on the batch that it came from: rows are padded and masked, and sampled with noise of their own.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Size = int | Literal["auto"]

CPU_ROWS, GPU_ROWS = 8, 64
"""Rows of a batch with "auto": on a CPU, where more of them save nothing, and at most on a GPU."""
FIRST_TOKENS = 8192
USED_SHARE = 0.85
"""Of a device's memory, how much a batch may be expected to take."""
MARGIN = 1.2


class Memory(Protocol):
    """The memory of a device, in bytes."""

    def begin(self) -> None:
        """Forget earlier peaks."""
        ...

    def held(self) -> int:
        """Return what is in use now."""
        ...

    def peak(self) -> int:
        """Return the most that was in use since `begin`."""
        ...

    def total(self) -> int:
        """Return what there is."""
        ...


class CudaMemory:
    """The memory of one GPU, as torch sees it; what others took of it counts as not there."""

    def __init__(self, device: str) -> None:
        self._device = device

    def begin(self) -> None:
        """Forget earlier peaks."""
        import torch

        torch.cuda.reset_peak_memory_stats(self._device)

    def held(self) -> int:
        """Return what tensors of this process take."""
        import torch

        return int(torch.cuda.memory_allocated(self._device))

    def peak(self) -> int:
        """Return the most that they took."""
        import torch

        return int(torch.cuda.max_memory_allocated(self._device))

    def total(self) -> int:
        """Return what is free and what this process holds already."""
        import torch

        free, _ = torch.cuda.mem_get_info(self._device)
        return int(free) + int(torch.cuda.memory_reserved(self._device))


class Budget:
    """How many padded tokens a batch may have. It starts small and doubles while what a batch took says that it may."""

    def __init__(self, memory: Memory, *, rows: int = GPU_ROWS, tokens: int = FIRST_TOKENS) -> None:
        self.rows = rows
        self.tokens = tokens
        self._memory = memory
        self._ceiling: int | None = None
        self._per_token = 0.0
        self._base = 0

    def takes(self, costs: Sequence[int]) -> int:
        """Return how many of the rows, the first of which have these tokens, make one batch: at least one."""
        longest = 0
        for count, cost in enumerate(costs[: self.rows]):
            longest = max(longest, cost)
            if count and longest * (count + 1) > self.tokens:
                return count
        return min(len(costs), self.rows)

    def begin(self) -> None:
        """Say that a batch begins."""
        self._memory.begin()
        self._base = self._memory.held()

    def fitted(self, costs: Sequence[int]) -> None:
        """Learn from a batch that fitted; one that was about full may be followed by one twice as large."""
        used = max(costs) * len(costs)
        self._per_token = max(self._per_token, (self._memory.peak() - self._base) / used)
        if 2 * used < self.tokens:
            return
        limit = 2 * self.tokens
        if self._per_token > 0:
            room = USED_SHARE * self._memory.total() - self._base
            limit = min(limit, int(room / (MARGIN * self._per_token)))
        if self._ceiling is not None:
            limit = min(limit, self._ceiling)
        self.tokens = max(self.tokens, limit)

    def burst(self, costs: Sequence[int]) -> None:
        """Learn from a batch that did not fit: half of it is the most from now on."""
        self.tokens = self._ceiling = max(1, max(costs) * len(costs) // 2)


class Batcher:
    """Cuts work into batches of at most `size` rows, or by a budget; either falls when memory ran out, for good."""

    def __init__(self, size: int, *, budget: Budget | None = None) -> None:
        self.size = size
        self.budget = budget
        self.halvings: list[int] = []

    def run(
        self,
        items: Sequence[Item],
        work: Callable[[Sequence[Item]], Sequence[Result]],
        too_large: Callable[[Item, str], Result],
        cost: Callable[[Item], int] = lambda item: 1,
    ) -> list[Result]:
        """Return the results of `work` over batches of `items`, in order; `too_large` for one that never fits.

        `cost` is about how many tokens a row has, its answer included; it matters to a budget only.
        """
        results: list[Result] = []
        costs = [max(1, cost(item)) for item in items] if self.budget else []
        while len(results) < len(items):
            start = len(results)
            count = self.budget.takes(costs[start:]) if self.budget else self.size
            batch, rows = items[start : start + count], costs[start : start + count]
            reason = ""
            try:
                if self.budget:
                    self.budget.begin()
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
                    self._halve(batch, rows)
            elif self.budget:
                self.budget.fitted(rows)
        return results

    def _halve(self, batch: Sequence[Any], costs: Sequence[int]) -> None:
        if self.budget:
            self.budget.burst(costs)
        else:
            self.size = len(batch) // 2
        self.halvings.append(len(batch) // 2)

    def conditions(self) -> dict[str, Any]:
        """Return the batch in use, and each size that memory forced."""
        size = {"batch": "auto", "batch_tokens": self.budget.tokens} if self.budget else {"batch": self.size}
        return {**size, **({"batch_halved_to": self.halvings} if self.halvings else {})}


def batcher(size: Size, device: str) -> Batcher:
    """Return the batcher for a size on a device; with "auto" only a GPU has a budget, the one whose memory is known."""
    if size != "auto":
        return Batcher(size)
    if device.startswith("cuda"):
        return Batcher(GPU_ROWS, budget=Budget(CudaMemory(device)))
    return Batcher(CPU_ROWS)


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
