"""Prefix sharing: the image and the text before what differs go through the model once, for all prompts that begin so.

CircularEval asks one question in several orders, VQA sets ask five questions an image: their prompts begin with the
same few hundred to few thousand image tokens. Here the common beginning is prefilled once; its keys and values are
copied to as many rows as there are prompts, padded on the left where beginnings differ in length, and what is left of
each prompt follows as one batch. Exact in float32 up to rounding, for decoders whose attention over the prefix is
causal (a prefix must not see what follows it) and whose keys and values are all that is kept of the past.

Positions in three dimensions (M-RoPE: Qwen2-VL, section 2.1 of Wang et al. 2024) go on after the prefix by the offset
that the model computed for it.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TOKEN_COLUMNS = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids", "cross_attention_mask")
TYPE_COLUMNS = ("token_type_ids", "mm_token_type_ids")


@dataclass(frozen=True, eq=False)
class Prefix:
    """A beginning as the model keeps it: its tokens (expanded image tokens too), keys and values of one row.

    `end` is the place after its last image token. `typed` names the columns that tell image tokens from text; `offset`
    (1, 1) is M-RoPE's shift of the positions that follow; `crossing` the last row of a cross-attention mask.
    """

    images: tuple[str, ...]
    ids: tuple[int, ...]
    end: int
    cache: Any
    typed: tuple[str, ...] = ()
    offset: Any = None
    crossing: Any = None

    @property
    def uniform(self) -> bool:
        """Whether every layer keeps one entry a token, so that a shorter beginning is a slice of this one."""
        return all(layer.keys.shape[-2] == len(self.ids) for layer in self.cache.layers)

    def takes(self, total: int) -> bool:
        """Tell whether rows of `total` tokens stay inside every sliding window, where nothing is forgotten."""
        windows = [layer.sliding_window for layer in self.cache.layers if getattr(layer, "is_sliding", False)]
        return all(total < window for window in windows)


@dataclass(frozen=True, eq=False)
class Row:
    """One prompt: the first `length` tokens of a prefix, then its own."""

    prefix: Prefix
    length: int
    suffix: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """How many tokens the prompt has."""
        return self.length + len(self.suffix)


def shared_length(ids: Sequence[tuple[int, ...]]) -> int:
    """Return how many tokens all rows begin with."""
    length = min(map(len, ids))
    for row in ids:
        length = next((place for place in range(length) if row[place] != ids[0][place]), length)
    return length


def prefilled(model: Any, inputs: Any, images: tuple[str, ...], ids: tuple[int, ...], end: int) -> Prefix:
    """Run `ids`, the first tokens of the prompt that `inputs` are, with its images through the model."""
    import torch

    inputs = inputs.to(model.device, model.dtype)
    cut = {name: value[:, : len(ids)] if name in TOKEN_COLUMNS else value for name, value in inputs.items()}
    inner = rope_holder(model)
    if inner is not None:
        inner.rope_deltas = None
    with torch.inference_mode():
        cache = model(**cut, use_cache=True, **last_logits_only(model)).past_key_values
    typed = tuple(name for name in TYPE_COLUMNS if name in inputs)
    offset = None if inner is None else inner.rope_deltas
    crossing = cut["cross_attention_mask"][:, -1:] if "cross_attention_mask" in cut else None
    return Prefix(images, ids, end, cache, typed, offset, crossing)


def fits(rows: Sequence[Row], ahead: int) -> bool:
    """Tell whether rows joined in one batch, and `ahead` tokens after them, stay inside every sliding window."""
    total = max(row.length for row in rows) + max(len(row.suffix) for row in rows) + ahead
    return all(row.prefix.takes(total) for row in rows)


def rope_holder(model: Any) -> Any | None:
    """Return the module that remembers M-RoPE's offset between calls, None for models without one."""
    inner = getattr(model, "model", model)
    return inner if hasattr(inner, "rope_deltas") else None


def last_logits_only(model: Any) -> dict[str, int]:
    """Return the argument by which a model computes one row of logits instead of one a token, where it has it."""
    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}


def joined(model: Any, rows: Sequence[Row], pad: int, *, whole: bool = False) -> dict[str, Any]:
    """Return the inputs of one batch of rows: what follows their prefixes, and copies of their keys and values.

    Prefixes are padded on the left to `width` columns, suffixes on the left too, so that all rows end in one column.
    `whole` returns the tokens of the prefixes too, as `generate` wants them; positions are then its own business.
    """
    import torch

    width = max(row.length for row in rows)
    longest = max(len(row.suffix) for row in rows)
    device = model.device
    ids = torch.full((len(rows), width + longest), pad)
    mask = torch.zeros((len(rows), width + longest), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, width - row.length : width] = torch.tensor(row.prefix.ids[: row.length])
        ids[place, width + longest - len(row.suffix) :] = torch.tensor(row.suffix)
        mask[place, width - row.length : width] = 1
        mask[place, width + longest - len(row.suffix) :] = 1
    inputs: dict[str, Any] = {
        "input_ids": (ids if whole else ids[:, width:]).to(device),
        "attention_mask": mask.to(device),
        "past_key_values": forked(rows, width),
    }
    length = inputs["input_ids"].shape[1]
    inner = rope_holder(model)
    places = (mask.cumsum(dim=1) - 1).clamp(min=0).to(device)
    if inner is not None:
        offsets = torch.cat([row.prefix.offset for row in rows])
        inner.rope_deltas = offsets
        places = (places + offsets).expand(3, -1, -1)
    if not whole:
        inputs["position_ids"] = places[..., width:]
        inputs["use_cache"] = True
    for name in rows[0].prefix.typed:
        inputs[name] = torch.zeros((len(rows), length), dtype=torch.long, device=device)
    if rows[0].prefix.crossing is not None:
        crossing = torch.cat([row.prefix.crossing for row in rows])
        inputs["cross_attention_mask"] = crossing.expand(-1, length, *crossing.shape[2:])
    return inputs


def forked(rows: Sequence[Row], width: int) -> Any:
    """Return a cache with a row for each of `rows`, its keys and values those of the row's prefix.

    Rows of one prefix share its memory until the cache grows, which copies it.
    """
    import torch

    cache = copy.copy(rows[0].prefix.cache)
    layers = []
    for number, first in enumerate(cache.layers):
        layer = copy.copy(first)
        if len({(id(row.prefix), row.length) for row in rows}) == 1:
            sliced = rows[0].length != len(rows[0].prefix.ids)
            end = rows[0].length if sliced else first.keys.shape[-2]
            layer.keys = first.keys[..., :end, :].expand(len(rows), -1, -1, -1)
            layer.values = first.values[..., :end, :].expand(len(rows), -1, -1, -1)
        else:
            parts = [(row.prefix.cache.layers[number], row.length) for row in rows]
            pad = torch.nn.functional.pad
            layer.keys = torch.cat([pad(own.keys[..., :end, :], (0, 0, width - end, 0)) for own, end in parts])
            layer.values = torch.cat([pad(own.values[..., :end, :], (0, 0, width - end, 0)) for own, end in parts])
        if getattr(layer, "is_sliding", False):
            layer.cumulative_length = width
        layers.append(layer)
    cache.layers = layers
    return cache
