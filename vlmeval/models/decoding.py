"""How tokens are chosen: greedy, or sampled from noise that belongs to the request, never to its batch.

The Gumbel-max trick (argmax of logits + Gumbel noise is a sample of their softmax) makes sampling a greedy search over
perturbed logits, so every row has a generator of its own, seeded by request: a sampled answer is the same in any batch.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

from vlmeval.types import Output, Request, Sampling

# Left to the model by a generation config, but settings of sampling; set without sampling, transformers warns of each.
SAMPLING_KEYS = ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "max_length")


def greedy(sampling: Sampling) -> bool:
    """Tell whether a request is answered by the likeliest token at each step."""
    return sampling.temperature in (None, 0)


def greedy_config(model: Any, tokenizer: Any) -> Any:
    """Return the checkpoint's generation config without its sampling, with the ids it lacks filled in.

    BLIP-2 and others keep them in the configuration of the language model only.
    """
    import copy

    config = copy.deepcopy(model.generation_config)
    for key in SAMPLING_KEYS:
        setattr(config, key, None)
    config.do_sample = False
    config.num_beams = 1
    config.return_dict_in_generate = False
    text = model.config.get_text_config(decoder=True)
    for key in ("eos_token_id", "bos_token_id", "decoder_start_token_id"):
        if getattr(config, key, None) is None:
            setattr(config, key, getattr(text, key, None))
    if model.config.model_type == "blip":
        # Its `generate` ends captions at [SEP], whatever the configuration calls the end.
        config.eos_token_id = text.sep_token_id
    if config.eos_token_id is None:
        config.eos_token_id = tokenizer.eos_token_id
    config.pad_token_id = tokenizer.pad_token_id
    return config


def end_ids(config: Any) -> set[int]:
    """Return the ids that end an answer."""
    ids = config.eos_token_id
    return set() if ids is None else set(ids) if isinstance(ids, list | tuple) else {int(ids)}


class Watch:
    """Stopping criterion: each row's own token limit and stop strings; keeps the rows as they grow.

    Some `generate` return the prompt too, some do not, some wrap another model's; what was decoded is known here.
    `stopped[i]` is the number of tokens at which row i met a stop string, 0 where it did not.
    """

    def __init__(
        self, tokenizer: Any, limits: Sequence[int], stop: Sequence[str], *, began: float | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.limits = limits
        self.stop = stop
        self.start = -1
        self.rows: Any = None
        self.stopped = [0] * len(limits)
        self.began = time.perf_counter() if began is None else began
        self.first_token_seconds = 0.0
        self._window = 4 * max((len(text) for text in stop), default=0) + 8

    def __call__(self, input_ids: Any, scores: Any, **settings: Any) -> Any:
        """Return which rows are done, as a bool tensor (rows,)."""
        import torch

        if self.start < 0:
            self.start = input_ids.shape[1] - 1
            self.first_token_seconds = time.perf_counter() - self.began
        self.rows = input_ids
        tokens = input_ids.shape[1] - self.start
        if self.stop:
            self._find_stops(input_ids[:, self.start :][:, -self._window :].tolist(), tokens)
        done = [tokens >= limit or bool(at) for limit, at in zip(self.limits, self.stopped, strict=True)]
        return torch.tensor(done, device=input_ids.device)

    def answers(self) -> list[list[int]]:
        """Return the new tokens of each row; after its end a row is padded."""
        rows: list[list[int]] = self.rows[:, self.start :].tolist()
        return rows

    def _find_stops(self, tails: list[list[int]], tokens: int) -> None:
        for row, tail in enumerate(tails):
            if not self.stopped[row] and any(text in self.tokenizer.decode(tail) for text in self.stop):
                self.stopped[row] = tokens


class SampleByNoise:
    """Logits processor: temperature, top-k, top-p, then each row's Gumbel noise."""

    def __init__(self, requests: Sequence[Request]) -> None:
        import torch

        self.sampling = requests[0].sampling
        self.generators = [torch.Generator().manual_seed(row_seed(request)) for request in requests]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return perturbed logits (rows, vocabulary), of which the largest is the sample."""
        import torch

        logits = scores.float() / float(self.sampling.temperature or 1.0)
        if self.sampling.top_k:
            least = logits.topk(min(self.sampling.top_k, logits.shape[-1]), dim=-1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        if self.sampling.top_p is not None and self.sampling.top_p < 1:
            ordered, order = logits.sort(dim=-1, descending=True)
            shares = ordered.softmax(dim=-1)
            # The share before a token decides, so that the first one always stays.
            cut = shares.cumsum(dim=-1) - shares >= self.sampling.top_p
            logits = logits.masked_fill(cut.scatter(-1, order, cut), -torch.inf)
        noise = torch.stack([torch.rand(logits.shape[-1], generator=generator) for generator in self.generators])
        gumbel = -(-noise.clamp(1e-20, 1 - 1e-7).log()).log()
        return logits + gumbel.to(logits.device)


def row_seed(request: Request) -> int:
    """Return the seed of a request's noise, 63 bits of the digest of its seed and its content; no seed counts as 0."""
    key = request.key or request.keyed().key
    digest = hashlib.sha256(f"{request.sampling.seed or 0}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def finished(tokenizer: Any, tokens: Sequence[int], ends: set[int], *, stopped: bool, stop: Sequence[str]) -> Output:
    """Return the output that one row's new `tokens` make, cut at its end token or the stop string that `stopped` it.

    `output_tokens` counts the end token: it was generated. "length" means that nothing but the limit ended the answer.
    """
    end = next((index for index, token in enumerate(tokens) if token in ends), None)
    text = tokenizer.decode(list(tokens[:end]), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    cuts = [at for at in (text.find(mark) for mark in stop) if at >= 0]
    if cuts:
        text = text[: min(cuts)]
    counted = len(tokens) if end is None else end + 1
    return Output(text, "stop" if stopped or end is not None else "length", output_tokens=counted)
