"""The prompts the models are trained on and asked: the wordings that evaluation harnesses send, and the chat format.

A message is a list of parts: a string is text, an `int` is the number (from 0) of an image of the sample. The chat
format is that of LLaVA-1.5 with parts kept in their order.
"""

import re
from typing import Final

Parts = list[str | int]

IMAGE_MARK: Final = "<image>"
END_MARK: Final = "</s>"
LETTERS: Final = "ABCD"
CAPTION_PROMPT: Final = "Provide a one-sentence caption for the provided image."
CHOICE_REQUEST: Final = "Please select the correct answer from the options above. \n"
LETTER_REQUEST: Final = "Answer with the option's letter from the given choices directly."
SHORT_REQUEST: Final = "Answer the question using a single word or phrase."

CHAT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ message['role'] | upper + ':' }}{{ ' ' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}{{ '</s>' }}{% else %}{{ ' ' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)

_PLACEHOLDER: Final = re.compile(r"<image (\d)>")


def chat_text(parts: Parts) -> str:
    """Return what the chat template makes of one user message, up to where the answer (" " + text) begins."""
    return "USER: " + "".join(IMAGE_MARK if isinstance(part, int) else part for part in parts) + " ASSISTANT:"


def lettered(options: list[str]) -> str:
    """Return the options one to a line, as in "A. red"."""
    return "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))


def choice_prompt(question: str, options: list[str], hint: str | None = None) -> str:
    """MMBench's prompt: hint, question, options, request; it ends in a space and a newline."""
    head = "" if hint is None else f"Hint: {hint}\n"
    return f"{head}Question: {question}\nOptions:\n{lettered(options)}\n{CHOICE_REQUEST}"


def letter_prompt(question: str, options: list[str], hint: str | None = None) -> str:
    """LLaVA's multiple-choice prompt."""
    head = "" if hint is None else f"{hint}\n"
    return f"{head}{question}\n{lettered(options)}\n{LETTER_REQUEST}"


def short_prompt(question: str) -> str:
    """VQA's prompt."""
    return f"{question}\n{SHORT_REQUEST}"


def exam_prompt(question: str, options: list[str] | None) -> str:
    """MMMU's prompt, with its `<image 1>` placeholders still in the text; None for an open question."""
    if options is None:
        return f"{question}\n\n{SHORT_REQUEST}"
    return f"{question}\n{lettered(options)}\n\n{LETTER_REQUEST}"


def in_place(prompt: str) -> Parts:
    """Replace each `<image N>` by image N-1, in its place."""
    parts: Parts = []
    for place, piece in enumerate(_PLACEHOLDER.split(prompt)):
        if place % 2:
            parts.append(int(piece) - 1)
        elif piece:
            parts.append(piece)
    return parts


def images_first(prompt: str, image_count: int) -> Parts:
    """Put all images before the text, which keeps its placeholders."""
    return [*range(image_count), prompt]
