"""Vision features kept by image, for prompts about one image whose beginnings differ (text before the image).

Where prefixes can be shared, keys and values of the image are kept instead, which saves more. Features belong to one
checkpoint with one setting of its image processor, that of the wrapper that holds them. They are handed over as
`mm_encoder_outputs`, an argument of transformers' classes (5.16 and later); before the first use one batch is run both
ways, and where the logits differ by more than rounding the features are computed anew each time, and the run says so.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from vlmeval.models.encoding import Encoder, Prepared
from vlmeval.models.likelihood import positions
from vlmeval.models.sharing import HALF_ROUNDING, ROUNDING, digests

KEPT_BYTES = 256 * 2**20
PIXELS = ("pixel_values", "pixel_attention_mask")


class FeatureCache:
    """The features of the images of the last prompts, `kept_bytes` of them at most."""

    def __init__(self, encoder: Encoder, *, wanted: bool, kept_bytes: int = KEPT_BYTES) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._kept_bytes = kept_bytes
        self._checked = False
        self._why_not = "off" if not wanted or encoder.encoder_decoder else ""
        self.hits = 0

    @property
    def state(self) -> str:
        """What a run records of it."""
        return self._why_not or ("on, checked" if self._checked else "on")

    def forget(self) -> None:
        """Free what is kept."""
        self._kept.clear()

    def used(self, model: Any, batch: Sequence[Prepared], inputs: Any) -> Any:
        """Return `inputs` of a batch with features in place of pixels, or as they are where nothing would be saved."""
        if self._why_not or "pixel_values" not in inputs:
            return inputs
        images = [digests(item) for item in batch]
        if len(set(images)) == len(images) and not any(one in self._kept for one in images):
            return inputs
        reason = _unfit(model)
        if reason:
            self._why_not = reason
            return inputs
        features = self._features(model, batch, images)
        if features is None:
            self._why_not = "off: features of a kind of their own"
            return inputs
        replaced = {name: value for name, value in inputs.items() if name not in PIXELS}
        replaced["mm_encoder_outputs"] = {"image": features}
        if not self._checked:
            self._check(model, inputs, replaced)
        if self._why_not:
            return inputs
        # A forward may write into what it is given.
        return {**replaced, "mm_encoder_outputs": {"image": features}}

    def _features(self, model: Any, batch: Sequence[Prepared], images: Sequence[tuple[str, ...]]) -> Any | None:
        """Return the features of all images of a batch, in order; None where they cannot be put together."""
        import torch

        found = []
        for item, key in zip(batch, images, strict=True):
            if key in self._kept:
                self.hits += 1
                self._kept.move_to_end(key)
            else:
                output = self._encoded(model, item)
                if hasattr(output, "deepstack_features"):
                    return None
                self._kept[key] = output
                self._make_room()
            found.append(self._kept[key])
        pooled = [output.pooler_output for output in found]
        whole = type(found[0])()
        if all(isinstance(one, torch.Tensor) for one in pooled):
            whole.pooler_output = torch.cat(pooled)
        else:
            whole.pooler_output = tuple(part for one in pooled for part in one)
        return whole

    def _encoded(self, model: Any, item: Prepared) -> Any:
        """Return the features of one prompt's images."""
        import torch

        inputs = self._encoder.encode([item]).to(model.device, model.dtype)
        known = inspect.signature(model.get_image_features).parameters
        given = {name: value for name, value in inputs.items() if name in known}
        with torch.inference_mode():
            output = model.get_image_features(**given, return_dict=True)
        # The hidden states of all patches are of no use any more.
        return type(output)(pooler_output=output.pooler_output) if not hasattr(output, "deepstack_features") else output

    def _make_room(self) -> None:
        sizes = {key: _bytes(output) for key, output in self._kept.items()}
        total = sum(sizes.values())
        while total > self._kept_bytes and len(self._kept) > 1:
            oldest, _ = self._kept.popitem(last=False)
            total -= sizes[oldest]

    def _check(self, model: Any, plain: Mapping[str, Any], replaced: Mapping[str, Any]) -> None:
        """Run one batch both ways; keep nothing where the logits differ by more than rounding."""
        import torch

        self._checked = True
        with torch.inference_mode():
            expected = model(**plain, **positions(model, plain), use_cache=False).logits[:, -1].float()
            found = model(**replaced, **positions(model, replaced), use_cache=False).logits[:, -1].float()
        difference = float((found - expected).abs().max() / expected.std().clamp(min=1e-6))
        if not difference <= (ROUNDING if model.dtype == torch.float32 else HALF_ROUNDING):
            self._why_not = f"off: logits differ by {difference:.2g} of their spread"
            self.forget()


def _unfit(model: Any) -> str:
    """Return why a class cannot be given features, "" where it can."""
    known = inspect.signature(model.forward).parameters
    # BLIP-2 has the argument and wants pixels all the same.
    if "mm_encoder_outputs" not in known or known["pixel_values"].default is inspect.Parameter.empty:
        return f"not for {type(model).__name__}"
    if "qformer_input_ids" in inspect.signature(model.get_image_features).parameters:
        return "off: features depend on the question"
    return ""


def _bytes(output: Any) -> int:
    """Return the size of features: one tensor, or one an image."""
    import torch

    pooled = output.pooler_output
    parts = [pooled] if isinstance(pooled, torch.Tensor) else list(pooled)
    return sum(int(part.numel()) * int(part.element_size()) for part in parts)
