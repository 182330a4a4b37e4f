"""Options weighed by a checkpoint: prompts and stems to log-likelihoods, with and without a shared prefix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vlmeval.errors import RejectedError
from vlmeval.models.captioner import for_scoring
from vlmeval.models.decoding import greedy_config
from vlmeval.models.encoding import Encoder, Prepared
from vlmeval.models.features import FeatureCache
from vlmeval.models.likelihood import Stem, Tail, decoder_scores, encoder_decoder_scores, shared_scores, stems, tail
from vlmeval.models.prefix import joined
from vlmeval.models.sharing import PrefixSharing


class Weigher:
    """Scores the options of prompts; what a prompt's options have in common is run once."""

    def __init__(self, encoder: Encoder, sharing: PrefixSharing, features: FeatureCache) -> None:
        self._encoder = encoder
        self._sharing = sharing
        self._features = features

    def stems(self, prepared: Prepared) -> dict[Stem, list[int]]:
        """Return what is to be appended to a prompt, each with the places of the options it weighs."""
        return stems(self._tails(prepared))

    def tokens(self, prepared: Prepared) -> list[int]:
        """Return over how many tokens the likelihood of each option is summed."""
        return [len(one.ids) for one in self._tails(prepared)]

    def _tails(self, prepared: Prepared) -> list[Tail]:
        tokenizer, options = self._encoder.tokenizer, prepared.request.options
        if self._encoder.encoder_decoder:
            return [tail(tokenizer, "", option) for option in options]
        # PaliGemma's processor ends a prompt with a line feed that the rendered text does not show.
        ending = "\n" if self._encoder.config.model_type == "paligemma" else ""
        return [tail(tokenizer, prepared.prompt + ending, option) for option in options]

    def scores(self, model: Any, batch: Sequence[Prepared]) -> list[list[float]]:
        """Return the log-likelihoods of each prompt's stem's options. Raises RejectedError that names the sample."""
        shared, alone = self._sharing.split(model, batch, ahead=0)
        scores: dict[int, list[float]] = {}
        for group in shared:
            inputs = joined(model, group.rows, self._encoder.tokenizer.pad_token_id)
            found = shared_scores(model, inputs, _stems([batch[place] for place in group.places]))
            scores |= zip(group.places, found, strict=True)

        def plainly(items: Sequence[Prepared], encoded: Any) -> list[list[float]]:
            return self._plain(model, items, encoded)

        results = self._encoder.checked([batch[place] for place in alone], plainly) if alone else []
        for place, result in zip(alone, results, strict=True):
            if isinstance(result, RejectedError):
                raise result
            scores[place] = result
        return [scores[place] for place in range(len(batch))]

    def _plain(self, model: Any, batch: Sequence[Prepared], encoded: Any) -> list[list[float]]:
        tokenizer, config = self._encoder.tokenizer, self._encoder.config
        inputs = encoded.to(model.device, model.dtype)
        if not self._encoder.encoder_decoder:
            inputs = self._features.used(model, batch, for_scoring(inputs, config))
            return decoder_scores(model, inputs, _stems(batch), config.model_type)
        begin = [greedy_config(model, tokenizer).decoder_start_token_id]
        # BART's texts begin with <s> after the start token; T5's do not.
        if tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]:
            begin.append(tokenizer.bos_token_id)
        return encoder_decoder_scores(model, inputs, _stems(batch), begin)


def _stems(batch: Sequence[Prepared]) -> list[Stem]:
    return [item.stem or Stem() for item in batch]
