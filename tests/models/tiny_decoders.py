"""Tiny LLaVA, Pixtral, Qwen-VL and GLM-4V."""

from __future__ import annotations

from typing import Any

import transformers as hf

from tests.models.parts import ID, MROPE, SQUARE, TEXT, VISION, Checkpoint, clip_images


def llava() -> Checkpoint:
    return Checkpoint(
        "LlavaForConditionalGeneration",
        hf.LlavaConfig(
            vision_config=hf.CLIPVisionConfig(**VISION, projection_dim=16),
            text_config=hf.LlamaConfig(**TEXT),
            image_token_index=ID["<image>"],
            vision_feature_layer=-1,
        ),
        clip_images(),
        "LlavaProcessor",
        {"patch_size": 8, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1},
        "<image>",
    )


def llava_next() -> Checkpoint:
    grid = [[16, 32], [32, 16], [32, 32]]
    return Checkpoint(
        "LlavaNextForConditionalGeneration",
        hf.LlavaNextConfig(
            vision_config=hf.CLIPVisionConfig(**VISION, projection_dim=16),
            text_config=hf.MistralConfig(**TEXT),
            image_token_index=ID["<image>"],
            vision_feature_layer=-1,
            image_grid_pinpoints=grid,
        ),
        hf.LlavaNextImageProcessorPil(size={"shortest_edge": 16}, crop_size=SQUARE, image_grid_pinpoints=grid),
        "LlavaNextProcessor",
        {"patch_size": 8, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1},
        "<image>",
    )


def llava_onevision() -> Checkpoint:
    grid = [[16, 32], [32, 16], [32, 32]]
    return Checkpoint(
        "LlavaOnevisionForConditionalGeneration",
        hf.LlavaOnevisionConfig(
            vision_config=hf.SiglipVisionConfig(**VISION, vision_use_head=False),
            text_config=hf.Qwen2Config(**TEXT),
            image_token_index=ID["<image>"],
            video_token_index=ID["<video>"],
            image_grid_pinpoints=grid,
        ),
        hf.LlavaOnevisionImageProcessorPil(size=SQUARE, image_grid_pinpoints=grid),
        "LlavaOnevisionProcessor",
        {"num_image_tokens": 4, "vision_feature_select_strategy": "full"},
        "<image>",
    )


def pixtral() -> Checkpoint:
    vision = {**VISION, "num_hidden_layers": 1, "image_size": 32, "head_dim": 8}
    return Checkpoint(
        "LlavaForConditionalGeneration",
        hf.LlavaConfig(
            vision_config=hf.PixtralVisionConfig(**vision),
            text_config=hf.MistralConfig(**TEXT),
            image_token_index=ID["[IMG]"],
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
        ),
        hf.PixtralImageProcessorPil(size={"longest_edge": 32}, patch_size={"height": 8, "width": 8}),
        "PixtralProcessor",
        {"patch_size": 8},
        "[IMG]",
    )


def mistral3() -> Checkpoint:
    vision = {**VISION, "num_hidden_layers": 1, "image_size": 32, "head_dim": 8}
    return Checkpoint(
        "Mistral3ForConditionalGeneration",
        hf.Mistral3Config(
            vision_config=hf.PixtralVisionConfig(**vision),
            text_config=hf.MistralConfig(**TEXT),
            image_token_index=ID["[IMG]"],
            vision_feature_layer=-1,
            spatial_merge_size=2,
        ),
        hf.PixtralImageProcessorPil(size={"longest_edge": 32}, patch_size={"height": 8, "width": 8}),
        "PixtralProcessor",
        {"patch_size": 8, "spatial_merge_size": 2},
        "[IMG]",
    )


def qwen_ids() -> dict[str, int]:
    return {
        "image_token_id": ID["<|image_pad|>"],
        "video_token_id": ID["<|video_pad|>"],
        "vision_start_token_id": ID["<|vision_start|>"],
        "vision_end_token_id": ID["<|vision_end|>"],
    }


def qwen_images(patch: int = 4) -> Any:
    size = {"shortest_edge": 64, "longest_edge": 1024}
    return hf.Qwen2VLImageProcessorPil(patch_size=patch, merge_size=2, temporal_patch_size=2, size=size)


QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"


def qwen2_vl() -> Checkpoint:
    vision = {"depth": 2, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 4}
    config = hf.Qwen2VLConfig(vision_config=vision, text_config={**TEXT, "rope_parameters": MROPE}, **qwen_ids())
    return Checkpoint(
        "Qwen2VLForConditionalGeneration", config, qwen_images(), "Qwen2VLProcessor", placeholder=QWEN_IMAGE
    )


def qwen2_5_vl() -> Checkpoint:
    vision = {
        "depth": 2, "hidden_size": 16, "out_hidden_size": 32, "num_heads": 2, "intermediate_size": 24, "patch_size": 4,
        "window_size": 16, "fullatt_block_indexes": [1],
    }  # fmt: skip
    config = hf.Qwen2_5_VLConfig(vision_config=vision, text_config={**TEXT, "rope_parameters": MROPE}, **qwen_ids())
    return Checkpoint(
        "Qwen2_5_VLForConditionalGeneration", config, qwen_images(), "Qwen2_5_VLProcessor", placeholder=QWEN_IMAGE
    )


def qwen3_vl() -> Checkpoint:
    vision = {
        "depth": 2, "hidden_size": 16, "out_hidden_size": 32, "num_heads": 2, "intermediate_size": 24, "patch_size": 4,
        "num_position_embeddings": 16, "deepstack_visual_indexes": [0],
    }  # fmt: skip
    config = hf.Qwen3VLConfig(vision_config=vision, text_config={**TEXT, "rope_parameters": MROPE}, **qwen_ids())
    return Checkpoint(
        "Qwen3VLForConditionalGeneration", config, qwen_images(), "Qwen3VLProcessor", placeholder=QWEN_IMAGE
    )


def glm4v() -> Checkpoint:
    vision = {
        "depth": 2, "hidden_size": 16, "out_hidden_size": 32, "num_heads": 2, "intermediate_size": 24, "patch_size": 4,
        "image_size": 32,
    }  # fmt: skip
    ids = {
        "image_token_id": ID["<|image|>"], "video_token_id": ID["<|video|>"],
        "image_start_token_id": ID["<|begin_of_image|>"], "image_end_token_id": ID["<|end_of_image|>"],
        "video_start_token_id": ID["<|begin_of_video|>"], "video_end_token_id": ID["<|end_of_video|>"],
    }  # fmt: skip
    config = hf.Glm4vConfig(vision_config=vision, text_config={**TEXT, "rope_parameters": MROPE}, **ids)
    size = {"shortest_edge": 64, "longest_edge": 1024}
    return Checkpoint(
        "Glm4vForConditionalGeneration",
        config,
        hf.Glm4vImageProcessorPil(patch_size=4, merge_size=2, temporal_patch_size=2, size=size),
        "Glm4vProcessor",
        placeholder="<|begin_of_image|><|image|><|end_of_image|>",
    )
