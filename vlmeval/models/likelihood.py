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


class Stem(Struct, frozen=True):
    """Options of one prompt that differ in their last token only: one pass of the model weighs them all.

    `ids` take the place of the prompt's last `dropped` tokens, and one of `lasts` follows.
    """

    ids: tuple[int, ...] = ()
    dropped: int = 0
    lasts: tuple[int, ...] = ()


def stems(tails: Sequence[Tail]) -> dict[Stem, list[int]]:
    """Return the stems of one prompt's tails, each with the places of its options."""
    groups: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for place, option in enumerate(tails):
        groups.setdefault((option.ids[:-1], option.dropped), []).append(place)
    return {
        Stem(ids, dropped, tuple(tails[place].ids[-1] for place in places)): places
        for (ids, dropped), places in groups.items()
    }


def decoder_scores(model: Any, inputs: Mapping[str, Any], rows: Sequence[Stem], model_type: str) -> list[list[float]]:
    """Return the log-likelihoods of each row's options under a decoder-only model.

    `inputs` are the prompts, left-padded, so that every row's stem starts in one column; stems are padded on the right,
    where a causal model does not look.
    """
    import torch

    length = inputs["input_ids"].shape[1]
    width = max(len(row.ids) for row in rows)
    extended, kept = dict(inputs), max(row.dropped for row in rows) + width + 1
    for name, fill in APPENDED.items():
        if name in inputs:
            kind = 1 if name == "token_type_ids" and model_type == "paligemma" else fill
            extended[name] = _append(inputs[name], rows, name, kind, width)
    extra = positions(model, extended)
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        extra["logits_to_keep"] = kept
    with torch.inference_mode():
        logits = model(**extended, **extra, use_cache=False).logits
    first = length + width - logits.shape[1]
    starts = [length - row.dropped - 1 - first for row in rows]
    return [weighed(logits[place, start:], row) for place, (row, start) in enumerate(zip(rows, starts, strict=True))]


def shared_scores(model: Any, inputs: Mapping[str, Any], rows: Sequence[Stem]) -> list[list[float]]:
    """Return the log-likelihoods of each row's options; the `inputs` of all rows end with their stems."""
    import torch

    kept = max(len(row.ids) for row in rows) + 1
    extra = {"logits_to_keep": kept} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    with torch.inference_mode():
        logits = model(**inputs, **extra).logits
    return [weighed(logits[place, logits.shape[1] - len(row.ids) - 1 :], row) for place, row in enumerate(rows)]


def _append(tensor: Any, rows: Sequence[Stem], name: str, fill: int, width: int) -> Any:
    """Return `tensor` (rows, length, ...) with `width` more columns, each row's stem over its dropped tokens."""
    import torch

    length = tensor.shape[1]
    added = tensor[:, -1:].expand(-1, width, *tensor.shape[2:])
    result = torch.cat([tensor, added], dim=1)
    if name == "cross_attention_mask":
        return result
    for place, row in enumerate(rows):
        start = length - row.dropped
        end = start + len(row.ids)
        result[place, start:] = 0
        result[place, start:end] = torch.tensor(row.ids, device=tensor.device) if name == "input_ids" else fill
    return result


def positions(model: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return position ids that start at each row's first token, which `forward` does not work out by itself.

    Models with positions in three dimensions (M-RoPE) do, from the mask.
    """
    inner = getattr(model, "model", model)
    if hasattr(inner, "get_rope_index") or "position_ids" not in inspect.signature(model.forward).parameters:
        return {}
    return {"position_ids": (inputs["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)}


def encoder_decoder_scores(
    model: Any, inputs: Mapping[str, Any], rows: Sequence[Stem], begin: Sequence[int]
) -> list[list[float]]:
    """Return the log-likelihoods of each row's options as the decoder's text, after the tokens `begin`."""
    import torch

    width = max(len(row.ids) for row in rows)
    device = inputs["attention_mask"].device
    texts = [[*begin, *row.ids] + [0] * (width - len(row.ids)) for row in rows]
    with torch.inference_mode():
        logits = model(**inputs, decoder_input_ids=torch.tensor(texts, device=device), use_cache=False).logits
    first = len(begin) - 1
    return [weighed(logits[place, first:], row) for place, row in enumerate(rows)]


def weighed(logits: Any, row: Stem) -> list[float]:
    """Return the summed log-probability of each option of `row`; its first token's are the first of `logits` (n, v)."""
    import torch

    logs = logits[: len(row.ids) + 1].float().log_softmax(dim=-1)
    before = logs[:-1].gather(1, torch.tensor(row.ids, dtype=torch.long, device=logits.device)[:, None]).double().sum()
    return [float(before + score) for score in logs[-1, list(row.lasts)].double()]
