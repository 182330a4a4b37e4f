"""Prompts from templates, and the styles that published figures were made with.

A template names fields in braces; there is nothing else to it: no conditions, no code, and braces in data stay as they
are. Sources of the styles, each tested against exact strings: open-compass/VLMEvalKit vlmeval/dataset/image_mcq.py;
EvolvingLMMs-Lab/lmms-eval lmms_eval/tasks/mmbench (its Chinese tasks keep the English header); haotian-liu/LLaVA
llava/eval/model_vqa_mmbench.py; MMMU-Benchmark/MMMU.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from vlmeval.data.task import PromptStyle, Task
from vlmeval.errors import ConfigError
from vlmeval.registry import did_you_mean
from vlmeval.types import Choice, Image, Part

OPEN = "-open"
"""What a style's name ends in when it asks a question without options."""

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")

_DIRECTLY = "Answer with the option's letter from the given choices directly."
_SHORTLY = "Answer the question using a single word or phrase."
_VLMEVALKIT = PromptStyle(
    "{hint}Question: {question}\nOptions:\n{options}Please select the correct answer from the options above. \n",
    wrap={"hint": "Hint: {hint}\n"},
)
_VLMEVALKIT_OPEN = PromptStyle("{hint}Question: {question}\n", wrap={"hint": "Hint: {hint}\n"})
_MMMU = PromptStyle(f"{{question}}\n\n{{options}}\n{_DIRECTLY}")
_MMMU_OPEN = PromptStyle(f"{{question}}\n\n{_SHORTLY}")

STYLES: Mapping[str, PromptStyle] = {
    "official": _VLMEVALKIT,
    "official-open": _VLMEVALKIT_OPEN,
    "vlmevalkit": _VLMEVALKIT,
    "vlmevalkit-open": _VLMEVALKIT_OPEN,
    "lmms": PromptStyle(
        f"{{hint}}{{question}} There are several options:\n{{options}}\n{_DIRECTLY}", wrap={"hint": "{hint} "}
    ),
    "lmms-open": _MMMU_OPEN,
    "llava": PromptStyle(f"{{hint}}{{question}}\n{{options}}{_DIRECTLY}", wrap={"hint": "{hint}\n"}),
    "llava-open": PromptStyle(f"{{question}}\n{_SHORTLY}"),
    "mmmu": _MMMU,
    "mmmu-open": _MMMU_OPEN,
    "mathvista": PromptStyle(
        "Hint: {hint}\nQuestion: {question}{unit}{options}",
        wrap={"unit": " (Unit: {unit})", "options": "\nChoices:{options}"},
        option="\n({letter}) {choice}",
    ),
    "short": PromptStyle(f"{{question}}\n{_SHORTLY}"),
    "plain": PromptStyle("{question}"),
}
"""The built-in styles. `official` is that of MMBench's own toolkit, which asks Chinese questions in English, too."""

CHINESE: Mapping[str, PromptStyle] = {
    "lmms": PromptStyle(
        "{hint}{question} There are several options:\n{options}\n请直接使用所提供的选项字母作为答案回答。",
        wrap={"hint": "{hint} "},
    ),
    "llava": PromptStyle("{hint}{question}\n{options}请直接回答选项字母。", wrap={"hint": "{hint}\n"}),
}
"""The styles that differ where the questions are Chinese."""


def find_style(task: Task, default: str, *, language: str = "en") -> PromptStyle:
    """Return the style that the task names, its own before a built-in one. Raises ConfigError for an unknown one."""
    name = task.prompt or default
    style = _named(task, name, language)
    if style is None:
        known = sorted({*task.prompts, *STYLES})
        hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
        raise ConfigError(f'task {task.name}: unknown prompt style "{name}"{hint}')
    return style


def find_open_style(task: Task, default: str, *, language: str = "en") -> PromptStyle:
    """Return the style for questions without options: NAME-open, else MMMU's."""
    return _named(task, (task.prompt or default) + OPEN, language) or _MMMU_OPEN


def _named(task: Task, name: str, language: str) -> PromptStyle | None:
    if name in task.prompts:
        return task.prompts[name]
    return (CHINESE.get(name) if language == "zh" else None) or STYLES.get(name)


def render(style: PromptStyle, fields: Mapping[str, str | tuple[Part, ...]]) -> tuple[Part, ...]:
    """Return the prompt: `style` with its fields filled in, adjacent texts merged, empty ones left out.

    A field is text or parts. Images that open the question stand in front of the whole prompt, all others where their
    field has them. A field that is absent or empty becomes nothing, its wrapping too.
    """
    opening, question = _opening_images(_parts(fields.get("question", ())))
    values: dict[str, str | tuple[Part, ...]] = {**fields, "question": question}
    parts: list[Part] = [*opening]
    for literal, name in _pieces(style.text):
        parts.append(literal)
        value = _parts(values.get(name, ()))
        if not value:
            continue
        if name in style.wrap:
            for around, inner in _pieces(style.wrap[name]):
                parts.append(around)
                parts.extend(value if inner == name else _parts(values.get(inner, ())))
        else:
            parts.extend(value)
    return merged(parts)


def render_options(style: PromptStyle, options: Sequence[tuple[str, Choice]]) -> tuple[Part, ...]:
    """Return the list of options as `style` writes it; an option's images stay inside its line."""
    parts: list[Part] = []
    for letter, choice in options:
        for literal, name in _pieces(style.option):
            parts.append(literal)
            parts.extend((letter,) if name == "letter" else _parts(choice) if name == "choice" else ())
    return merged(parts)


def merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return `parts` with adjacent texts joined and empty ones left out."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


@lru_cache(256)
def _pieces(template: str) -> tuple[tuple[str, str], ...]:
    """Return the literals of `template`, each with the field name after it; the last one has none."""
    pieces = [*_FIELD.split(template), ""]
    return tuple(zip(pieces[::2], pieces[1::2], strict=True))


def _parts(value: str | tuple[Part, ...]) -> tuple[Part, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return value


def _opening_images(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Split `parts` into the images before the first text, and the rest."""
    count = 0
    while count < len(parts) and isinstance(parts[count], Image):
        count += 1
    return parts[:count], parts[count:]
