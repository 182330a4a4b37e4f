"""The options of `hf:`: what `--model-args` may say."""

from __future__ import annotations

from vlmeval.models.batches import Size
from vlmeval.models.checkpoint import Placement


class TransformersOptions(Placement, frozen=True, kw_only=True):
    """Options of `hf:`. `max_tokens` is for requests that set none; `template` replaces the chat template.

    `processor_NAME` (any setting of the image processor: processor_max_patches, processor_do_pan_and_scan, ...) and the
    three sizes are handed to the image processor, which must know them. `batch` is a number of prompts, or "auto"
    (`models/batches.py`). With share_prefix=false each prompt is asked alone. `caption_prefix` is what a captioner
    continues in place of the task's prompt (`models/captioner.py`); `num_beams` and the four settings after it are
    those of `Search`.
    """

    revision: str | None = None
    trust_remote_code: bool = False
    min_pixels: int | None = None
    max_pixels: int | None = None
    longest_edge: int | None = None
    batch: Size = 8
    max_tokens: int = 1024
    template: str = ""
    share_prefix: bool = True
    caption_prefix: str | None = None
    num_beams: int = 1
    min_new_tokens: int | None = None
    max_new_tokens: int | None = None
    length_penalty: float | None = None
    repetition_penalty: float | None = None
