"""What goes into a call of vLLM's engine in which order, and what its results and refusals mean."""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Sequence
from typing import Any, Literal

from vlmeval.errors import RejectedError
from vlmeval.types import Request


def arranged(requests: Sequence[Request]) -> list[int]:
    """Return the places of the requests in the order of their images and texts: equal beginnings follow one another."""

    def beginning(place: int) -> tuple[Any, ...]:
        request = requests[place]
        return ([image.sha256 for image in request.images], request.system or "", request.text, place)

    return sorted(range(len(requests)), key=beginning)


def weighed(request: Request, option: int, base: Any, result: Any) -> tuple[float, int]:
    """Return an option's log-likelihood and tokens: what `result`'s prompt holds after what it shares with `base`'s."""
    where = f"sample {request.sample_id}"
    for one in (base, result):
        if isinstance(one, Exception):
            raise RejectedError(f"{where}: vLLM refuses it: {one}", kind=refused_as(one))
    before, after = result_ids(base), result_ids(result)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    if start == len(after):
        raise RejectedError(f"{where}: the option {request.options[option]!r} adds no token to the prompt")
    logs = [result.prompt_logprobs[place][after[place]].logprob for place in range(start, len(after))]
    return math.fsum(logs), len(logs)


def result_ids(result: Any) -> list[int]:
    """Return the tokens of a result's prompt, those of its images included."""
    return list(result.prompt_token_ids)


def refused_as(error: Exception) -> Literal["too_long", "rejected"]:
    """Return what sort of refusal it is, by vLLM's words for a prompt beyond max_model_len."""
    text = str(error).lower()
    long = ("max_model_len", "maximum model length", "maximum context length", "longer than the maximum")
    return "too_long" if any(words in text for words in long) else "rejected"


def latencies(metrics: Any) -> tuple[float | None, float | None]:
    """Return seconds from queue to last token, and to the first one, where the engine keeps statistics."""
    if metrics is None:
        return None, None
    whole = metrics.last_token_ts - metrics.queued_ts
    first = metrics.first_token_ts - metrics.queued_ts
    return (round(whole, 6) if whole > 0 else None), (round(first, 6) if first > 0 else None)


def refusals() -> tuple[type[Exception], ...]:
    """Return what vLLM raises for what it does not take: ValueError, since it has one of its own that too."""
    if importlib.util.find_spec("vllm.exceptions") is None:
        return (ValueError, OSError)
    own = getattr(importlib.import_module("vllm.exceptions"), "VLLMClientError", None)
    return (ValueError, OSError) if own is None else (ValueError, OSError, own)
