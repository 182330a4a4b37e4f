"""Which prompts share a prefix, which prefixes are kept, and the proof that sharing changes nothing.

There is a list of architectures; before the first use one real family of prompts is asked both ways, and where the
logits differ by more than rounding nothing is shared, and the run says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from vlmeval.models.encoding import Encoder, Prepared
from vlmeval.models.likelihood import Stem, positions
from vlmeval.models.prefix import Prefix, Row, fits, joined, prefilled, shared_length

# Checked against the plain path on checkpoints of each architecture. Not PaliGemma (its prefix attends both ways), not
# encoder-decoders and Q-Formers, whose image features depend on the question.
SHARING = frozenset(
    {
        "gemma3", "glm4v", "idefics2", "idefics3", "internvl", "llava", "llava_next", "llava_onevision", "mistral3",
        "mllama", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "smolvlm",
    }
)  # fmt: skip
KEPT = 2
# Largest difference of the logits, relative to their spread, that is rounding: float32, and bfloat16 or float16.
ROUNDING, HALF_ROUNDING = 1e-3, 0.1


@dataclass(frozen=True, eq=False)
class Shared:
    """Prompts to be joined in one batch, with their places in the batch that was asked for."""

    places: list[int]
    rows: list[Row]


class PrefixSharing:
    """Shares prefixes between the prompts of one model. `difference` is what the comparison found, None before it."""

    def __init__(self, encoder: Encoder, *, wanted: bool) -> None:
        model_type = encoder.config.model_type
        self._encoder = encoder
        self._kept: list[Prefix] = []
        self._checked = False
        self.difference: float | None = None
        self._why_not = "off" if not wanted else "" if model_type in SHARING else f"not for {model_type}"

    @property
    def active(self) -> bool:
        """Whether prefixes are shared."""
        return not self._why_not

    @property
    def state(self) -> str:
        """What a run records of it."""
        checked = (
            "" if self.difference is None else f", checked: logits differ by {self.difference:.1g} of their spread"
        )
        return self._why_not or f"on{checked}"

    def forget(self) -> None:
        """Free what is kept."""
        self._kept.clear()

    def split(self, model: Any, batch: Sequence[Prepared], *, ahead: int) -> tuple[list[Shared], list[int]]:
        """Return the groups of prompts to be joined in one batch each, and the places of those to be asked plainly.

        `ahead` is how many tokens may follow a prompt.
        """
        if not self.active:
            return [], list(range(len(batch)))
        families, alone = self._families(batch)
        groups: list[Shared] = []
        for places in families:
            items = [batch[place] for place in places]
            rows = self._family(model, items, ahead=ahead)
            if not self.active:
                return [], list(range(len(batch)))
            if rows is None:
                alone += places
            elif groups and rows[0].prefix.uniform and groups[0].rows[0].prefix.uniform:
                groups[0] = Shared([*groups[0].places, *places], [*groups[0].rows, *rows])
            else:
                groups.append(Shared(places, rows))
        limit = self._encoder.position_limit
        for group in list(groups):
            if not fits(group.rows, ahead) or (limit and any(row.tokens >= limit for row in group.rows)):
                groups.remove(group)
                alone += group.places
        return groups, sorted(alone)

    def _family(self, model: Any, items: Sequence[Prepared], *, ahead: int) -> list[Row] | None:
        """Return a family's rows, None where it is to be asked plainly; what the processor refuses is refused there."""
        try:
            rows = self._rows(model, items)
        except ValueError:
            return None
        if rows is None or not fits(rows, ahead):
            return None
        if not self._checked and len(items) > 1:
            self._check(model, [msgspec.structs.replace(item, stem=None) for item in items])
        return rows if self.active else None

    def _families(self, batch: Sequence[Prepared]) -> tuple[list[list[int]], list[int]]:
        """Return the places of the prompts that share their images, two or more together, and of all others."""
        groups: dict[tuple[str, ...], list[int]] = {}
        for place, item in enumerate(batch):
            groups.setdefault(digests(item), []).append(place)
        shared = [places for images, places in groups.items() if images and (len(places) > 1 or self._holds(images))]
        taken = {place for places in shared for place in places}
        return shared, [place for place in range(len(batch)) if place not in taken]

    def _rows(self, model: Any, batch: Sequence[Prepared]) -> list[Row] | None:
        """Return the prompts of one family as rows, each with its stem appended; None where nothing can be shared.

        What a row keeps for itself holds every token whose logits are asked for.

        Raises ValueError where the processor refuses a prompt.
        """
        encoded = self._encoder.encode_family(batch)
        ids = [tuple(inputs["input_ids"][0].tolist()) for inputs in encoded]
        stems = [item.stem or Stem() for item in batch]
        ids = [(*row[: len(row) - stem.dropped], *stem.ids) for row, stem in zip(ids, stems, strict=True)]
        end = self._image_end(ids)
        most = min(len(row) - len(stem.ids) - 1 for row, stem in zip(ids, stems, strict=True))
        common = min(shared_length(ids), most)
        if not end or common < end:
            return None
        images = digests(batch[0])
        prefix, length = self._find(images, ids, end, most)
        if prefix is None:
            if len(batch) < 2:
                return None
            prefix, length = prefilled(model, encoded[0], images, ids[0][:common], end), common
            self._kept = [prefix, *self._kept][:KEPT]
        return [Row(prefix, length, row[length:]) for row in ids]

    def _check(self, model: Any, batch: Sequence[Prepared]) -> None:
        """Ask one family both ways; turn sharing off where the logits differ by more than rounding."""
        import torch

        self._checked = True
        rows = self._rows(model, batch)
        if rows is None:
            self._checked = False
            return
        plain = self._encoder.encode(batch).to(model.device, model.dtype)
        with torch.inference_mode():
            expected = model(**plain, **positions(model, plain), use_cache=False).logits[:, -1].float()
            found = model(**joined(model, rows, self._encoder.tokenizer.pad_token_id)).logits[:, -1].float()
        self.difference = float((found - expected).abs().max() / expected.std().clamp(min=1e-6))
        bound = ROUNDING if model.dtype == torch.float32 else HALF_ROUNDING
        if not self.difference <= bound:
            self._why_not = f"off: logits differ by {self.difference:.2g} of their spread"
            self.forget()

    def _holds(self, images: tuple[str, ...]) -> bool:
        return any(prefix.images == images for prefix in self._kept)

    def _image_end(self, ids: Sequence[tuple[int, ...]]) -> int:
        """Return the place after the last image token, the same in every row; 0 where there is none or it differs."""
        config = self._encoder.config
        token = getattr(config, "image_token_id", None)
        token = getattr(config, "image_token_index", None) if token is None else token
        ends = {len(row) - row[::-1].index(token) if token in row else 0 for row in ids}
        return ends.pop() if len(ends) == 1 else 0

    def _find(
        self, images: tuple[str, ...], ids: Sequence[tuple[int, ...]], end: int, most: int
    ) -> tuple[Prefix | None, int]:
        """Return a kept prefix with which every row begins, and how many of its tokens all of them share."""
        for prefix in self._kept:
            if prefix.images != images or prefix.end != end:
                continue
            length = min(shared_length([prefix.ids, *ids]), most)
            if length == len(prefix.ids) or (length >= end and prefix.uniform):
                return prefix, length
        return None, 0


def digests(item: Prepared) -> tuple[str, ...]:
    """Return the digests of a prompt's images, in order."""
    return tuple(image.sha256 for image in item.request.images)
