"""BLIP for retrieval: `blip_itm:CHECKPOINT`, a dual encoder whose matching head ranks the first candidates again.

Li et al. 2022, BLIP, arXiv:2201.12086; checkpoints Salesforce/blip-itm-*. The protocol is that of salesforce/BLIP
train_retrieval.py: texts of 35 tokens, the first `top` candidates by the contrastive vectors (128 for Flickr30k, 256
for COCO there) matched as pairs, score = logit of "match" + similarity.
Known difference: the original puts an [ENC] token first where texts are matched; transformers keeps [CLS].
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from vlmeval.errors import ConfigError, DataError, RejectedError
from vlmeval.models.checkpoint import Checkpoint
from vlmeval.models.clip import PREFIX, ClipOptions, DualEncoder
from vlmeval.models.options import Scalar, read_options
from vlmeval.models.packages import require_transformers
from vlmeval.models.unit import written
from vlmeval.types import Image, Part

KEPT_IMAGES = 256


class BlipOptions(ClipOptions, frozen=True, kw_only=True):
    """Options of `blip_itm:`. `top` candidates of each query are matched; `text_tokens` of a text are seen."""

    top: Annotated[int, Meta(ge=1)] = 128
    text_tokens: Annotated[int, Meta(ge=2)] = 35


class BlipMatcher(DualEncoder):
    """Embedder by the contrastive projections, re-ranker by the matching head."""

    def __init__(self, checkpoint: Checkpoint, options: BlipOptions, settings: Mapping[str, Scalar]) -> None:
        if checkpoint.config.model_type != "blip":
            raise ConfigError(f"blip_itm:{checkpoint.source} is a {checkpoint.config.model_type} model, not BLIP")
        super().__init__(checkpoint, options, settings)
        self.class_name = "BlipForImageTextRetrieval"
        self.rerank_top = options.top
        self._tokens = options.text_tokens
        self._seen: OrderedDict[str, Any] = OrderedDict()

    @property
    def model(self) -> Any:
        """The model, its weights loaded on first use."""
        if self._model is None:
            import transformers

            self._model = self.checkpoint.load(transformers.BlipForImageTextRetrieval, self.options)
        return self._model

    @property
    def text_length(self) -> int:
        """The number of tokens of a text that the model sees."""
        return min(self._tokens, super().text_length)

    def recipe(self) -> dict[str, Any]:
        """Return what defines vectors and scores."""
        return {**super().recipe(), "wrapper": "blip_itm", "rerank_top": self.rerank_top}

    def match(self, query: Part, candidates: Sequence[Part]) -> list[float]:
        """Return the logit of "match" of the query, an image or a text, with each candidate of the other sort."""
        import torch

        scores: list[float] = []
        with self._lock, torch.inference_mode():
            for start in range(0, len(candidates), self.batch):
                part = candidates[start : start + self.batch]
                pairs = [(query, one) if isinstance(query, Image) else (one, query) for one in part]
                states = torch.cat([self._states(image) for image, _ in pairs if isinstance(image, Image)])
                tokens = self._tokenized([text for _, text in pairs if isinstance(text, str)])
                encoded = self.model.text_encoder(
                    input_ids=tokens["input_ids"],
                    attention_mask=tokens["attention_mask"],
                    encoder_hidden_states=states,
                    encoder_attention_mask=torch.ones(states.shape[:-1], dtype=torch.long, device=states.device),
                )
                scores += self.model.itm_head(encoded.last_hidden_state[:, 0])[:, 1].float().tolist()
        return scores

    def _states(self, image: Image) -> Any:
        """Return the hidden states of an image, (1, tokens, width); the last few images are kept."""
        if image.sha256 not in self._seen:
            self._seen[image.sha256] = self._vision([image])
            if len(self._seen) > KEPT_IMAGES:
                self._seen.popitem(last=False)
        self._seen.move_to_end(image.sha256)
        return self._seen[image.sha256]

    def _vision(self, images: Sequence[Any]) -> Any:
        try:
            inputs = self.images([image.open() for image in images], return_tensors="pt", **self.image_settings)
        except (DataError, ValueError) as error:
            raise RejectedError(f"{self.name}: {error}") from error
        pixels = inputs["pixel_values"].to(self.model.device, self.model.dtype)
        return self.model.vision_model(pixel_values=pixels).last_hidden_state

    def _tokenized(self, texts: Sequence[str]) -> Any:
        whole = [written(text, template=self.options.template, lowercase=self.lowercase) for text in texts]
        return self.tokenizer(
            whole, padding=True, truncation=True, max_length=self.text_length, return_tensors="pt"
        ).to(self.model.device)

    def _encode_texts(self, texts: Sequence[Any]) -> Any:
        whole = [written(text, template=self.options.template, lowercase=self.lowercase) for text in texts]
        lengths = [len(ids) for ids in self.tokenizer(whole, verbose=False)["input_ids"]]
        self.truncated_texts += sum(length > self.text_length for length in lengths)
        tokens = self._tokenized(texts)
        encoded = self.model.text_encoder(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
        return self.model.text_proj(encoded.last_hidden_state[:, 0])

    def _encode_images(self, images: Sequence[Any]) -> Any:
        return self.model.vision_proj(self._vision(images)[:, 0])

    def close(self) -> None:
        """Free the weights and what is kept of images; the next call loads them again."""
        self._seen.clear()
        super().close()


def open_blip_itm(target: str, options: Mapping[str, Scalar]) -> BlipMatcher:
    """Return the model `blip_itm:TARGET`: an id on the hub or a folder. Raises ConfigError for what cannot be used."""
    require_transformers()
    settings = {key.removeprefix(PREFIX): value for key, value in options.items() if key.startswith(PREFIX)}
    named = {key: value for key, value in options.items() if not key.startswith(PREFIX)}
    parsed = read_options(named, BlipOptions, where=f"model blip_itm:{target}")
    checkpoint = Checkpoint(target, revision=parsed.revision, trust_remote_code=parsed.trust_remote_code)
    return BlipMatcher(checkpoint, parsed, settings)
