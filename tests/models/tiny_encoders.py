"""Tiny dual encoders with random weights: CLIP, SigLIP, SigLIP 2, ALIGN."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf

from tests.models.parts import ID, SQUARE, VISION, tokenizer

TEXT: dict[str, Any] = {
    "vocab_size": len(ID), "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1,
    "num_attention_heads": 2, "max_position_embeddings": 24, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip


def clip() -> tuple[Any, Any]:
    config = hf.CLIPConfig(
        text_config={**TEXT, "projection_dim": 12}, vision_config={**VISION, "projection_dim": 12}, projection_dim=12
    )
    return hf.CLIPModel(config), hf.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=SQUARE)


def siglip() -> tuple[Any, Any]:
    config = hf.SiglipConfig(text_config=TEXT, vision_config=VISION)
    return hf.SiglipModel(config), hf.SiglipImageProcessorPil(size=SQUARE)


def siglip2() -> tuple[Any, Any]:
    """Its image processor is saved with 8 pixels a patch and 9 patches, other than the processor class' 16 and 256."""
    vision = {key: value for key, value in VISION.items() if key != "image_size"}
    config = hf.Siglip2Config(text_config=TEXT, vision_config={**vision, "num_patches": 9})
    return hf.Siglip2Model(config), hf.Siglip2ImageProcessorPil(patch_size=8, max_num_patches=9)


def align() -> tuple[Any, Any]:
    vision = {
        "image_size": 16, "width_coefficient": 1.0, "depth_coefficient": 1.0, "kernel_sizes": [3, 3],
        "in_channels": [32, 8], "out_channels": [8, 16], "strides": [1, 2], "num_block_repeats": [1, 1],
        "expand_ratios": [1, 2], "hidden_dim": 16,
    }  # fmt: skip
    config = hf.AlignConfig(text_config=TEXT, vision_config=vision, projection_dim=16)
    return hf.AlignModel(config), hf.EfficientNetImageProcessorPil(size=SQUARE)


def save_blip(folder: Path) -> Path:
    """Write a BLIP for image-text retrieval, contrastive and matching heads, to `folder` and return it."""
    torch.manual_seed(0)
    text = {**TEXT, "encoder_hidden_size": VISION["hidden_size"], "projection_dim": 12}
    config = hf.BlipConfig(
        text_config=text, vision_config={**VISION, "projection_dim": 12}, projection_dim=12, image_text_hidden_size=12
    )
    model = hf.BlipForImageTextRetrieval(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(0.0, 0.3)
    model.eval().save_pretrained(folder)
    hf.BlipImageProcessorPil(size=SQUARE).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


ENCODERS: dict[str, Callable[[], tuple[Any, Any]]] = {maker.__name__: maker for maker in (clip, siglip, siglip2, align)}


def save_encoder(kind: str, folder: Path) -> Path:
    """Write the dual encoder `kind` to `folder` and return it."""
    torch.manual_seed(0)
    model, images = ENCODERS[kind]()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(0.0, 0.3)
    model.eval().save_pretrained(folder)
    images.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder
