"""Random checkpoints of real shapes, for timings: what weights say does not matter, how many there are does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import transformers as hf

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.models.parts import ID, Checkpoint
from tests.models.tiny_decoders import QWEN_IMAGE, qwen_ids

SPECIAL: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "vocab_size": len(ID)}


def llama(width: int, layers: int, **changes: Any) -> dict[str, Any]:
    """Return the sizes of a Llama-like decoder, its matrices in Llama's proportions."""
    return {
        "hidden_size": width, "intermediate_size": int(width * 2.75) // 64 * 64, "num_hidden_layers": layers,
        "num_attention_heads": width // 64, "num_key_value_heads": width // 64, "max_position_embeddings": 8192,
        "tie_word_embeddings": True, **SPECIAL, **changes,
    }  # fmt: skip


def clip_vision(width: int, layers: int, *, side: int = 336) -> Any:
    """Return a CLIP tower with patches of 14 pixels."""
    return hf.CLIPVisionConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=width // 64,
        image_size=side, patch_size=14, projection_dim=width,
    )  # fmt: skip


def crop(side: int) -> dict[str, int]:
    """Return a square."""
    return {"height": side, "width": side}


def llava(width: int = 1024, layers: int = 17, *, vision: tuple[int, int] = (512, 12)) -> Checkpoint:
    """Return LLaVA-1.5: 576 image tokens; by default 0.25 billion weights."""
    return Checkpoint(
        "LlavaForConditionalGeneration",
        hf.LlavaConfig(
            vision_config=clip_vision(*vision),
            text_config=hf.LlamaConfig(**llama(width, layers)),
            image_token_index=ID["<image>"],
        ),
        hf.CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size=crop(336)),
        "LlavaProcessor",
        {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1},
        "<image>",
    )


def llava_next(width: int = 512, layers: int = 10, *, vision: tuple[int, int] = (192, 4)) -> Checkpoint:
    """Return LLaVA-NeXT: four tiles and the whole, 2,340 image tokens of a picture of 672 x 504."""
    grid = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
    return Checkpoint(
        "LlavaNextForConditionalGeneration",
        hf.LlavaNextConfig(
            vision_config=clip_vision(*vision),
            text_config=hf.LlamaConfig(**llama(width, layers)),
            image_token_index=ID["<image>"],
            image_grid_pinpoints=grid,
        ),
        hf.LlavaNextImageProcessorPil(size={"shortest_edge": 336}, crop_size=crop(336), image_grid_pinpoints=grid),
        "LlavaNextProcessor",
        {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1},
        "<image>",
    )


def qwen2_vl(width: int = 896, layers: int = 16, *, vision: tuple[int, int] = (384, 12)) -> Checkpoint:
    """Return Qwen2-VL: positions in three dimensions, 28 x 28 pixels an image token."""
    dim, depth = vision
    text = llama(width, layers, num_key_value_heads=width // 64 // 2)
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]}
    config = hf.Qwen2VLConfig(
        vision_config={
            "depth": depth, "embed_dim": dim, "hidden_size": width, "num_heads": dim // 64, "mlp_ratio": 4,
            "patch_size": 14,
        },
        text_config={**text, "rope_parameters": rope},
        tie_word_embeddings=True,
        **qwen_ids(),
    )  # fmt: skip
    images = hf.Qwen2VLImageProcessorPil(size={"shortest_edge": 3136, "longest_edge": 12845056})
    return Checkpoint("Qwen2VLForConditionalGeneration", config, images, "Qwen2VLProcessor", placeholder=QWEN_IMAGE)
