"""From a request to the text a processor takes: chat template, own template, or what is documented without one.

Whatever way it is, every image of the request has its placeholder in the text, and nothing of the request is dropped: a
template that leaves out the system prompt is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from vlmeval.errors import ConfigError
from vlmeval.types import Image, Request

# Prompts of models without a chat template. "{question}" is the text, images left out: their processors put them first.
# BLIP-2: the VQA prompt of its paper (Li et al. 2023). PaliGemma, Florence-2, InstructBLIP, BLIP and GIT take the bare
# text: a task prefix ("answer en ", "<VQA>", ...) belongs to the task's prompt.
BARE = {
    "blip-2": "Question: {question} Answer:",
    "instructblip": "{question}",
    "paligemma": "{question}",
    "florence2": "{question}",
    "blip": "{question}",
    "git": "{question}",
}
ONE_IMAGE = frozenset(BARE) - {"paligemma"}


class Prompter:
    """Renders requests for one processor."""

    def __init__(self, processor: Any, model_type: str, *, template: str = "", name: str = "") -> None:
        self.processor = processor
        self.name = name
        self.model_type = model_type
        self.template = template
        self.chat_template = self._chat_template()
        if template and "{question}" not in template:
            raise ConfigError(f'{name}: template must hold "{{question}}", where text and images of the request go')

    def _chat_template(self) -> Any:
        if self.model_type in BARE and not getattr(self.processor, "chat_template", None):
            return None
        own = getattr(self.processor, "chat_template", None) or getattr(self.processor.tokenizer, "chat_template", None)
        if isinstance(own, dict) and "default" not in own:
            raise ConfigError(f"{self.name}: none of its chat templates is the default one; pass template=...")
        return own["default"] if isinstance(own, dict) else own

    @property
    def placeholder(self) -> str:
        """What stands for an image in the text, "" where the processor puts images itself."""
        token = getattr(self.processor, "image_token", None) or ""
        return str(getattr(token, "content", token))

    @property
    def one_image(self) -> bool:
        """Whether a prompt holds one image at most."""
        return (
            self.chat_template is None and not self.template and (self.model_type in ONE_IMAGE or not self.placeholder)
        )

    def recipe(self) -> dict[str, Any]:
        """Return what defines the prompts: which way, and the digest of the template."""
        if self.template:
            return {"prompt": "own", "template": self.template}
        if self.chat_template is not None:
            digest = hashlib.sha256(str(self.chat_template).encode()).hexdigest()
            return {"prompt": "chat template", "template_sha256": digest}
        return {"prompt": "text", "template": BARE.get(self.model_type, "{question}")}

    def render(self, request: Request) -> str:
        """Return the prompt as it goes to the tokenizer, one placeholder an image."""
        if self.template:
            text = self.template.replace("{question}", self._inline(request))
            return _with_system(text, request.system)
        if self.chat_template is not None:
            return self._chat(request)
        if self.model_type == "paligemma":
            return self.placeholder * len(request.images) + _with_system(request.text, request.system)
        if self.model_type in BARE:
            return BARE[self.model_type].replace("{question}", _with_system(request.text, request.system))
        return _with_system(self._inline(request), request.system)

    def _inline(self, request: Request) -> str:
        return "".join(part if isinstance(part, str) else self.placeholder for part in request.parts)

    def _chat(self, request: Request) -> str:
        """Return the rendered conversation. Raises ConfigError where the template refuses or drops a part of it."""
        import jinja2

        content = [{"type": "image"} if isinstance(part, Image) else text_part(part) for part in request.parts]
        turn = {"role": "user", "content": content}
        # Most templates take a system prompt as a list of parts; Llama 3.2's writes such a list out as Python.
        systems: Sequence[Any] = [None] if request.system is None else [[text_part(request.system)], request.system]
        refusal: Exception | None = None
        lost = ""
        for system in systems:
            messages = [turn] if system is None else [{"role": "system", "content": system}, turn]
            try:
                text = str(
                    self.processor.apply_chat_template(
                        messages, chat_template=self.chat_template, add_generation_prompt=True, tokenize=False
                    )
                )
            except (jinja2.TemplateError, TypeError) as error:
                refusal = error
                continue
            lost = _lost(request, text)
            if not lost:
                return text
        if refusal is None:
            raise ConfigError(
                f"{self.name}: its chat template leaves out {lost}; pass template=..., or put it elsewhere"
            )
        part = "a question with images" if request.system is None else "a system prompt; put it into the question"
        raise ConfigError(f"{self.name}: its chat template refuses {part}: {refusal}") from refusal


def text_part(text: str) -> dict[str, str]:
    """Return a part of a chat message."""
    return {"type": "text", "text": text}


def _with_system(text: str, system: str | None) -> str:
    return text if system is None else f"{system}\n{text}"


def _lost(request: Request, text: str) -> str:
    """Return what of the request is missing in the rendered text, "" where nothing is."""
    if request.system is not None and request.system.strip() not in text:
        return "the system prompt"
    if any(part.strip() not in text for part in request.parts if isinstance(part, str)):
        return "a part of the question"
    # A template for text alone writes the list of parts out as Python.
    if "{'type'" in text and "{'type'" not in f"{request.text}{request.system}":
        return "the structure of the message"
    return ""
