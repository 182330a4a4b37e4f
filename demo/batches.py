"""Batches for training and teacher-forced evaluation: rows to tensors, grouped by length.

Rows are padded on the right here, where causal attention needs no mask; generation pads on the left. Both give the
tokens of a row the same positions.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional

from demo.checkpoints import IMAGE_TOKENS, PAD_MARK, PIXELS
from demo.dice import Dice
from demo.prompts import END_MARK, IMAGE_MARK, chat_text
from demo.rows import Row
from demo.scenes import Scene, render

NO_LABEL: Final = -100
_POOL: Final = 2048


@dataclass(frozen=True, slots=True)
class Batch:
    """`tokens` and `labels` are (rows, length); `pixels` is (images, 3, 48, 48), images in order of appearance.

    `labels[r, t]` is the token that should follow `tokens[r, t]`, or `NO_LABEL` outside answers.
    """

    rows: list[Row]
    tokens: torch.Tensor
    labels: torch.Tensor
    pixels: torch.Tensor


def pixel_tensor(scenes: Sequence[Scene]) -> torch.Tensor:
    """Return (n, 3, 48, 48) in -1..1: what the image processor makes of the rendered scenes, up to its rounding."""
    drawn = torch.from_numpy(np.stack([render(scene) for scene in scenes])).permute(0, 3, 1, 2).float()
    shrunk = functional.interpolate(drawn, (PIXELS, PIXELS), mode="bilinear", antialias=True)
    return shrunk / 127.5 - 1


def collate(rows: Sequence[Row], tokenizer: Tokenizer) -> Batch:
    """Tokenise rows and pad them on the right."""
    prompts = tokenizer.encode_batch(
        [chat_text(row.parts).replace(IMAGE_MARK, IMAGE_MARK * IMAGE_TOKENS) for row in rows]
    )
    answers = tokenizer.encode_batch([f" {row.answer}{END_MARK}" for row in rows])
    length = max(len(p.ids) + len(a.ids) for p, a in zip(prompts, answers, strict=True)) - 1
    tokens = torch.full((len(rows), length), tokenizer.token_to_id(PAD_MARK))
    labels = torch.full((len(rows), length), NO_LABEL)
    for place, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        ids = torch.tensor(prompt.ids + answer.ids)
        tokens[place, : len(ids) - 1] = ids[:-1]
        labels[place, len(prompt.ids) - 1 : len(ids) - 1] = ids[len(prompt.ids) :]
    scenes = [row.scenes[part] for row in rows for part in row.parts if isinstance(part, int)]
    return Batch(list(rows), tokens, labels, pixel_tensor(scenes))


def stream(draw: Callable[[Dice], Row], dice: Dice, tokenizer: Tokenizer, *, rows_per_batch: int) -> Iterator[Batch]:
    """Yield batches without end; the rows of a batch have similar lengths, the batches come in random order."""
    while True:
        pool = [draw(dice) for _ in range(_POOL)]
        pool.sort(key=lambda row: len(chat_text(row.parts)) + 40 * len(row.scenes))
        starts = dice.shuffled(range(0, _POOL, rows_per_batch))
        for start in starts:
            yield collate(pool[start : start + rows_per_batch], tokenizer)
