"""What tiny checkpoints are made of: a tokenizer, sizes, pictures.

The tokenizer is byte-level without merges: every text can be written, one token a byte.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
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
