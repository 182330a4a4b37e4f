"""A model's options: what a person typed, checked against what the model takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from vlmeval.errors import ConfigError
from vlmeval.registry import did_you_mean

Scalar = str | int | float | bool
T = TypeVar("T")


def read_options(options: Mapping[str, Scalar], kind: type[T], *, where: str) -> T:
    """Return the options as a `kind` (a Struct); "60" is a number where one is due.

    Raises ConfigError that names the option, and the options there are.
    """
    known = kind.__struct_fields__  # type: ignore[attr-defined]
    check_names(options, known, where=where)
    try:
        return msgspec.convert(options, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error


def check_names(options: Iterable[str], known: Iterable[str], *, where: str) -> None:
    """Raise ConfigError for the first option that is not known, with the nearest and all of them."""
    names = sorted(known)
    for name in options:
        if name not in names:
            listed = f"it takes: {', '.join(names)}" if names else "it takes none"
            raise ConfigError(f'{where}: unknown option "{name}"{did_you_mean(name, names)}; {listed}')
