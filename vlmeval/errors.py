"""The exceptions of vlmeval, and what each means for the person at the keyboard.

    VlmevalError
    ├── ConfigError            wrong use: an option, a name, a TOML key                     exit status 2
    ├── DataError              wrong data: a file, a row, an image                          exit status 2
    ├── JournalError           results on disk that cannot be continued or read             exit status 2
    ├── ModelError             the model cannot be used                                     exit status 2
    │   ├── RetryableError     this call failed, another may succeed (429, 5xx, time-out)
    │   └── RejectedError      this request will never succeed (other 4xx, too long)
    └── TooManyFailuresError   the run was stopped; everything answered is saved            exit status 1

A message says what is wrong, where (file, line, key, sample id), what was expected, and what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal


class VlmevalError(Exception):
    """Base of all errors that vlmeval raises on purpose."""

    exit_status = 2


class ConfigError(VlmevalError):
    """An option, a name or a key of a configuration file is wrong."""


class DataError(VlmevalError):
    """A data file, a row or an image is wrong."""


class JournalError(VlmevalError):
    """Results on disk cannot be read, or belong to another run."""


class ModelError(VlmevalError):
    """A model cannot be loaded, or broke in a way that asking again does not mend."""


class RetryableError(ModelError):
    """A call failed in a way that asking again may mend.

    `retry_after` is what the server asked for, in seconds; None where it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Literal["rate_limit", "transient"] = "transient",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: Literal["rate_limit", "transient"] = kind
        self.retry_after = retry_after


class RejectedError(ModelError):
    """A request that will never succeed as it is; it is recorded and not asked again."""

    def __init__(self, message: str, *, kind: Literal["rejected", "refused", "too_long"] = "rejected") -> None:
        super().__init__(message)
        self.kind: Literal["rejected", "refused", "too_long"] = kind


class TooManyFailuresError(VlmevalError):
    """More requests failed than were allowed; what was answered is saved in the run's `folder`."""

    exit_status = 1
    folder: Path | None = None
