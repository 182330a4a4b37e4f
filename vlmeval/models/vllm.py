"""Models through vLLM's offline engine: chat messages with images, prefix caching, log-likelihoods of given options.

The engine schedules and pads by itself, so a call hands over many requests; they are put in an order in which prompts
about the same images, and with the same beginning, follow one another, for its prefix cache. Nothing of the
checkpoint's generation config holds but what `recipe()` says: without a temperature an answer is greedy.

Source: docs.vllm.ai, "Offline inference" (`LLM.chat`), "Multimodal inputs", `SamplingParams`; vLLM 0.20 to 0.33. A
server that vLLM runs is `openai:NAME --base-url URL` with preset=vllm.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from vlmeval.errors import ConfigError, DataError, ModelError, RejectedError
from vlmeval.models.decoding import row_seed
from vlmeval.models.hub import HubFiles
from vlmeval.models.options import Scalar, read_options
from vlmeval.models.packages import version
from vlmeval.models.payload import DataUrls, ImageLimits
from vlmeval.models.vllm_results import arranged, latencies, refusals, refused_as, weighed
from vlmeval.types import Failure, Image, Output, Request

INSTALL = "pip install 'vlmeval[vllm]'"
QUANTIZERS = {"4bit": "bitsandbytes"}


class VllmOptions(Struct, frozen=True, kw_only=True):
    """Options of `vllm:`, under vLLM's own names where it has them.

    `images` is the largest number of images in a prompt (`limit_mm_per_prompt`), `batch` how many requests go to the
    engine in one call. `quantize` is a method of vLLM (awq, gptq, fp8, ...; 4bit is bitsandbytes); "none" takes the
    checkpoint as it is, quantized or not. `max_tokens` is for requests that set none. `repetition_penalty` is that of
    the checkpoint's generation config where it is not given.
    """

    revision: str | None = None
    trust_remote_code: bool = False
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    quantize: str = "none"
    tensor_parallel_size: int = 1
    max_model_len: int | None = None
    gpu_memory_utilization: float = 0.9
    enforce_eager: bool = False
    prefix_caching: bool = True
    images: int = 16
    min_pixels: int | None = None
    max_pixels: int | None = None
    batch: int = 256
    max_tokens: int = 1024
    repetition_penalty: float | None = None
    seed: int = 0


class VllmModel:
    """Generator and Chooser over one engine, which is started on first use; one call at a time."""

    concurrency = 1
    gathers = True

    def __init__(self, files: HubFiles, options: VllmOptions) -> None:
        if min(options.batch, options.max_tokens, options.images, options.tensor_parallel_size) < 1:
            raise ConfigError(
                f"model vllm:{files.source}: batch, max_tokens, images and tensor_parallel_size must be at least 1"
            )
        self.name = files.name
        self.files = files
        self.options = options
        self.batch = options.batch
        self._config = files.read_json("config.json")
        self._generation = files.read_json("generation_config.json", optional=True)
        self._urls = DataUrls(ImageLimits())
        self._engine: Any = None
        self._option_tokens: dict[str, list[int]] = {}
        self._cached_tokens = 0
        self._lock = threading.Lock()

    @property
    def repetition_penalty(self) -> float:
        """The penalty in use; 1 is none."""
        given = self.options.repetition_penalty
        return float(self._generation.get("repetition_penalty", 1.0) if given is None else given)

    def recipe(self) -> dict[str, Any]:
        """Return what defines the answers; the engine is not started."""
        options = self.options
        return {
            "wrapper": "vllm",
            "checkpoint": self.files.identity,
            "class": ", ".join(self._config.get("architectures") or []),
            "dtype": options.dtype,
            "quantize": options.quantize,
            **({"quantized": quantized} if (quantized := self._config.get("quantization_config")) else {}),
            "max_model_len": options.max_model_len,
            "pixels": {"min": options.min_pixels, "max": options.max_pixels},
            "prompt": "chat template",
            "max_tokens": options.max_tokens,
            "sampling": {"without_temperature": "greedy", "repetition_penalty": self.repetition_penalty},
            "seed": options.seed,
            "vllm": version("vllm"),
        }

    def conditions(self) -> dict[str, Any]:
        """Return how the engine is run, and what its prefix cache saved."""
        config = getattr(self._engine, "model_config", None)
        return {
            "tensor_parallel_size": self.options.tensor_parallel_size,
            "prefix_caching": self.options.prefix_caching,
            "images_per_prompt": self.options.images,
            "batch": self.batch,
            **({"prompt_tokens_from_cache": self._cached_tokens} if self._engine is not None else {}),
            **({"dtype_in_use": str(config.dtype).removeprefix("torch.")} if config is not None else {}),
        }

    def resize(self, batch: int | Literal["auto"]) -> None:
        """Hand over `batch` requests a call. "auto" leaves it as it is: the engine forms its batches itself."""
        if batch != "auto":
            self.batch = batch

    @property
    def engine(self) -> Any:
        """The engine, started on first use. Raises ConfigError where vLLM cannot run the checkpoint."""
        if self._engine is None:
            vllm: Any = importlib.import_module("vllm")
            try:
                self._engine = vllm.LLM(**self.engine_arguments())
            except refusals() as error:
                raise ConfigError(f"vllm:{self.files.source} cannot be used: {error}") from error
            except RuntimeError as error:
                raise ModelError(
                    f"vllm:{self.files.source}: the engine did not start: {error}. Too little memory? "
                    "Lower max_model_len or gpu_memory_utilization, or raise tensor_parallel_size"
                ) from error
        return self._engine

    def engine_arguments(self) -> dict[str, Any]:
        """Return the arguments of `vllm.LLM`."""
        options = self.options
        pixels = {"min_pixels": options.min_pixels, "max_pixels": options.max_pixels}
        pixels = {name: value for name, value in pixels.items() if value is not None}
        optional = {
            "revision": options.revision,
            "max_model_len": options.max_model_len,
            "quantization": None if options.quantize == "none" else QUANTIZERS.get(options.quantize, options.quantize),
            "mm_processor_kwargs": pixels or None,
        }
        return {
            "model": self.files.source,
            "trust_remote_code": options.trust_remote_code,
            "dtype": options.dtype,
            "tensor_parallel_size": options.tensor_parallel_size,
            "gpu_memory_utilization": options.gpu_memory_utilization,
            "enforce_eager": options.enforce_eager,
            "enable_prefix_caching": options.prefix_caching,
            "limit_mm_per_prompt": {"image": options.images},
            "generation_config": "vllm",
            "seed": options.seed,
            # Latencies of single requests come with its statistics.
            "disable_log_stats": False,
            **{name: value for name, value in optional.items() if value is not None},
        }

    def close(self) -> None:
        """Stop the engine and free its memory; the next call starts another."""
        with self._lock:
            self._engine = None
            gc.collect()

    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        """Return one outcome per request, in order; one that vLLM refuses is a Failure of its own."""
        outcomes: list[Output | Failure | None] = [None] * len(requests)
        conversations: dict[int, list[Any]] = {}
        for place in arranged(requests):
            try:
                conversations[place] = self.conversation(requests[place])
            except RejectedError as error:
                outcomes[place] = Failure(error.kind, str(error))
        with self._lock:
            params = [self.sampling(requests[place]) for place in conversations]
            results = self._chat(list(conversations.values()), params) if conversations else []
        for place, result in zip(conversations, results, strict=True):
            outcomes[place] = self._outcome(requests[place], result)
        return [outcome for outcome in outcomes if outcome is not None]

    def conversation(self, request: Request) -> list[dict[str, Any]]:
        """Return the request as chat messages. Raises RejectedError for too many images, or one that cannot be read."""
        where = f"sample {request.sample_id}"
        if len(request.images) > self.options.images:
            raise RejectedError(
                f"{where}: {len(request.images)} images, but images={self.options.images} is the most a prompt may hold"
            )
        try:
            content = [self._part(part) for part in request.parts]
        except DataError as error:
            raise RejectedError(f"{where}: {error}") from error
        system = [] if request.system is None else [{"role": "system", "content": request.system}]
        return [*system, {"role": "user", "content": content}]

    def _part(self, part: str | Image) -> dict[str, Any]:
        if isinstance(part, str):
            return {"type": "text", "text": part}
        return {"type": "image_url", "image_url": {"url": self._urls.get(part).decode("ascii")}, "uuid": part.sha256}

    def sampling(self, request: Request, **changed: Any) -> Any:
        """Return the request's `SamplingParams`; a sampled answer has a seed of its own, the same in any batch."""
        vllm: Any = importlib.import_module("vllm")
        asked = request.sampling
        settings: dict[str, Any] = {
            "temperature": asked.temperature or 0.0,
            "max_tokens": asked.max_tokens or self.options.max_tokens,
            "repetition_penalty": self.repetition_penalty,
        }
        if asked.temperature:
            settings["seed"] = row_seed(request)
            settings |= {name: value for name in ("top_p", "top_k") if (value := getattr(asked, name)) is not None}
        if asked.stop:
            settings["stop"] = list(asked.stop)
        return vllm.SamplingParams(**{**settings, **changed})

    def _chat(self, conversations: Sequence[Any], params: Sequence[Any], **how: Any) -> list[Any]:
        """Return vLLM's answers in order, the exception in the place of a conversation that it refuses."""
        try:
            return list(self.engine.chat(list(conversations), list(params), use_tqdm=False, **how))
        except refusals() as error:
            if len(conversations) == 1:
                return [error]
        middle = len(conversations) // 2
        return [
            *self._chat(conversations[:middle], params[:middle], **how),
            *self._chat(conversations[middle:], params[middle:], **how),
        ]

    def _outcome(self, request: Request, result: Any) -> Output | Failure:
        if isinstance(result, Exception):
            return Failure(refused_as(result), f"sample {request.sample_id}: vLLM refuses it: {result}")
        answer = result.outputs[0]
        if answer.finish_reason not in ("stop", "length"):
            return Failure("crash", f"sample {request.sample_id}: vLLM ended it with {answer.finish_reason!r}")
        self._cached_tokens += result.num_cached_tokens or 0
        seconds, first = latencies(result.metrics)
        return Output(
            answer.text,
            answer.finish_reason,
            prompt_tokens=len(result.prompt_token_ids),
            output_tokens=len(answer.token_ids),
            seconds=seconds,
            first_token_seconds=first,
        )

    def choose(self, requests: Sequence[Request]) -> list[list[float]]:
        """Return the log-likelihood of each option as the model's answer. Raises RejectedError that names the sample.

        The option is written into the assistant's turn by the chat template; its tokens are those by which that prompt
        differs from the prompt that asks. vLLM does not read its prefix cache where prompt log-probabilities are due.
        """
        for request in requests:
            if not request.options:
                raise RejectedError(f"sample {request.sample_id}: no options to weigh")
        order = arranged(requests)
        asked = {place: self.conversation(requests[place]) for place in order}
        pairs = [(place, option) for place in order for option in range(len(requests[place].options))]
        written = [
            [*asked[place], {"role": "assistant", "content": requests[place].options[option]}]
            for place, option in pairs
        ]
        with self._lock:
            plain = [self.sampling(requests[place], max_tokens=1) for place in order]
            bases = dict(zip(order, self._chat(list(asked.values()), plain), strict=True))
            weighing = [
                self.sampling(requests[place], max_tokens=1, temperature=0.0, prompt_logprobs=1, repetition_penalty=1.0)
                for place, _ in pairs
            ]
            found = self._chat(written, weighing, add_generation_prompt=False, continue_final_message=True)
        scores = [[math.nan] * len(request.options) for request in requests]
        counts = [[0] * len(request.options) for request in requests]
        for (place, option), result in zip(pairs, found, strict=True):
            score, count = weighed(requests[place], option, bases[place], result)
            scores[place][option], counts[place][option] = score, count
        self._option_tokens = {request.key: row for request, row in zip(requests, counts, strict=True)}
        return scores

    def option_tokens(self, requests: Sequence[Request]) -> list[list[int]]:
        """Return over how many tokens the likelihood of each option is summed, per request."""
        if any(request.key not in self._option_tokens for request in requests):
            self.choose(requests)
        return [self._option_tokens[request.key] for request in requests]


def open_vllm(target: str, options: Mapping[str, Scalar]) -> VllmModel:
    """Return the model `vllm:TARGET`: an id on the hub or a folder. Raises ConfigError for what cannot be used."""
    parsed = read_options(options, VllmOptions, where=f"model vllm:{target}")
    if importlib.util.find_spec("vllm") is None:
        raise ConfigError(f"vllm:{target} needs the package vllm: {INSTALL}")
    return VllmModel(HubFiles(target, revision=parsed.revision), parsed)
