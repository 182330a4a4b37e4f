"""Building, saving and loading the tiny models: stock transformers classes and nothing else.

The vision-language model is LLaVA (CLIP vision tower, two-layer projector, Llama); the retrieval model is CLIP. Both
see 48x48 pixels in 16x16 patches, so that a patch is a grid cell. A saved folder loads with the Auto classes alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.image_utils import PILImageResampling

from demo.dice import Dice
from demo.prompts import CHAT_TEMPLATE, END_MARK, IMAGE_MARK, chat_text
from demo.questions import captions
from demo.rows import draw_mixed
from demo.scenes import draw_scene

PIXELS: Final = 48
PATCH: Final = 16
IMAGE_TOKENS: Final = (PIXELS // PATCH) ** 2
PAD_MARK: Final = "<pad>"
START_MARK: Final = "<s>"
VLM_MARKS: Final = (PAD_MARK, START_MARK, END_MARK, IMAGE_MARK)
# CLIP in transformers takes an end token of id 2 for a sign of old checkpoints, and then pools the highest id instead.
CLIP_MARKS: Final = (PAD_MARK, END_MARK, START_MARK, IMAGE_MARK)
MAX_NEW_TOKENS: Final = 64
_CLIP_TEXT_LENGTH: Final = 64
_CORPUS_ROWS: Final = 4000
# The usual 0.02 suits models a hundred times as wide; at this width it keeps attention uniform for thousands of steps.
_INITIAL_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True)
class Size:
    """Widths and depths; `heads` divides `width`."""

    width: int
    heads: int
    vision_layers: int
    text_layers: int
    clip_text_layers: int
    vocabulary: int


SIZES: Final[dict[str, Size]] = {
    "demo": Size(width=96, heads=4, vision_layers=2, text_layers=4, clip_text_layers=3, vocabulary=640),
    "demo-small": Size(width=48, heads=2, vision_layers=1, text_layers=2, clip_text_layers=1, vocabulary=640),
}


def train_tokenizer(seed: int, vocabulary: int, *, marks: tuple[str, ...] = VLM_MARKS) -> Tokenizer:
    """Learn a byte-level BPE tokenizer from training rows and captions drawn with `seed`; `marks` get the first ids."""
    dice = Dice(seed)
    corpus: list[str] = []
    for _ in range(_CORPUS_ROWS):
        row = draw_mixed(dice, "train")
        corpus += [*chat_text(row.parts).split(IMAGE_MARK), " " + row.answer]
        corpus += list(captions(draw_scene(dice, "train")))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(mark, special=True) for mark in marks]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def build_vlm(size: Size, tokenizer: Tokenizer) -> LlavaForConditionalGeneration:
    """Return an untrained LLaVA; torch's seed decides its weights."""
    text = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=size.width,
        intermediate_size=size.width * 8 // 3,
        num_hidden_layers=size.text_layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=512,
        pad_token_id=tokenizer.token_to_id(PAD_MARK),
        bos_token_id=tokenizer.token_to_id(START_MARK),
        eos_token_id=tokenizer.token_to_id(END_MARK),
        tie_word_embeddings=True,
        initializer_range=_INITIAL_SPREAD,
    )
    config = LlavaConfig(
        vision_config=_vision_config(size),
        text_config=text,
        image_token_id=tokenizer.token_to_id(IMAGE_MARK),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        image_seq_length=IMAGE_TOKENS,
        tie_word_embeddings=True,
        pad_token_id=text.pad_token_id,
        bos_token_id=text.bos_token_id,
        eos_token_id=text.eos_token_id,
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=MAX_NEW_TOKENS,
        pad_token_id=text.pad_token_id,
        bos_token_id=text.bos_token_id,
        eos_token_id=text.eos_token_id,
    )
    return model


def build_clip(size: Size, tokenizer: Tokenizer) -> CLIPModel:
    """Return an untrained CLIP; torch's seed decides its weights."""
    text = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": size.width,
        "intermediate_size": 4 * size.width,
        "num_hidden_layers": size.clip_text_layers,
        "num_attention_heads": size.heads,
        "max_position_embeddings": _CLIP_TEXT_LENGTH,
        "pad_token_id": tokenizer.token_to_id(PAD_MARK),
        "bos_token_id": tokenizer.token_to_id(START_MARK),
        "eos_token_id": tokenizer.token_to_id(END_MARK),
        "projection_dim": size.width,
    }
    return CLIPModel(
        CLIPConfig(text_config=text, vision_config=_vision_config(size).to_dict(), projection_dim=size.width)
    )


def vlm_processor(tokenizer: Tokenizer) -> LlavaProcessor:
    """Return the processor that belongs to a LLaVA of `build_vlm`: it pads on the left."""
    return LlavaProcessor(
        image_processor=_image_processor(),
        tokenizer=_fast_tokenizer(tokenizer, padding_side="left", max_length=512),
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    )


def clip_processor(tokenizer: Tokenizer) -> CLIPProcessor:
    """Return the processor that belongs to a CLIP of `build_clip`: texts get a start and an end token."""
    framed = Tokenizer.from_str(tokenizer.to_str())
    framed.post_processor = processors.TemplateProcessing(
        single=f"{START_MARK} $A {END_MARK}",
        special_tokens=[(token, framed.token_to_id(token)) for token in (START_MARK, END_MARK)],
    )
    return CLIPProcessor(
        image_processor=_image_processor(),
        tokenizer=_fast_tokenizer(framed, padding_side="right", max_length=_CLIP_TEXT_LENGTH),
    )


def save_half(model: Any, processor: Any, folder: Path) -> None:
    """Write a checkpoint folder with weights in half precision; the model itself stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    tied = set(getattr(model, "_tied_weights_keys", None) or ())
    state = {name: tensor for name, tensor in model.state_dict().items() if name not in tied}
    model.save_pretrained(folder, state_dict={name: tensor.detach().half() for name, tensor in state.items()})
    processor.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)


def _vision_config(size: Size) -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=size.width,
        intermediate_size=4 * size.width,
        num_hidden_layers=size.vision_layers,
        num_attention_heads=size.heads,
        image_size=PIXELS,
        patch_size=PATCH,
        projection_dim=size.width,
    )


def _image_processor() -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(
        size={"shortest_edge": PIXELS},
        crop_size={"height": PIXELS, "width": PIXELS},
        resample=PILImageResampling.BILINEAR,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )


def _fast_tokenizer(tokenizer: Tokenizer, *, padding_side: str, max_length: int) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD_MARK,
        bos_token=START_MARK,
        eos_token=END_MARK,
        extra_special_tokens={"image_token": IMAGE_MARK},
        padding_side=padding_side,
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )
