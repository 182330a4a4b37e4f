"""A task: how a benchmark is asked and scored. One TOML file each: no code, no includes, no templates but {field}."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from vlmeval.types import Sampling


class PromptStyle(Struct, frozen=True, forbid_unknown_fields=True):
    r"""A prompt template.

    `text` names {question}, {options} and the fields of a sample ({hint}, ...). An absent field becomes nothing; a
    present one is written as `wrap` says for its name ("Hint: {hint}\n"), else as it is. `option` writes one option.
    Images that open the question stay in front of the whole prompt; others stay where the question has them.
    """

    text: str
    wrap: dict[str, str] = {}
    option: str = "{letter}. {choice}\n"


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """A published figure for this very task, on the metric's display scale."""

    model: str
    value: float
    source: str
    metric: str = ""
    note: str = ""


class Task(Struct, frozen=True, forbid_unknown_fields=True):
    """What `tasks/NAME.toml` says. `options` are the kind's own settings, checked by the kind.

    `submission` names the file that the official server of a hidden split takes ("vqav2", "docvqa", ...).
    """

    name: str
    benchmark: str
    split: str
    kind: str
    metrics: tuple[str, ...]
    primary: str
    title: str = ""
    version: int = 1
    prompt: str = ""
    prompts: dict[str, PromptStyle] = {}
    system: str | None = None
    sampling: Sampling = Sampling()
    options: dict[str, Any] = {}
    slices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    chance: float | None = None
    submission: str = ""
    published: tuple[Published, ...] = ()
    verified: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
