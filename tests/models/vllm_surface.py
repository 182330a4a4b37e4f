"""A stand-in for vLLM's offline engine: its names and keyword arguments, and nothing else of it.

Signatures hold what the wrapper may use of vLLM 0.20 to 0.33; `test_vllm.py` compares them with the real package where
that can be imported. Prompts are ChatML, one token a byte, sixteen an image. The answer is what the prompt ends with,
reversed; the log-probability of a token depends on it and on the one before.
"""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

IMAGE_TOKENS = 16


class ClientError(Exception):
    """`vllm.exceptions.VLLMClientError`."""


@dataclass
class SamplingParams:
    """`vllm.SamplingParams`."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: list[str] | None = None
    max_tokens: int | None = 16
    repetition_penalty: float = 1.0
    prompt_logprobs: int | None = None


@dataclass
class Metrics:
    """`RequestOutput.metrics`."""

    queued_ts: float = 100.0
    first_token_ts: float = 100.25
    last_token_ts: float = 101.0


@dataclass
class Logprob:
    """`vllm.logprobs.Logprob`."""

    logprob: float


@dataclass
class CompletionOutput:
    """`vllm.outputs.CompletionOutput`."""

    text: str
    token_ids: list[int]
    finish_reason: str | None


@dataclass
class RequestOutput:
    """`vllm.outputs.RequestOutput`."""

    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]
    prompt_logprobs: list[dict[int, Logprob] | None] | None
    metrics: Metrics | None = field(default_factory=Metrics)
    num_cached_tokens: int | None = 8


def logprob(before: int, token: int) -> float:
    """Return the log-probability of a token after another."""
    return -int.from_bytes(hashlib.sha256(f"{before} {token}".encode()).digest()[:2], "big") / 2**14


class LLM:
    """`vllm.LLM`."""

    made: list[LLM] = []

    def __init__(
        self,
        model: str,
        *,
        trust_remote_code: bool = False,
        dtype: str = "auto",
        quantization: str | None = None,
        tensor_parallel_size: int = 1,
        revision: str | None = None,
        max_model_len: int = 4096,
        gpu_memory_utilization: float = 0.92,
        limit_mm_per_prompt: dict[str, int] | None = None,
        mm_processor_kwargs: dict[str, Any] | None = None,
        enable_prefix_caching: bool | None = None,
        enforce_eager: bool = False,
        generation_config: str = "auto",
        disable_log_stats: bool = True,
        seed: int = 0,
    ) -> None:
        if quantization == "no-such":
            raise ClientError("unknown quantization method")
        self.arguments = {name: value for name, value in locals().items() if name != "self"}
        self.longest = max_model_len
        self.calls: list[list[Any]] = []
        self.params: list[SamplingParams] = []
        LLM.made.append(self)

    def chat(
        self,
        messages: Sequence[list[dict[str, Any]]],
        sampling_params: Sequence[SamplingParams] | None = None,
        use_tqdm: bool = True,
        add_generation_prompt: bool = True,
        continue_final_message: bool = False,
    ) -> list[RequestOutput]:
        """Answer conversations, all or, where one is refused, none."""
        assert sampling_params is not None
        assert len(messages) == len(sampling_params)
        assert not use_tqdm
        assert add_generation_prompt is not continue_final_message
        prompts = [rendered(conversation, unfinished=continue_final_message) for conversation in messages]
        if any(len(prompt) > self.longest for prompt in prompts):
            raise ClientError(f"The prompt is longer than the maximum model length of {self.longest}")
        if any("refuse" in bytes(token for token in prompt if token < 256).decode() for prompt in prompts):
            raise ValueError("At most 1 image(s) may be provided")
        self.calls.append(list(messages))
        self.params += sampling_params
        return [answered(prompt, params) for prompt, params in zip(prompts, sampling_params, strict=True)]


def rendered(conversation: Sequence[dict[str, Any]], *, unfinished: bool) -> list[int]:
    """Return the tokens of a conversation, its last message open for more or followed by the start of an answer."""
    ids: list[int] = []
    for turn, message in enumerate(conversation):
        ids += f"<{message['role']}>\n".encode()
        content = message["content"]
        parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for part in parts:
            if part["type"] == "text":
                ids += part["text"].encode()
            else:
                assert part["image_url"]["url"].startswith("data:image/png;base64,")
                ids += [256 + int(part["uuid"][:4], 16)] * IMAGE_TOKENS
        if not unfinished or turn + 1 < len(conversation):
            ids += b"</>\n"
    return ids if unfinished else [*ids, *b"<assistant>\n"]


def answered(prompt: list[int], params: SamplingParams) -> RequestOutput:
    """Return the answer to a prompt."""
    text = bytes(token for token in prompt if token < 256).decode()
    words = text.removesuffix("</>\n<assistant>\n")[-8:][::-1]
    ids = list(words.encode())[: params.max_tokens]
    finish = (
        "abort" if "abort" in text else "length" if params.max_tokens and len(words) > params.max_tokens else "stop"
    )
    logs: list[dict[int, Logprob] | None] | None = None
    if params.prompt_logprobs is not None:
        pairs = zip(prompt, prompt[1:], strict=False)  # noqa: RUF007
        logs = [None, *({token: Logprob(logprob(before, token)), -1: Logprob(0.0)} for before, token in pairs)]
    return RequestOutput(prompt, [CompletionOutput(bytes(ids).decode(), ids, finish)], logs)


def install(monkeypatch: pytest.MonkeyPatch) -> type[LLM]:
    """Put the stand-in in the place of the package for one test, and return its engine class."""
    package, errors = types.ModuleType("vllm"), types.ModuleType("vllm.exceptions")
    for module in (package, errors):
        module.__spec__ = type(sys.__spec__)(module.__name__, None)
    package.__path__ = []
    package.LLM, package.SamplingParams = LLM, SamplingParams  # type: ignore[attr-defined]
    errors.VLLMClientError = ClientError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", package)
    monkeypatch.setitem(sys.modules, "vllm.exceptions", errors)
    monkeypatch.setattr(LLM, "made", [])
    return LLM
