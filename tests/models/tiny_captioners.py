"""Tiny captioners with random weights: BLIP, GIT and BLIP-2, laid out on disk the way real ones are.

BLIP and GIT have BERT's tokenizer, which ends a text too; BLIP's decoder begins with a token of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import processors

from tests.models.parts import ID, SQUARE, VISION, Checkpoint, tokenizer
from tests.models.tiny import blip_2

DECODER_START = ID["[IMG]"]
TEXT: dict[str, Any] = {
    "vocab_size": len(ID), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "max_position_embeddings": 128, "pad_token_id": 0,
}  # fmt: skip


def blip() -> Checkpoint:
    text = {
        **TEXT, "encoder_hidden_size": 16, "projection_dim": 16, "bos_token_id": DECODER_START, "eos_token_id": 50,
        "sep_token_id": ID["</s>"],
    }  # fmt: skip
    return Checkpoint(
        "BlipForConditionalGeneration",
        hf.BlipConfig(text_config=text, vision_config=VISION, projection_dim=16),
        hf.BlipImageProcessorPil(size=SQUARE),
        "BlipProcessor",
    )


def git() -> Checkpoint:
    vision = {**VISION, "hidden_size": 16}
    return Checkpoint(
        "GitForCausalLM",
        hf.GitConfig(**TEXT, vision_config=vision, bos_token_id=ID["<s>"], eos_token_id=ID["</s>"]),
        hf.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=SQUARE),
        "GitProcessor",
    )


CAPTIONERS: dict[str, Callable[[], Checkpoint]] = {"blip": blip, "git": git, "blip_2": blip_2}


def bert_tokenizer() -> Any:
    """Return the tokenizer that writes <s> before a text and </s> after it."""
    made = tokenizer()
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", ID["<s>"]), ("</s>", ID["</s>"])]
    )
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=made.backend_tokenizer, cls_token="<s>", sep_token="</s>", pad_token="<pad>",
        unk_token="<unk>", model_max_length=128, padding_side="left",
    )  # fmt: skip


def save_captioner(kind: str, folder: Path) -> Path:
    """Write the captioner `kind` to `folder` and return it."""
    checkpoint = CAPTIONERS[kind]()
    torch.manual_seed(0)
    model = getattr(hf, checkpoint.model)(checkpoint.config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim >= 2:
                weight.normal_(0.0, 0.25)
    model.save_pretrained(folder)
    checkpoint.images.save_pretrained(folder)
    (tokenizer() if kind == "blip_2" else bert_tokenizer()).save_pretrained(folder)
    settings = {"processor_class": checkpoint.processor, **checkpoint.settings}
    (folder / "processor_config.json").write_text(json.dumps(settings), encoding="utf8")
    return folder
