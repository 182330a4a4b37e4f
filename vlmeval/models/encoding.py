"""From requests to the tensors of a batch, and which requests cannot be asked at all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from vlmeval.errors import DataError, RejectedError
from vlmeval.models.captioner import open_ended
from vlmeval.models.likelihood import Stem
from vlmeval.models.pictures import Pictures
from vlmeval.models.prompts import Prompter
from vlmeval.types import Request

Result = TypeVar("Result")


class Prepared(Struct, frozen=True):
    """A request with its prompt and decoded images; `stem` is what to append and weigh."""

    request: Request
    prompt: str
    pictures: tuple[Any, ...]
    stem: Stem | None = None


class _Once:
    """An image processor for prompts about the same pictures: the first result is everyone's."""

    def __init__(self, images: Any) -> None:
        self._images = images
        self._results: dict[str, Any] = {}

    def __call__(self, *pictures: Any, **settings: Any) -> Any:
        settings_only = {name: value for name, value in settings.items() if name != "images"}
        key = repr(sorted(settings_only.items()))
        if key not in self._results:
            self._results[key] = self._images(*pictures, **settings)
        # Processors take entries out of it.
        return copy.copy(self._results[key])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._images, name)


class Encoder:
    """The processor of one checkpoint at work: `settings` are arguments of its image processor."""

    def __init__(self, processor: Any, config: Any, settings: Mapping[str, Any], prompter: Prompter) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.config = config
        self.settings = settings
        self.prompter = prompter
        self.pictures = Pictures()

    @property
    def encoder_decoder(self) -> bool:
        """Whether the answer is a text of its own (T5, BART), not the prompt's continuation."""
        return bool(self.config.is_encoder_decoder or self.config.get_text_config().is_encoder_decoder)

    @property
    def position_limit(self) -> int:
        """The number of positions the language model has; 0 where it has no limit."""
        return int(getattr(self.config.get_text_config(), "max_position_embeddings", 0) or 0)

    def token_limit(self, wanted: int, length: int) -> int:
        """Return how many tokens may follow a prompt of `length`: `wanted`, as far as there are positions."""
        if not self.position_limit:
            return wanted
        return min(wanted, self.position_limit - (0 if self.encoder_decoder else length))

    def prepare(self, request: Request) -> Prepared:
        """Return the request ready to encode. Raises RejectedError, naming the sample, for an unusable image."""
        images = len(request.images)
        if images != 1 and self.prompter.one_image:
            raise RejectedError(
                f"sample {request.sample_id}: {images} images, but {self.config.model_type} takes one a prompt"
            )
        try:
            pictures = tuple(self.pictures.get(image) for image in request.images)
        except DataError as error:
            raise RejectedError(f"sample {request.sample_id}: {error}") from error
        return Prepared(request, self.prompter.render(request), pictures)

    def cost(self, item: Prepared) -> int:
        """Return about how many tokens a prompt has: a token for 28 x 28 pixels, 64 to 4,096 an image, or 3 letters."""
        pixels = [picture.width * picture.height for picture in item.pictures]
        return len(item.prompt) // 3 + int(sum(min(4096, max(64, count // 784)) for count in pixels))

    def encode(self, batch: Sequence[Prepared]) -> Any:
        """Return the tensors of a batch, on the CPU. Raises ValueError where the processor refuses it.

        Prompts of a decoder are padded on the left, so that all answers begin in one column.
        """
        prompts = [item.prompt for item in batch]
        text: dict[str, Any] = {"padding": True, "padding_side": "right" if self.encoder_decoder else "left"}
        # A processor adds <s> to a text; a template has often written it already.
        if self.tokenizer.bos_token and all(prompt.startswith(self.tokenizer.bos_token) for prompt in prompts):
            text["add_special_tokens"] = False
        pictures = [list(item.pictures) for item in batch] if batch[0].pictures else None
        inputs = self.processor(
            images=pictures, text=prompts, text_kwargs=text, images_kwargs=dict(self.settings), return_tensors="pt"
        )
        # PaliGemma's processor makes labels, with which forward would compute a loss.
        inputs.pop("labels", None)
        if "qformer_input_ids" in inputs:
            # InstructBLIP's Q-Former counts positions from the first column: pads on the left would move its question.
            question = self.processor.qformer_tokenizer(
                prompts, padding=True, padding_side="right", return_tensors="pt"
            )
            inputs["qformer_input_ids"] = question["input_ids"]
            inputs["qformer_attention_mask"] = question["attention_mask"]
        return open_ended(inputs, self.tokenizer, self.config)

    def encode_family(self, batch: Sequence[Prepared]) -> list[Any]:
        """Return the tensors of each prompt of a batch by itself; their images, which are the same, are processed once.

        Raises ValueError where the processor refuses one.
        """
        images = self.processor.image_processor
        self.processor.image_processor = _Once(images)
        try:
            same = [msgspec.structs.replace(item, pictures=batch[0].pictures) for item in batch]
            return [self.encode([item]) for item in same]
        finally:
            self.processor.image_processor = images

    def checked(
        self, batch: Sequence[Prepared], work: Callable[[Sequence[Prepared], Any], Sequence[Result]]
    ) -> list[Result | RejectedError]:
        """Return `work` over the encoded batch, a RejectedError in the place of each prompt that cannot be asked."""
        try:
            inputs = self.encode(batch)
        except ValueError as error:
            if len(batch) > 1:
                return [result for item in batch for result in self.checked([item], work)]
            return [RejectedError(f"sample {batch[0].request.sample_id}: the processor refuses it: {error}")]
        limit = self.position_limit
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        if not limit or max(lengths) < limit:
            return list(work(batch, inputs))
        results: list[Result | RejectedError] = []
        for item, length in zip(batch, lengths, strict=True):
            if length < limit:
                results += self.checked([item], work)
            else:
                name = f"sample {item.request.sample_id}"
                message = f"{name}: the prompt has {length} tokens, {self.config.model_type} takes fewer than {limit}"
                results.append(RejectedError(message, kind="too_long"))
        return results
