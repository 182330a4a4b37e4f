"""Captioners: models that continue a text about a picture and take no instruction (BLIP, GIT, BLIP-2 without tuning).

Asked "Provide a one-sentence caption ...", such a model would continue that sentence. With the option `caption_prefix`
it continues the prefix instead, whatever the task asks: "a picture of" (BLIP), "a photo of" (BLIP-2), or "" for a
caption from nothing (GIT). The prefix is no part of the caption, as in the programs of the papers (salesforce/LAVIS).
Without the option the task's prompt is the text, which is right for GIT tuned on questions.
"""

from __future__ import annotations

from typing import Any

from vlmeval.errors import ConfigError
from vlmeval.models.prompts import Prompter
from vlmeval.types import Request

UNPADDED = frozenset(("blip", "git"))
# Model types whose processors put images beside the text; elsewhere the text has a placeholder for each.
_BESIDE = UNPADDED | {"blip-2", "instructblip", "florence2"}


class PrefixPrompter(Prompter):
    """Renders every request as the same prefix, the images where the processor wants them."""

    def __init__(self, processor: Any, model_type: str, prefix: str, *, name: str = "") -> None:
        super().__init__(processor, model_type, name=name)
        self.prefix = prefix
        if self.chat_template is not None:
            raise ConfigError(
                f"{name}: caption_prefix is for captioners, which continue a text; this model has a chat template and "
                "takes the task's instruction: leave it out, and choose the words with --prompt"
            )

    def recipe(self) -> dict[str, Any]:
        """Return what defines the prompts."""
        return {"prompt": "prefix", "template": self.prefix}

    def render(self, request: Request) -> str:
        """Return the prefix. Raises ConfigError for a request with a system prompt, which would be lost."""
        if request.system is not None:
            raise ConfigError(f"{self.name}: a captioner takes no system prompt; leave it out of the task")
        inline = "" if self.model_type in _BESIDE else self.placeholder * len(request.images)
        return inline + self.prefix


def unpadded_length(tokenizer: Any, prompt: str, model_type: str) -> int:
    """Return the prompt's length in tokens for models whose batches may hold one length only, 0 for all others.

    The decoders of BLIP and GIT count positions from the first column: padding on the left would change the reply.
    """
    return len(tokenizer(prompt)["input_ids"]) if model_type in UNPADDED else 0


def open_ended(inputs: Any, tokenizer: Any, config: Any) -> Any:
    """Return the inputs of a prompt without the end that its processor writes after it, so that the text goes on.

    GIT's tokenizer ends a prompt with [SEP], after which it has nothing to say; BLIP's `generate` drops [SEP] itself.
    """
    if config.model_type == "git" and bool((inputs["input_ids"][:, -1] == tokenizer.sep_token_id).all()):
        for name in ("input_ids", "attention_mask", "token_type_ids"):
            if name in inputs:
                inputs[name] = inputs[name][:, :-1]
    return inputs


def for_scoring(inputs: Any, config: Any) -> Any:
    """Return the inputs as `generate` has them when it begins, for models whose `forward` does not do the same."""
    if config.model_type == "blip":
        for name in ("input_ids", "attention_mask"):
            inputs[name] = inputs[name][:, :-1]
        inputs["input_ids"][:, 0] = config.text_config.bos_token_id
    return inputs
