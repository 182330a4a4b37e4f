"""Log-likelihood of given continuations: the sum of the log-probabilities of an option's tokens after the prompt.

Prompt and option are tokenized as one text, as a model would have written it; where the option's first characters merge
with the prompt's last token, the comparison starts at that token. The end-of-text token does not count, so that "A" is
compared with "B", not with "A and nothing more". An encoder-decoder scores the option as its decoder's text.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from vlmeval.errors import RejectedError

# Tensors with one entry a token, and what a token of the option holds there. PaliGemma attends to type 1 causally.
APPENDED = {"input_ids": 0, "attention_mask": 1, "mm_token_type_ids": 0, "token_type_ids": 0, "cross_attention_mask": 0}


class Tail(Struct, frozen=True):
    """An option as tokens: the last `dropped` tokens of the prompt are replaced by `ids`."""

    ids: tuple[int, ...]
    dropped: int = 0


def tail(tokenizer: Any, prompt: str, option: str) -> Tail:
    """Return the tokens by which `prompt + option` differs from `prompt`. Raises RejectedError where there are none."""
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    after = tokenizer(prompt + option, add_special_tokens=False)["input_ids"]
    shared = 0
    while shared < min(len(before), len(after)) and before[shared] == after[shared]:
        shared += 1
    if shared == len(after):
        raise RejectedError(f"the option {option!r} adds no token to the prompt")
    return Tail(tuple(after[shared:]), len(before) - shared)


def decoder_scores(model: Any, inputs: Mapping[str, Any], tails: Sequence[Tail], model_type: str) -> list[float]:
    """Return the log-likelihood of each row's tail under a decoder-only model.

    `inputs` are the prompts, left-padded, so that every row's tail starts in one column; tails are padded on the right,
    where a causal model does not look.
    """
    import torch

    length = inputs["input_ids"].shape[1]
    width = max(len(row.ids) for row in tails)
    extended, kept = dict(inputs), max(row.dropped for row in tails) + width + 1
    for name, fill in APPENDED.items():
        if name in inputs:
            kind = 1 if name == "token_type_ids" and model_type == "paligemma" else fill
            extended[name] = _append(inputs[name], tails, name, kind, width)
    extra = _positions(model, extended)
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        extra["logits_to_keep"] = kept
    with torch.inference_mode():
        logits = model(**extended, **extra, use_cache=False).logits
    first = length + width - logits.shape[1]
    scores = []
    for row, option in enumerate(tails):
        start = length - option.dropped - 1 - first
        scores.append(_sum(logits[row, start : start + len(option.ids)], option.ids))
    return scores


def _append(tensor: Any, tails: Sequence[Tail], name: str, fill: int, width: int) -> Any:
    """Return `tensor` (rows, length, ...) with `width` more columns, each row's tail over its dropped tokens."""
    import torch

    length = tensor.shape[1]
    added = tensor[:, -1:].expand(-1, width, *tensor.shape[2:])
    result = torch.cat([tensor, added], dim=1)
    if name == "cross_attention_mask":
        return result
    for row, option in enumerate(tails):
        start = length - option.dropped
        end = start + len(option.ids)
        result[row, start:] = 0
        result[row, start:end] = torch.tensor(option.ids, device=tensor.device) if name == "input_ids" else fill
    return result


def _positions(model: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return position ids that start at each row's first token, which `forward` does not work out by itself.

    Models with positions in three dimensions (M-RoPE) do, from the mask.
    """
    inner = getattr(model, "model", model)
    if hasattr(inner, "get_rope_index") or "position_ids" not in inspect.signature(model.forward).parameters:
        return {}
    return {"position_ids": (inputs["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)}


def encoder_decoder_scores(
    model: Any, inputs: Mapping[str, Any], tails: Sequence[Tail], begin: Sequence[int]
) -> list[float]:
    """Return the log-likelihood of each row's tail as the decoder's text, after the tokens `begin`."""
    import torch

    width = max(len(row.ids) for row in tails)
    device = inputs["attention_mask"].device
    rows = [[*begin, *row.ids[:-1]] + [0] * (width - len(row.ids)) for row in tails]
    with torch.inference_mode():
        logits = model(**inputs, decoder_input_ids=torch.tensor(rows, device=device), use_cache=False).logits
    first = len(begin) - 1
    return [_sum(logits[row, first : first + len(option.ids)], option.ids) for row, option in enumerate(tails)]


def _sum(logits: Any, ids: Sequence[int]) -> float:
    """Return the summed log-probability of `ids` (n,) under `logits` (n, vocabulary)."""
    import torch

    logs = logits.float().log_softmax(dim=-1)
    chosen = logs.gather(1, torch.tensor(ids, device=logits.device)[:, None])
    return float(chosen.double().sum())
