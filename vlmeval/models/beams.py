"""Beam search, and the other settings of a search that published captions were made with.

Beams keep the `num_beams` likeliest texts at every step (Wu et al. 2016, arXiv:1609.08144, without its coverage); the
likelihood of a finished one is divided by its length to the power of `length_penalty`. Lengths count the tokens that
are new, whatever a model's own `max_length` counts: BLIP's includes the prompt, BLIP-2's does not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from vlmeval.errors import ConfigError
from vlmeval.models.decoding import end_ids, finished
from vlmeval.types import Failure, Output, Request


class Search(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the tokens of a reply are searched; the defaults are greedy search, as the checkpoint has it.

    `max_new_tokens` bounds every reply, also where the task allows longer ones.
    """

    num_beams: int = 1
    min_new_tokens: int | None = None
    max_new_tokens: int | None = None
    length_penalty: float | None = None
    repetition_penalty: float | None = None

    def checked(self, where: str) -> Search:
        """Return this search. Raises ConfigError for one that cannot be made."""
        least, most = self.min_new_tokens, self.max_new_tokens
        if self.num_beams < 1 or (least is not None and least < 0) or (most is not None and most < 1):
            raise ConfigError(f"{where}: num_beams and max_new_tokens must be at least 1, min_new_tokens at least 0")
        if least is not None and most is not None and least > most:
            raise ConfigError(f"{where}: min_new_tokens={least} is more than max_new_tokens={most}")
        if self.repetition_penalty is not None and self.repetition_penalty <= 0:
            raise ConfigError(f"{where}: repetition_penalty must be above 0; 1 is none")
        if self.length_penalty is not None and self.num_beams == 1:
            raise ConfigError(f"{where}: length_penalty ranks beams; give num_beams too, or leave it out")
        return self

    def recipe(self) -> dict[str, Any]:
        """Return the settings that differ from the checkpoint's own greedy search, {} for none."""
        return {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None and (name, value) != ("num_beams", 1)
        }

    def apply(self, config: Any) -> None:
        """Write the settings into a generation config."""
        config.num_beams = self.num_beams
        for name in ("min_new_tokens", "length_penalty", "repetition_penalty"):
            if (value := getattr(self, name)) is not None:
                setattr(config, name, value)

    def limit(self, wanted: int) -> int:
        """Return the longest reply, where a request wants `wanted` tokens at most."""
        return wanted if self.max_new_tokens is None else min(wanted, self.max_new_tokens)

    def refusal(self, request: Request) -> Failure | None:
        """Return why the request cannot be answered by this search, None where it can."""
        temperature = request.sampling.temperature
        if self.num_beams == 1 or temperature in (None, 0):
            return None
        reason = f"num_beams={self.num_beams} looks for the likeliest text, temperature {temperature} draws one"
        return Failure("rejected", f"sample {request.sample_id}: {reason}; leave one of the two out")


class Start:
    """Logits processor that changes nothing: notes at how many columns the new tokens of a search begin.

    Some `generate` return the prompt's tokens too, some a start token, some neither.
    """

    def __init__(self) -> None:
        self.columns = -1

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return the scores (rows, vocabulary) as they are."""
        if self.columns < 0:
            self.columns = input_ids.shape[1]
        return scores


def beam_outputs(
    model: Any,
    tokenizer: Any,
    requests: Sequence[Request],
    inputs: Mapping[str, Any],
    config: Any,
    limits: Sequence[int],
) -> list[Output]:
    """Return the output of each row's best beam.

    `config` is the generation config, the search applied; `limits` are the rows' longest replies, of which the least
    holds for all: the beams of a batch grow together.
    """
    import torch

    start, began = Start(), time.perf_counter()
    config.max_new_tokens = min(limits)
    with torch.inference_mode():
        tokens = model.generate(**inputs, generation_config=config, logits_processor=[start])
    seconds = round(time.perf_counter() - began, 6)
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    outputs = []
    for row, request, length in zip(tokens[:, start.columns :].tolist(), requests, lengths, strict=True):
        stop = request.sampling.stop
        met = any(mark in tokenizer.decode(row) for mark in stop)
        output = finished(tokenizer, row, end_ids(config), stopped=met, stop=stop)
        outputs.append(msgspec.structs.replace(output, prompt_tokens=length, seconds=seconds))
    return outputs
