"""How far a run is: a bar on a terminal, a line every 10 s elsewhere, nothing where asked for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from vlmeval.run.limits import Tally

BAR_SECONDS = 0.2
LINE_SECONDS = 10.0


class Progress(Protocol):
    """Shows a run. All calls come from the thread that runs."""

    def show(self, tally: Tally) -> None:
        """Show where the run is, not more often than is good; called very often."""
        ...

    def say(self, text: str) -> None:
        """Show one line of text."""
        ...

    def close(self, tally: Tally) -> None:
        """Show where the run ended."""
        ...


class Quiet:
    """Shows messages only."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, tally: Tally) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Print one line."""
        print(text, file=self._stream, flush=True)

    def close(self, tally: Tally) -> None:
        """Show nothing."""


class ProgressLines(Quiet):
    """A line every 10 s, and one at the end: for logs."""

    def __init__(
        self, label: str, total: int | None, stream: TextIO, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(stream)
        self._label, self._total, self._now = label, total, now
        self._start = now()
        self._next = self._start + LINE_SECONDS

    def show(self, tally: Tally) -> None:
        """Print a line where the last is 10 s old."""
        if self._now() >= self._next:
            self._next = self._now() + LINE_SECONDS
            self.say(self._line(tally))

    def close(self, tally: Tally) -> None:
        """Print the last line."""
        self.say(self._line(tally))

    def _line(self, tally: Tally) -> str:
        seconds = self._now() - self._start
        rate = (tally.samples - tally.earlier_samples) / seconds if seconds > 0 else 0.0
        pace = "all from before" if 0 < tally.samples == tally.earlier_samples else f"{rate:.1f}/s"
        parts = [f"{tally.samples}/{self._total}" if self._total is not None else str(tally.samples), pace]
        if self._total is not None and rate > 0 and tally.samples < self._total:
            parts.append(f"{duration((self._total - tally.samples) / rate)} left")
        return f"{self._label}: {parts[0]} samples, {', '.join([*parts[1:], *extras(tally)])}"


class ProgressBar:
    """A bar that is drawn over and over: for a terminal."""

    def __init__(
        self, label: str, total: int | None, stream: TextIO, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        from tqdm import tqdm

        self._bar: Any = tqdm(total=total, desc=label, unit="samples", file=stream, dynamic_ncols=True)
        self._now = now
        self._next = now()

    def show(self, tally: Tally) -> None:
        """Draw the bar where it is 0.2 s old."""
        if self._now() >= self._next:
            self._next = self._now() + BAR_SECONDS
            self._draw(tally)

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.write(text, file=self._bar.fp)

    def close(self, tally: Tally) -> None:
        """Draw the bar for the last time."""
        self._draw(tally)
        self._bar.close()

    def _draw(self, tally: Tally) -> None:
        self._bar.n, self._bar.initial = tally.samples, tally.earlier_samples
        self._bar.set_postfix_str(", ".join(extras(tally)), refresh=False)
        self._bar.refresh()


def open_progress(label: str, total: int | None, *, quiet: bool, stream: TextIO | None = None) -> Progress:
    """Return what suits the stream (standard error unless given)."""
    stream = stream or sys.stderr
    if quiet:
        return Quiet(stream)
    return ProgressBar(label, total, stream) if stream.isatty() else ProgressLines(label, total, stream)


def extras(tally: Tally) -> list[str]:
    """Return what there is to say besides the count: failures, tokens, cost."""
    tokens = tally.prompt_tokens + tally.output_tokens
    return [
        *([f"{tally.failed} requests failed"] if tally.failed else []),
        *([f"{short_count(tokens)} tokens"] if tokens else []),
        *([f"${tally.cost:.2f}"] if tally.cost is not None else []),
    ]


def short_count(number: int) -> str:
    """Return a count in at most four digits: 950, 12.3k, 4.5M."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


def duration(seconds: float) -> str:
    """Return seconds as 0:42, 12:05 or 3:00:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
