"""Any image-text model of transformers: its processor, its chat template, batches, greedy or sampled.

What defines the answers is in `recipe()`, told from configuration and processor alone; weights are loaded on first use.
A batch holds prompts with equally many images, because processors nest images in as many ways as there are models.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vlmeval.errors import ConfigError, RejectedError
from vlmeval.models.batches import Batcher, free_memory
from vlmeval.models.checkpoint import Checkpoint, Placement, answering_class
from vlmeval.models.decoding import SAMPLING_KEYS, SampleByNoise, Watch, end_ids, finished, greedy, greedy_config
from vlmeval.models.encoding import Encoder, Prepared
from vlmeval.models.likelihood import decoder_scores, encoder_decoder_scores, tail
from vlmeval.models.options import Scalar, read_options
from vlmeval.models.packages import require_quantization, require_transformers, version
from vlmeval.models.processors import image_settings, load_processor, processor_settings
from vlmeval.models.prompts import Prompter
from vlmeval.types import Failure, Output, Request

PREFIX = "processor_"


class TransformersOptions(Placement, frozen=True, kw_only=True):
    """Options of `hf:`. `max_tokens` is for requests that set none; `template` replaces the chat template.

    `processor_NAME` (any setting of the image processor: processor_max_patches, processor_do_pan_and_scan, ...) and the
    three sizes are handed to the image processor, which must know them.
    """

    revision: str | None = None
    trust_remote_code: bool = False
    min_pixels: int | None = None
    max_pixels: int | None = None
    longest_edge: int | None = None
    batch: int = 8
    max_tokens: int = 1024
    template: str = ""


class TransformersModel:
    """Generator and Chooser over one checkpoint; one call at a time."""

    concurrency = 1

    def __init__(self, checkpoint: Checkpoint, options: TransformersOptions, settings: Mapping[str, Scalar]) -> None:
        where = f"model hf:{checkpoint.source}"
        if options.batch < 1 or options.max_tokens < 1:
            raise ConfigError(f"{where}: batch and max_tokens must be at least 1")
        self.name = checkpoint.name
        self.checkpoint = checkpoint
        self.options = options
        self.auto, self.class_name = answering_class(checkpoint)
        options.resolved_device()
        try:
            processor = load_processor(
                checkpoint.source,
                checkpoint.config,
                revision=options.revision,
                trust_remote_code=options.trust_remote_code,
            )
        except (OSError, ValueError, ImportError) as error:
            raise checkpoint.explained(error) from error
        config = checkpoint.config
        prompter = Prompter(processor, config.model_type, template=options.template, name=checkpoint.source)
        sizes = image_settings(processor.image_processor, settings, where=where)
        self.encoder = Encoder(processor, config, sizes, prompter)
        self._batcher = Batcher(options.batch)
        self._model: Any = None
        self._lock = threading.Lock()

    @property
    def batch(self) -> int:
        """How many requests go through the model at once; less than asked for after memory ran out."""
        return self._batcher.size

    @property
    def model(self) -> Any:
        """The model, its weights loaded on first use."""
        if self._model is None:
            self._model = self.checkpoint.load(self.auto, self.options)
        return self._model

    def recipe(self) -> dict[str, Any]:
        """Return what defines the answers; no weights are loaded, no path is in it."""
        config = self.checkpoint.config
        return {
            "wrapper": "transformers",
            "checkpoint": self.checkpoint.identity,
            "class": self.class_name,
            "dtype": self.options.resolved_dtype(config),
            "attention": self._attention,
            "quantize": self.options.quantize,
            "processor": {
                "class": type(self.encoder.processor).__name__,
                "images": processor_settings(self.encoder.processor.image_processor),
                "overridden": dict(self.encoder.settings),
            },
            **self.encoder.prompter.recipe(),
            "generation": self._generation_recipe(),
            "max_tokens": self.options.max_tokens,
            "transformers": version("transformers"),
            "torch": version("torch"),
        }

    def _generation_recipe(self) -> dict[str, Any]:
        """Return what the checkpoint's generation config changes about greedy search (repetition penalty, ...)."""
        import transformers

        location = {"revision": self.options.revision} if self.options.revision else {}
        try:
            config = transformers.GenerationConfig.from_pretrained(self.checkpoint.source, **location)
        except OSError:
            return {}
        left_out = {*SAMPLING_KEYS, "do_sample", "num_beams", "transformers_version", "_from_model_config"}
        changes = config.to_diff_dict()
        return {key: value for key, value in sorted(changes.items()) if key not in left_out}

    @property
    def _attention(self) -> str:
        """The attention asked for; for "auto" what transformers takes: SDPA where the class has it, else its own."""
        if self.options.attention != "auto":
            return self.options.attention
        import transformers

        supported = getattr(getattr(transformers, self.class_name, None), "_supports_sdpa", None)
        return "auto" if supported is None else "sdpa" if supported else "eager"

    def conditions(self) -> dict[str, Any]:
        """Return how the model was reached: device, attention in use, batch."""
        used = getattr(self._model.config, "_attn_implementation", None) if self._model is not None else None
        return {
            "device": self.options.device_map or self.options.resolved_device(),
            **({"attention": used} if used else {}),
            **self._batcher.conditions(),
        }

    def close(self) -> None:
        """Free the weights; the next call loads them again."""
        with self._lock:
            self._model = None
            free_memory()

    def render(self, request: Request) -> str:
        """Return the prompt as it goes to the tokenizer, one placeholder an image."""
        return self.encoder.prompter.render(request)

    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        """Return one outcome per request, in order; an image that cannot be read is a Failure of its request alone."""
        outcomes: list[Output | Failure | None] = [None] * len(requests)
        groups: dict[Any, list[int]] = {}
        prepared: dict[int, Prepared] = {}
        for index, request in enumerate(requests):
            try:
                prepared[index] = self.encoder.prepare(request)
            except RejectedError as error:
                outcomes[index] = Failure(error.kind, str(error))
                continue
            # Token limits and seeds are each row's own; what else differs needs another search.
            search = msgspec.structs.replace(request.sampling, max_tokens=None, seed=None)
            groups.setdefault((len(request.images), search), []).append(index)
        with self._lock:
            for indices in groups.values():
                items = [prepared[index] for index in indices]
                results = self._batcher.run(items, self._generate_batch, _too_large)
                for index, outcome in zip(indices, results, strict=True):
                    outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def choose(self, requests: Sequence[Request]) -> list[list[float]]:
        """Return the log-likelihood of each option after the prompt. Raises RejectedError that names the sample."""
        items = []
        for index, request in enumerate(requests):
            prepared = self.encoder.prepare(request)
            items += [(index, msgspec.structs.replace(prepared, option=option)) for option in request.options]
        scores: list[list[float]] = [[] for _ in requests]
        groups: dict[int, list[tuple[int, Prepared]]] = {}
        for index, item in items:
            groups.setdefault(len(item.pictures), []).append((index, item))
        with self._lock:
            for group in groups.values():
                results = self._batcher.run([item for _, item in group], self._score_batch, _never_fits)
                for (index, _), score in zip(group, results, strict=True):
                    scores[index].append(score)
        return scores

    def _generate_batch(self, batch: Sequence[Prepared]) -> list[Output | Failure]:
        results = self.encoder.checked(batch, self._generate_encoded)
        return [
            Failure(result.kind, str(result)) if isinstance(result, RejectedError) else result for result in results
        ]

    def _generate_encoded(self, batch: Sequence[Prepared], encoded: Any) -> list[Output]:
        import torch

        requests = [item.request for item in batch]
        tokenizer = self.encoder.tokenizer
        config = greedy_config(self.model, tokenizer)
        lengths = encoded["attention_mask"].sum(dim=1).tolist()
        limits = [
            self.encoder.token_limit(request.sampling.max_tokens or self.options.max_tokens, length)
            for request, length in zip(requests, lengths, strict=True)
        ]
        config.max_new_tokens = max(limits)
        inputs = encoded.to(self.model.device, self.model.dtype)
        watch = Watch(tokenizer, limits, requests[0].sampling.stop)
        noise = [] if greedy(requests[0].sampling) else [SampleByNoise(requests)]
        began = time.perf_counter()
        with torch.inference_mode():
            self.model.generate(**inputs, generation_config=config, stopping_criteria=[watch], logits_processor=noise)
        seconds = round(time.perf_counter() - began, 6)
        rows, ends = watch.answers(), end_ids(config)
        outputs = []
        for row, request, length, limit, stopped in zip(rows, requests, lengths, limits, watch.stopped, strict=True):
            output = finished(
                tokenizer, row[: stopped or limit], ends, stopped=bool(stopped), stop=request.sampling.stop
            )
            times = {"seconds": seconds, "first_token_seconds": round(watch.first_token_seconds, 6)}
            outputs.append(msgspec.structs.replace(output, prompt_tokens=length, **times))
        return outputs

    def _score_batch(self, batch: Sequence[Prepared]) -> list[float]:
        scores = []
        for result in self.encoder.checked(batch, self._score_encoded):
            if isinstance(result, RejectedError):
                raise result
            scores.append(result)
        return scores

    def _score_encoded(self, batch: Sequence[Prepared], encoded: Any) -> list[float]:
        tokenizer = self.encoder.tokenizer
        model_type = self.checkpoint.config.model_type
        inputs = encoded.to(self.model.device, self.model.dtype)
        if self.encoder.encoder_decoder:
            tails = [tail(tokenizer, "", item.option) for item in batch]
            begin = [greedy_config(self.model, tokenizer).decoder_start_token_id]
            # BART's texts begin with <s> after the start token; T5's do not.
            if tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]:
                begin.append(tokenizer.bos_token_id)
            return encoder_decoder_scores(self.model, inputs, tails, begin)
        # PaliGemma's processor ends a prompt with a line feed that the rendered text does not show.
        ending = "\n" if model_type == "paligemma" else ""
        tails = [tail(tokenizer, item.prompt + ending, item.option) for item in batch]
        return decoder_scores(self.model, inputs, tails, model_type)


def _too_large(item: Prepared, reason: str) -> Failure:
    return Failure(
        "crash",
        f"sample {item.request.sample_id}: out of memory even alone (max_pixels or quantize may help): {reason}",
    )


def _never_fits(item: Prepared, reason: str) -> float:
    raise RejectedError(f"sample {item.request.sample_id}: out of memory even alone: {reason}")


def open_transformers(target: str, options: Mapping[str, Scalar]) -> TransformersModel:
    """Return the model `hf:TARGET`: an id on the hub or a folder. Raises ConfigError for what cannot be used."""
    require_transformers()
    settings = {key.removeprefix(PREFIX): value for key, value in options.items() if key.startswith(PREFIX)}
    named = {key: value for key, value in options.items() if not key.startswith(PREFIX)}
    parsed = read_options(named, TransformersOptions, where=f"model hf:{target}")
    if parsed.quantize != "none":
        require_quantization()
    for key in ("min_pixels", "max_pixels", "longest_edge"):
        value = getattr(parsed, key)
        if value is not None:
            settings[key] = value
    checkpoint = Checkpoint(target, revision=parsed.revision, trust_remote_code=parsed.trust_remote_code)
    return TransformersModel(checkpoint, parsed, settings)
