"""JSON and TOML to and from the types, and digests of their canonical form.

Every file of results is written through here: a JSON file replaces its predecessor whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vlmeval.errors import ConfigError, JournalError
from vlmeval.registry import did_you_mean

T = TypeVar("T")


def encode(value: object) -> bytes:
    """Return `value` as one line of JSON, struct fields in order, no blanks."""
    return msgspec.json.encode(value)


def encode_lines(values: Iterable[object]) -> bytes:
    """Return `values` as JSON Lines, each line ended."""
    return msgspec.json.Encoder().encode_lines(values)


def decode(data: bytes | str, kind: type[T], *, where: str) -> T:
    """Return the `kind` that `data` spells. Raises JournalError that names `where`."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"{where}: not the expected JSON: {error}") from error


def digest(value: object) -> str:
    """Return the sha256 of the canonical JSON of `value`: keys sorted, as hex."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def write_json(path: Path, value: object) -> None:
    """Write `value` to `path`, indented, by rename: a reader sees the old file or the new one, never half of it."""
    data = msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
    write_whole(path, data)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` by way of a temporary file beside it. Raises JournalError where the disk refuses."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise JournalError(
            f"{path}: cannot be written: {error.strerror}; free some space or choose another -o"
        ) from error


def read_json(path: Path, kind: type[T]) -> T:
    """Return the `kind` stored in `path`. Raises JournalError where it is missing or not that."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from error
    return decode(data, kind, where=str(path))


def read_toml(path: Path, kind: type[T]) -> T:
    """Return the `kind` that the TOML file spells. Raises ConfigError that names file and key, with the nearest key."""
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    return convert(table, kind, where=str(path))


def convert(table: Mapping[str, Any], kind: type[T], *, where: str) -> T:
    """Return `table` as a `kind`. Raises ConfigError that names `where` and the key."""
    fields = getattr(kind, "__struct_encode_fields__", None)
    for key in table:
        if fields is not None and key not in fields:
            hint = did_you_mean(key, fields) or f"; known keys: {', '.join(sorted(fields)) or 'none'}"
            raise ConfigError(f'{where}: unknown key "{key}"{hint}')
    try:
        return msgspec.convert(table, type=kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error
