"""Tiny checkpoints with random weights, one per architecture, laid out on disk the way a real one is.

The tokenizer is byte-level without merges: every text can be written, one token a byte. Weights are drawn from a fixed
seed and large, so that greedy text depends on image and question and no two logits are within rounding of one another.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as hf
from PIL import Image as PIL_Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from vlmeval.types import Image

# Further threads only wait for one another on matrices this small: 20 to 200 times slower on busy cores.
torch.set_num_threads(1)

SPECIAL = (
    "<pad>", "<s>", "</s>", "<unk>", "<image>", "<video>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>",
    "<|vision_end|>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>", "<start_of_image>",
    "<end_of_image>", "<img>", "</img>", "<IMG_CONTEXT>", "<|image|>", "<|python_tag|>", "[IMG]", "[IMG_BREAK]",
    "[IMG_END]", "<|im_start|>", "<|im_end|>", "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>",
    "<|end_of_video|>", "<|video|>", *(f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)),
)  # fmt: skip
LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
ID = {token: index for index, token in enumerate((*SPECIAL, *LETTERS))}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT: dict[str, Any] = {
    "vocab_size": len(ID), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 1024,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "tie_word_embeddings": False,
}  # fmt: skip
VISION: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 16,
    "patch_size": 8,
}  # fmt: skip
SQUARE = {"height": 16, "width": 16}
MROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint: model class, configuration, processor class with settings, image processor, image placeholder."""

    model: str
    config: Any
    images: Any
    processor: str
    settings: dict[str, Any] = field(default_factory=dict)
    placeholder: str | None = None
    tokens: dict[str, str] = field(default_factory=dict)


def tokenizer(tokens: dict[str, str] | None = None) -> Any:
    """Return the tokenizer, which begins a text with <s>; `tokens` names further ones (image_token, boi_token, ...)."""
    backend = Tokenizer(models.BPE(vocab=ID, merges=[], unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B:1", special_tokens=[("<s>", ID["<s>"])]
    )
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=backend, **names, extra_special_tokens=tokens or {}, model_max_length=1024
    )


def save(kind: str, folder: Path, *, seed: int = 0) -> Path:
    """Write the checkpoint of `kind` to `folder` and return it."""
    checkpoint = KINDS[kind]()
    torch.manual_seed(seed)
    model = getattr(hf, checkpoint.model)(checkpoint.config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2:
                weight.normal_(0.0, 0.25)
            elif "scale" in name or "gate" in name:
                weight.fill_(0.5)
    model.save_pretrained(folder)
    checkpoint.images.save_pretrained(folder)
    tokenizer(checkpoint.tokens).save_pretrained(folder)
    if kind == "instructblip":
        tokenizer().save_pretrained(folder / "qformer_tokenizer")
    settings = {"processor_class": checkpoint.processor, **checkpoint.settings}
    (folder / "processor_config.json").write_text(json.dumps(settings), encoding="utf8")
    if checkpoint.placeholder is not None:
        template = TEMPLATE.replace("IMAGE", checkpoint.placeholder)
        (folder / "chat_template.jinja").write_text(template, encoding="utf8")
    return folder


def picture(width: int, height: int, seed: int) -> Image:
    """Return a picture of large random squares, as PNG."""
    squares = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    data = io.BytesIO()
    PIL_Image.fromarray(squares).resize((width, height), PIL_Image.Resampling.NEAREST).save(data, "PNG")
    return encoded(data.getvalue(), width, height)


def encoded(data: bytes, width: int, height: int) -> Image:
    """Return the image that `data` claims to be."""
    return Image(hashlib.sha256(data).hexdigest(), width, height, "png").with_reader(lambda: data)


def clip_images() -> Any:
    return hf.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=SQUARE)


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
