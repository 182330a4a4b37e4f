"""What to say when a run stops: which sample, which line of whose file, what is saved, how to go on."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

from vlmeval.errors import ConfigError, DataError, JournalError, ModelError, TooManyFailuresError, VlmevalError
from vlmeval.run.limits import Tally
from vlmeval.types import Failure, Outcome, Output, Request

MESSAGE_CHARACTERS = 300


def checked(outcomes: Sequence[Outcome], requests: Sequence[Request]) -> Sequence[Outcome]:
    """Return what a model gave for `requests`. Raises ModelError unless it is one Output or Failure for each."""
    if not isinstance(outcomes, (list, tuple)) or len(outcomes) != len(requests):
        found = f"{len(outcomes)} outcomes" if isinstance(outcomes, (list, tuple)) else f"a {type(outcomes).__name__}"
        raise ModelError(f"the model returned {found} for {len(requests)} requests; expected a list, one for each")
    for outcome in outcomes:
        if not isinstance(outcome, (Output, Failure)):
            raise ModelError(
                f"the model returned a {type(outcome).__name__} as an outcome; expected Output(text) or Failure(...)"
            )
    return outcomes


def stop_error(error: BaseException, requests: Sequence[Request], saved: int) -> VlmevalError:
    """Return what stops a run after `error` came out of a call for `requests`; `error` is its cause."""
    if isinstance(error, (JournalError, ConfigError)):
        return error
    others = f" (or one of {len(requests) - 1} others in its batch)" if len(requests) > 1 else ""
    if isinstance(error, VlmevalError):
        what = str(error)
    else:
        what = f"{type(error).__name__} at {place_of(error)}: {_short(str(error))}"
    sample = f"sample {requests[0].sample_id}"
    where = "" if what.startswith(f"{sample}:") else f"{sample}{others}: "
    kind = DataError if isinstance(error, DataError) else ModelError
    stopped = kind(f"{where}{what}\n{saved} answers are saved; mend it and run the same command again")
    stopped.__cause__ = error
    return stopped


def too_many(reason: str, tally: Tally) -> TooManyFailuresError:
    """Return the error of a run that gave up for `reason`."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.failures.items()))
    return TooManyFailuresError(
        f"stopped: {reason}: {tally.failed} of {tally.requests} requests failed ({kinds}); "
        f"the last: {_short(tally.last_failure)}\n"
        f"{tally.answered} answers are saved; mend the cause, then run the same command again with --retry-errors"
    )


def place_of(error: BaseException) -> str:
    """Return "file.py:12", the last line the error passed in a file that is not an installed package, else the last."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown line"
    installed = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    own = [frame for frame in frames if not frame.filename.startswith((*installed, str(Path(__file__).parent), "<"))]
    frame = own[-1] if own else frames[-1]
    path = Path(frame.filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{frame.lineno}"


def _short(text: str) -> str:
    return text if len(text) <= MESSAGE_CHARACTERS else text[:MESSAGE_CHARACTERS] + "..."
