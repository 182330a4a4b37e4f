"""A task as the TOML that spells it: what differs from the defaults, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from vlmeval.data.task import Task

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def task_toml(task: Task, head: Sequence[str] = ()) -> str:
    """Return the TOML of a task, `head` in front of it as comments. `jsonio.read_toml` gives the task again."""
    defaults = Task(name="", benchmark="", split="", kind="", metrics=(), primary="")
    required = {"name", "benchmark", "split", "kind", "metrics", "primary"}
    table = {
        field: msgspec.to_builtins(value)
        for field in task.__struct_fields__
        if (value := getattr(task, field)) != getattr(defaults, field) or field in required
    }
    lines = [*(f"# {line}".rstrip() for text in head for line in text.split("\n")), *_table(table, ())]
    return "\n".join(lines).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Yield a table's own keys, then the tables in it: TOML has no way back from a table to its parent."""
    inner: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_tables(value):
            inner.append((key, value))
        elif value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner:
        name = ".".join(map(_key, (*path, key)))
        if isinstance(value, Mapping):
            if any(not isinstance(item, Mapping) for item in value.values()):
                yield from ("", f"[{name}]")
            yield from _table(value, (*path, key))
        else:
            for item in value:
                yield from ("", f"[[{name}]]", *_table(item, (*path, key)))


def _is_tables(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)


def _string(text: str) -> str:
    """Return a basic string: JSON's escapes are TOML's, but for DEL, which TOML wants escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
