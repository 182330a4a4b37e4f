"""Any image-text model of transformers: its processor, its chat template, batches, greedy or sampled.

What defines the answers is in `recipe()`, told from configuration and processor alone; weights are loaded on first use.
A batch holds prompts with equally many images, because processors nest images in as many ways as there are models.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from vlmeval.errors import ConfigError, RejectedError
from vlmeval.models.batches import Size, batcher, free_memory
from vlmeval.models.beams import Search, beam_outputs
from vlmeval.models.captioner import PrefixPrompter, unpadded_length
from vlmeval.models.checkpoint import Checkpoint, answering_class, own_quantization
from vlmeval.models.decoding import SAMPLING_KEYS, SampleByNoise, Watch, end_ids, finished, greedy, greedy_config
from vlmeval.models.encoding import Encoder, Prepared
from vlmeval.models.features import FeatureCache
from vlmeval.models.options import Scalar, read_options
from vlmeval.models.packages import require_quantization, require_transformers, version
from vlmeval.models.prefix import joined
from vlmeval.models.processors import image_settings, load_processor, processor_settings
from vlmeval.models.prompts import Prompter
from vlmeval.models.sharing import PrefixSharing
from vlmeval.models.transformers_options import TransformersOptions
from vlmeval.models.weighing import Weigher
from vlmeval.types import Failure, Output, Request

PREFIX = "processor_"


class TransformersModel:
    """Generator and Chooser over one checkpoint; one call at a time."""

    concurrency = 1

    def __init__(self, checkpoint: Checkpoint, options: TransformersOptions, settings: Mapping[str, Scalar]) -> None:
        where = f"model hf:{checkpoint.source}"
        if (options.batch != "auto" and options.batch < 1) or options.max_tokens < 1:
            raise ConfigError(f"{where}: batch and max_tokens must be at least 1")
        self.name = checkpoint.name
        self.checkpoint = checkpoint
        self.options = options
        self.search = Search(**{name: getattr(options, name) for name in Search.__struct_fields__}).checked(where)
        self.auto, self.class_name = answering_class(checkpoint)
        device = options.resolved_device()
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
        if options.caption_prefix is not None:
            prompter = PrefixPrompter(processor, config.model_type, options.caption_prefix, name=checkpoint.source)
        sizes = image_settings(processor.image_processor, settings, where=where)
        self.encoder = Encoder(processor, config, sizes, prompter)
        wanted = options.share_prefix and options.num_beams == 1
        self.sharing = PrefixSharing(self.encoder, wanted=wanted)
        self.features = FeatureCache(self.encoder, wanted=wanted)
        self._weigher = Weigher(self.encoder, self.sharing, self.features)
        self._batcher = batcher(options.batch, device)
        self._model: Any = None
        self._loading_seconds = 0.0
        self._lock = threading.Lock()

    @property
    def batch(self) -> int:
        """How many requests go through the model at once; less than asked for after memory ran out."""
        return self._batcher.size

    @property
    def model(self) -> Any:
        """The model, its weights loaded on first use."""
        if self._model is None:
            began = time.perf_counter()
            self._model = self.checkpoint.load(self.auto, self.options)
            self._loading_seconds += time.perf_counter() - began
        return self._model

    def resize(self, batch: Size) -> None:
        """Take `batch` prompts at once, or as many as memory allows."""
        self._batcher = batcher(batch, self.options.resolved_device())

    def expect(self, requests: Sequence[Request]) -> None:
        """Have the images of requests that come soon decoded meanwhile."""
        for request in requests:
            self.encoder.pictures.expect(request.images)

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
            **({"quantized": quantized} if (quantized := own_quantization(config)) else {}),
            "processor": {
                "class": type(self.encoder.processor).__name__,
                "images": processor_settings(self.encoder.processor.image_processor),
                "overridden": dict(self.encoder.settings),
            },
            **self.encoder.prompter.recipe(),
            "generation": self._generation_recipe(),
            **({"search": search} if (search := self.search.recipe()) else {}),
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
            "prefix_sharing": self.sharing.state,
            "vision_features_kept": self.features.state,
            **({"loading_seconds": round(self._loading_seconds, 3)} if self._loading_seconds else {}),
        }

    def close(self) -> None:
        """Free the weights; the next call loads them again."""
        with self._lock:
            self._model = None
            self.sharing.forget()
            self.features.forget()
            self.encoder.pictures.close()
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
            if (refusal := self.search.refusal(request)) is not None:
                outcomes[index] = refusal
                continue
            try:
                prepared[index] = self.encoder.prepare(request)
            except RejectedError as error:
                outcomes[index] = Failure(error.kind, str(error))
                continue
            groups.setdefault(self._group(prepared[index]), []).append(index)
        with self._lock:
            for indices in groups.values():
                items = [prepared[index] for index in indices]
                results = self._batcher.run(items, self._generate_batch, _too_large, self._cost)
                for index, outcome in zip(indices, results, strict=True):
                    outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _group(self, item: Prepared) -> Any:
        """Return what the members of a batch have in common.

        Token limits and seeds are each row's own, the limit of a beam search is one for all; what else differs needs
        another search.
        """
        sampling = msgspec.structs.replace(item.request.sampling, seed=None)
        if self.search.num_beams == 1:
            sampling = msgspec.structs.replace(sampling, max_tokens=None)
        return len(item.pictures), self._unpadded_length(item), sampling

    def _cost(self, item: Prepared) -> int:
        """Return about how many tokens a prompt and its answer have."""
        return self.encoder.cost(item) + (item.request.sampling.max_tokens or self.options.max_tokens)

    def _unpadded_length(self, item: Prepared) -> int:
        return unpadded_length(self.encoder.tokenizer, item.prompt, self.checkpoint.config.model_type)

    def choose(self, requests: Sequence[Request]) -> list[list[float]]:
        """Return the log-likelihood of each option after the prompt. Raises RejectedError that names the sample."""
        scores: list[list[float]] = [[math.nan] * len(request.options) for request in requests]
        groups: dict[Any, list[tuple[int, list[int], Prepared]]] = {}
        for index, request in enumerate(requests):
            prepared = self.encoder.prepare(request)
            for stem, places in self._weigher.stems(prepared).items():
                group = groups.setdefault((len(prepared.pictures), self._unpadded_length(prepared)), [])
                group.append((index, places, msgspec.structs.replace(prepared, stem=stem)))
        with self._lock:
            for group in groups.values():
                items = [item for _, _, item in group]
                work = partial(self._weigher.scores, self.model)
                results = self._batcher.run(items, work, _never_fits, self.encoder.cost)
                for (index, places, _), found in zip(group, results, strict=True):
                    for place, score in zip(places, found, strict=True):
                        scores[index][place] = score
        return scores

    def option_tokens(self, requests: Sequence[Request]) -> list[list[int]]:
        """Return over how many tokens the log-likelihood of each option is summed, per request."""
        return [self._weigher.tokens(self.encoder.prepare(request)) for request in requests]

    def _generate_batch(self, batch: Sequence[Prepared]) -> list[Output | Failure]:
        began = time.perf_counter()
        ahead = max(item.request.sampling.max_tokens or self.options.max_tokens for item in batch)
        shared, alone = self.sharing.split(self.model, batch, ahead=ahead)
        outcomes: dict[int, Output | Failure] = {}
        for group in shared:
            inputs = joined(self.model, group.rows, self.encoder.tokenizer.pad_token_id, whole=True)
            items = [batch[place] for place in group.places]
            outcomes |= zip(group.places, self._generate_inputs(items, inputs, began), strict=True)
        if alone:
            results = self.encoder.checked([batch[place] for place in alone], self._generate_encoded)
            for place, result in zip(alone, results, strict=True):
                outcomes[place] = Failure(result.kind, str(result)) if isinstance(result, RejectedError) else result
        return [outcomes[place] for place in range(len(batch))]

    def _generate_encoded(self, batch: Sequence[Prepared], encoded: Any) -> list[Output]:
        began = time.perf_counter()
        inputs = encoded.to(self.model.device, self.model.dtype)
        return self._generate_inputs(batch, self.features.used(self.model, batch, inputs), began)

    def _generate_inputs(self, batch: Sequence[Prepared], inputs: Mapping[str, Any], began: float) -> list[Output]:
        import torch

        requests = [item.request for item in batch]
        tokenizer = self.encoder.tokenizer
        config = greedy_config(self.model, tokenizer)
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        limits = [
            self.encoder.token_limit(self.search.limit(request.sampling.max_tokens or self.options.max_tokens), length)
            for request, length in zip(requests, lengths, strict=True)
        ]
        config.max_new_tokens = max(limits)
        self.search.apply(config)
        if self.search.num_beams > 1:
            return beam_outputs(self.model, tokenizer, requests, inputs, config, limits)
        watch = Watch(tokenizer, limits, requests[0].sampling.stop, began=began)
        noise = [] if greedy(requests[0].sampling) else [SampleByNoise(requests)]
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


def _too_large(item: Prepared, reason: str) -> Failure:
    return Failure(
        "crash",
        f"sample {item.request.sample_id}: out of memory even alone (max_pixels or quantize may help): {reason}",
    )


def _never_fits(item: Prepared, reason: str) -> list[float]:
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
