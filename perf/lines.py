"""The form of every script here: lines `what | ours | other | ratio | bar` of one run, exit status from the bars.

A line compares our figure with a peer's or a limit's of the same run. A peer that is not installed is a line too: it
names what is missing, and no bar holds or fails for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

HEADER = "what | ours | other | ratio | bar"


@dataclass(frozen=True)
class Line:
    """One comparison.

    For costs (`more=False`) the ratio is other / ours, for rates and qualities (`more=True`) ours / other, so that a
    larger ratio is always the better one. `least` is the smallest ratio; `most` and `floor` bound our own figure.
    """

    what: str
    ours: float
    other: float | None = None
    least: float | None = None
    most: float | None = None
    floor: float | None = None
    unit: str = "s"
    more: bool = False

    @property
    def ratio(self) -> float | None:
        """Return how many times better ours is, or None where there is no other."""
        if self.other is None:
            return None
        better, worse = (self.ours, self.other) if self.more else (self.other, self.ours)
        return better / worse if worse else float("inf")

    @property
    def passed(self) -> bool:
        """Tell whether the bars hold."""
        ratio = self.ratio
        return (
            (self.least is None or (ratio is not None and ratio >= self.least))
            and (self.most is None or self.ours <= self.most)
            and (self.floor is None or self.ours >= self.floor)
        )

    def text(self) -> str:
        """Return the line as printed."""
        bars = [f"ratio >= {self.least:g}"] if self.least is not None else []
        bars += [f"<= {self.most:g} {self.unit}".rstrip()] if self.most is not None else []
        bars += [f">= {self.floor:g} {self.unit}".rstrip()] if self.floor is not None else []
        other = "-" if self.other is None else f"{self.other:.4g} {self.unit}".rstrip()
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = "" if self.passed else " FAILED"
        ours = f"{self.ours:.4g} {self.unit}".rstrip()
        return f"{self.what} | {ours} | {other} | {ratio} | {', '.join(bars) or '-'}{verdict}"


@dataclass(frozen=True)
class Skipped:
    """A comparison that could not be made here."""

    what: str
    why: str
    passed: bool = True

    def text(self) -> str:
        """Return the line as printed."""
        return f"{self.what} | skipped: {self.why} | - | - | -"


def seconds(work: Callable[[], object], *, times: int = 3) -> float:
    """Return the CPU seconds of the quickest of `times` calls, all threads of this process counted."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def status(lines: Iterable[Line | Skipped]) -> int:
    """Print each line as it comes, below the header, and return 0 where all bars hold, else 1."""
    print(HEADER, flush=True)
    passed = True
    for line in lines:
        print(line.text(), flush=True)
        passed &= line.passed
    return 0 if passed else 1
