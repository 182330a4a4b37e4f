"""Tiny checkpoints with random weights, one per architecture, laid out on disk the way a real one is.

Weights are drawn from a fixed seed and large, so that greedy text depends on image and question and no two logits are
within rounding of one another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf

from tests.models.parts import ID, SQUARE, TEMPLATE, TEXT, VISION, Checkpoint, tokenizer
from tests.models.tiny_decoders import (
    glm4v,
    llava,
    llava_next,
    llava_onevision,
    mistral3,
    pixtral,
    qwen2_5_vl,
    qwen2_vl,
    qwen3_vl,
)


def idefics2() -> Checkpoint:
    perceiver = {
        "hidden_size": 32, "resampler_n_latents": 4, "resampler_depth": 1, "resampler_n_heads": 2,
        "resampler_head_dim": 16, "num_key_value_heads": 1,
    }  # fmt: skip
    return Checkpoint(
        "Idefics2ForConditionalGeneration",
        hf.Idefics2Config(
            vision_config={**VISION, "image_size": 32},
            perceiver_config=perceiver,
            text_config=hf.MistralConfig(**TEXT),
            image_token_id=ID["<image>"],
        ),
        hf.Idefics2ImageProcessorPil(size={"shortest_edge": 16, "longest_edge": 32}),
        "Idefics2Processor",
        {"image_seq_len": 4},
        "<image>",
    )


def idefics3() -> Checkpoint:
    images = {"size": {"longest_edge": 32}, "max_image_size": {"longest_edge": 16}}
    return Checkpoint(
        "Idefics3ForConditionalGeneration",
        hf.Idefics3Config(
            vision_config=VISION, text_config=hf.LlamaConfig(**TEXT), image_token_id=ID["<image>"], scale_factor=2
        ),
        hf.Idefics3ImageProcessorPil(**images),
        "Idefics3Processor",
        {"image_seq_len": 1},
        "<image>",
    )


def smolvlm() -> Checkpoint:
    images = {"size": {"longest_edge": 32}, "max_image_size": {"longest_edge": 16}}
    return Checkpoint(
        "SmolVLMForConditionalGeneration",
        hf.SmolVLMConfig(
            vision_config=VISION, text_config=hf.LlamaConfig(**TEXT), image_token_id=ID["<image>"], scale_factor=2
        ),
        hf.SmolVLMImageProcessorPil(**images),
        "SmolVLMProcessor",
        {"image_seq_len": 1},
        "<image>",
    )


def paligemma() -> Checkpoint:
    return Checkpoint(
        "PaliGemmaForConditionalGeneration",
        hf.PaliGemmaConfig(
            vision_config=hf.SiglipVisionConfig(**VISION, vision_use_head=False, projection_dim=32),
            text_config=hf.GemmaConfig(**TEXT),
            image_token_index=ID["<image>"],
            projection_dim=32,
        ),
        hf.SiglipImageProcessorPil(size=SQUARE, image_seq_length=4),
        "PaliGemmaProcessor",
    )


def gemma3() -> Checkpoint:
    text = {**TEXT, "sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]}
    return Checkpoint(
        "Gemma3ForConditionalGeneration",
        hf.Gemma3Config(
            vision_config=hf.SiglipVisionConfig(**VISION, vision_use_head=False),
            text_config=hf.Gemma3TextConfig(**text, query_pre_attn_scalar=16),
            mm_tokens_per_image=4,
            boi_token_index=ID["<start_of_image>"],
            eoi_token_index=ID["<end_of_image>"],
            image_token_index=ID["<image>"],
        ),
        hf.Gemma3ImageProcessorPil(size=SQUARE),
        "Gemma3Processor",
        {"image_seq_length": 4},
        "<start_of_image>",
        {"image_token": "<image>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"},
    )


def internvl() -> Checkpoint:
    vision = {**VISION, "image_size": [16, 16], "patch_size": [4, 4]}
    return Checkpoint(
        "InternVLForConditionalGeneration",
        hf.InternVLConfig(
            vision_config=vision,
            text_config=hf.Qwen2Config(**TEXT),
            image_token_id=ID["<IMG_CONTEXT>"],
            image_seq_length=4,
            tie_word_embeddings=False,
        ),
        hf.GotOcr2ImageProcessorPil(size=SQUARE, max_patches=3),
        "InternVLProcessor",
        {"image_seq_length": 4},
        "<IMG_CONTEXT>",
        {
            "start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        },
    )  # fmt: skip


def qformer() -> dict[str, Any]:
    return {
        "vocab_size": len(ID), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 24, "encoder_hidden_size": 16,
    }  # fmt: skip


def opt() -> Any:
    return hf.OPTConfig(
        vocab_size=len(ID), hidden_size=32, word_embed_proj_dim=32, ffn_dim=48, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip


def blip_2() -> Checkpoint:
    return Checkpoint(
        "Blip2ForConditionalGeneration",
        hf.Blip2Config(
            vision_config=VISION,
            qformer_config=qformer(),
            text_config=opt().to_dict(),
            num_query_tokens=4,
            image_token_index=ID["<image>"],
        ),
        hf.BlipImageProcessorPil(size=SQUARE),
        "Blip2Processor",
        {"num_query_tokens": 4},
    )


def blip_2_t5() -> Checkpoint:
    text = hf.T5Config(
        vocab_size=len(ID), d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2, decoder_start_token_id=0,
        pad_token_id=0, eos_token_id=2,
    )  # fmt: skip
    return Checkpoint(
        "Blip2ForConditionalGeneration",
        hf.Blip2Config(
            vision_config=VISION,
            qformer_config=qformer(),
            text_config=text.to_dict(),
            num_query_tokens=4,
            image_token_index=ID["<image>"],
        ),
        hf.BlipImageProcessorPil(size=SQUARE),
        "Blip2Processor",
        {"num_query_tokens": 4},
    )


def instructblip() -> Checkpoint:
    return Checkpoint(
        "InstructBlipForConditionalGeneration",
        hf.InstructBlipConfig(
            vision_config=VISION,
            qformer_config=qformer(),
            text_config=opt().to_dict(),
            num_query_tokens=4,
            image_token_index=ID["<image>"],
        ),
        hf.BlipImageProcessorPil(size=SQUARE),
        "InstructBlipProcessor",
        {"num_query_tokens": 4},
    )


def mllama() -> Checkpoint:
    vision = {
        "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_global_layers": 1,
        "attention_heads": 2, "image_size": 16, "patch_size": 8, "max_num_tiles": 2, "vision_output_dim": 48,
        "intermediate_layers_indices": [0, 1], "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
    }  # fmt: skip
    text = {key: value for key, value in TEXT.items() if key != "head_dim"}
    return Checkpoint(
        "MllamaForConditionalGeneration",
        hf.MllamaConfig(
            vision_config=vision, text_config={**text, "cross_attention_layers": [1]}, image_token_index=ID["<|image|>"]
        ),
        hf.MllamaImageProcessorPil(size=SQUARE, max_image_tiles=2),
        "MllamaProcessor",
        placeholder="<|image|>",
    )


def florence2() -> Checkpoint:
    vision = {
        "depths": [1, 1], "patch_size": [3, 3], "patch_stride": [2, 2], "patch_padding": [1, 1],
        "patch_prenorm": [False, True], "embed_dim": [8, 16], "num_heads": [2, 2], "num_groups": [2, 2],
        "window_size": 4, "projection_dim": 32, "max_position_embeddings": 8,
    }  # fmt: skip
    text = hf.BartConfig(
        vocab_size=len(ID), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=512, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None,
    )  # fmt: skip
    return Checkpoint(
        "Florence2ForConditionalGeneration",
        hf.Florence2Config(vision_config=vision, text_config=text.to_dict(), image_token_id=ID["<image>"]),
        hf.CLIPImageProcessorPil(size=SQUARE, crop_size=SQUARE, do_center_crop=False, image_seq_length=17, resample=3),
        "Florence2Processor",
        tokens={"image_token": "<image>"},
    )


KINDS: dict[str, Callable[[], Checkpoint]] = {
    maker.__name__: maker
    for maker in (
        llava, llava_next, llava_onevision, pixtral, mistral3, qwen2_vl, qwen2_5_vl, qwen3_vl, glm4v, idefics2,
        idefics3, smolvlm, paligemma, gemma3, internvl, blip_2, blip_2_t5, instructblip, mllama, florence2,
    )
}  # fmt: skip


def save(kind: str, folder: Path, *, seed: int = 0) -> Path:
    """Write the checkpoint of `kind` to `folder` and return it."""
    return write(KINDS[kind](), folder, seed=seed)


def write(checkpoint: Checkpoint, folder: Path, *, seed: int = 0, spread: float | None = 0.25) -> Path:
    """Write a checkpoint to `folder` and return it; `spread` is the deviation of weights, None that of its width."""
    torch.manual_seed(seed)
    model = getattr(hf, checkpoint.model)(checkpoint.config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2:
                weight.normal_(0.0, spread or weight.shape[1] ** -0.5)
            elif "scale" in name or "gate" in name:
                weight.fill_(0.5)
    model.save_pretrained(folder)
    return lay_out(checkpoint, folder)


def lay_out(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write all of a checkpoint but its weights and their configuration to `folder`, and return it."""
    checkpoint.images.save_pretrained(folder)
    tokenizer(checkpoint.tokens).save_pretrained(folder)
    if checkpoint.processor == "InstructBlipProcessor":
        tokenizer().save_pretrained(folder / "qformer_tokenizer")
    settings = {"processor_class": checkpoint.processor, **checkpoint.settings}
    (folder / "processor_config.json").write_text(json.dumps(settings), encoding="utf8")
    if checkpoint.placeholder is not None:
        template = TEMPLATE.replace("IMAGE", checkpoint.placeholder)
        (folder / "chat_template.jinja").write_text(template, encoding="utf8")
    return folder
