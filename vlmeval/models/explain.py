"""What of an image a model's reply rests on: attention over the image's tokens, back on the grid of its patches.

Three ways, all over the language model, whose tokens are the words of the prompt and the patches of the image:

- gradient: attention weighed by the gradient of the reply's log-likelihood, passed on from layer to layer (Chefer, Gur
  & Wolf 2021, "Generic Attention-model Explainability", arXiv:2103.15679, equations 5 and 6);
- rollout: attention passed on from layer to layer, residual connections counted as attention to oneself (Abnar &
  Zuidema 2020, "Quantifying Attention Flow in Transformers", arXiv:2005.00928, section 3);
- attention: the mean over layers and heads of the attention from where the reply is written; needs the least memory.

A patch's token is taken for the patch it stands for, though a vision encoder has mixed its surroundings into it. A map
shows on what the reply rests inside the model; it does not show that the reply is right, nor why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from vlmeval.errors import ConfigError, ModelError, RejectedError
from vlmeval.models.batches import is_out_of_memory
from vlmeval.models.grids import Grid, grids_of
from vlmeval.models.transformers import TransformersModel
from vlmeval.types import Model, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Method = Literal["gradient", "rollout", "attention"]
REPLY_TOKENS = 32
"""How many of the reply's first tokens are explained together."""


@dataclass(frozen=True, slots=True)
class ImageMap:
    """The map over one image: `weights` (rows, columns) are >= 0 and sum to 1 over the part `region` of the image.

    `region` is (left, top, right, bottom) in pixels of the original: what the model saw of it. `share` (0..1) is how
    much went to this image of all that went to the tokens of the prompt.
    """

    weights: NDArray[np.float32]
    region: tuple[float, float, float, float]
    share: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The maps of one request, an image each in reading order; `words` are those of the reply that they explain."""

    method: Method
    maps: tuple[ImageMap, ...]
    words: str


def explain(model: Model, request: Request, reply: str, *, method: Method = "gradient") -> Explanation:
    """Return on what of its images `reply` to `request` rests.

    Raises ConfigError for a model whose attention cannot be had or laid on a grid, RejectedError for a prompt that
    cannot be asked, ModelError where memory does not suffice or nothing in the image supports the reply.
    """
    speaker = speaker_of(model)
    if not request.images:
        raise RejectedError(f"sample {request.sample_id}: its prompt shows no image: there is nothing to lay a map on")
    prepared = speaker.encoder.prepare(request)
    try:
        inputs = speaker.encoder.encode([prepared])
    except ValueError as error:
        raise RejectedError(f"sample {request.sample_id}: the processor refuses it: {error}") from error
    grids = grids_of(speaker.checkpoint.config, speaker.encoder, inputs, request.images)
    words = reply_ids(speaker, reply)
    try:
        relevance = relevances(speaker.model, inputs, words, method)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(
            f"sample {request.sample_id}: no memory for the attention of {inputs['input_ids'].shape[1]} tokens; "
            "method attention needs the least, and smaller images (max_pixels) help"
        ) from error
    maps = tuple(map_of(relevance, grid, request, method) for grid in grids)
    return Explanation(method, maps, speaker.encoder.tokenizer.decode(words))


def speaker_of(model: Model) -> TransformersModel:
    """Return the model of transformers behind a name. Raises ConfigError for a model that is not here."""
    speaker = getattr(model, "speaker", model)
    if not isinstance(speaker, TransformersModel):
        raise ConfigError(
            f"{model.name}: its attention cannot be seen; a heat map needs a model that runs here: hf:ORG/NAME or demo"
        )
    if speaker.encoder.encoder_decoder:
        raise ConfigError(f"{model.name}: an encoder-decoder has no row of tokens in which image and reply meet")
    return speaker


def reply_ids(speaker: TransformersModel, reply: str) -> list[int]:
    """Return the first tokens of a reply. Raises RejectedError for an empty one."""
    ids: list[int] = speaker.encoder.tokenizer(reply, add_special_tokens=False)["input_ids"][:REPLY_TOKENS]
    if not ids:
        raise RejectedError("an empty reply rests on nothing: choose a sample that was answered")
    return ids


def map_of(relevance: NDArray[np.float32], grid: Grid, request: Request, method: Method) -> ImageMap:
    """Return the map of one image from the relevance (n,) of each token of the prompt."""
    import numpy as np

    values = relevance[grid.start : grid.start + grid.rows * grid.columns].astype(np.float64)
    total, whole = float(values.sum()), float(relevance.sum())
    if not np.isfinite(whole) or total <= 0:
        raise ModelError(
            f"sample {request.sample_id}: method {method} finds nothing in the image that supports the reply; "
            "--method attention always has a map"
        )
    weights = (values / total).reshape(grid.rows, grid.columns).astype(np.float32)
    return ImageMap(weights, grid.region, total / whole)


def relevances(model: Any, inputs: Any, words: Sequence[int], method: Method) -> NDArray[np.float32]:
    """Return how much each of the n tokens of the prompt counts for the reply, shape (n,), >= 0."""
    import torch

    length = inputs["input_ids"].shape[1]
    inputs = extended(inputs, words).to(model.device, model.dtype)
    rows = slice(length - 1, length - 1 + len(words))
    with eager(model), torch.set_grad_enabled(method == "gradient"):
        with attention_of(model, keep=method != "attention") as seen:
            if method == "attention":
                seen.rows = rows
            output = model(**inputs, use_cache=False)
        if not seen.weights:
            raise ConfigError(f"{type(model).__name__} does not give its attention away")
        if method == "attention":
            found = torch.stack(seen.weights).mean(0)[:, :length].mean(0)
        else:
            target = None
            if method == "gradient":
                chosen = output.logits[0, rows].float().log_softmax(-1)
                target = chosen.gather(1, inputs["input_ids"][0, length:, None]).sum()
            found = passed_on(seen.weights, target)[rows, :length].mean(0)
    values: NDArray[np.float32] = found.detach().float().cpu().numpy()
    return values


def extended(inputs: Any, words: Sequence[int]) -> Any:
    """Return the tensors of a prompt with the reply after it: every row of one number a token becomes longer."""
    import torch

    shape = inputs["input_ids"].shape
    for name, tensor in list(inputs.items()):
        if isinstance(tensor, torch.Tensor) and tensor.shape == shape:
            new = words if name == "input_ids" else [int(name == "attention_mask")] * len(words)
            inputs[name] = torch.cat([tensor, torch.tensor([new], dtype=tensor.dtype)], dim=1)
    return inputs


def passed_on(weights: Sequence[Any], target: Any) -> Any:
    """Return the relevance (n, n) of each token (column) for each (row), through all layers.

    `weights` are the attentions (1, heads, n, n) of the layers. With `target` they are weighed by its gradient, and
    what a token is for itself from the start is left out; without, they are rolled out.
    """
    import torch

    count = weights[0].shape[-1]
    start = torch.eye(count, device=weights[0].device)
    relevance = start
    gradients = torch.autograd.grad(target, list(weights)) if target is not None else [None] * len(weights)
    for layer, gradient in zip(weights, gradients, strict=True):
        if gradient is None:
            mixed = 0.5 * layer[0].detach().float().mean(0) + 0.5 * start
            relevance = (mixed / mixed.sum(-1, keepdim=True)) @ relevance
        else:
            relevance = relevance + (gradient * layer)[0].detach().float().clamp(min=0).mean(0) @ relevance
    return relevance if target is None else relevance - start


@dataclass(slots=True)
class Seen:
    """The attentions of the layers: (1, heads, n, n), or with `rows` the mean over heads of those rows, (rows, n)."""

    weights: list[Any]
    rows: slice | None = None


@contextmanager
def attention_of(model: Any, *, keep: bool) -> Iterator[Seen]:
    """Collect the attention of the language model's layers; with `keep` the tensors of the graph themselves."""
    seen = Seen([])

    def note(module: Any, arguments: Any, output: Any) -> None:
        weights = output[1] if isinstance(output, tuple) and len(output) > 1 else None
        if weights is not None:
            seen.weights.append(weights if keep else weights[0, :, seen.rows].detach().float().mean(0))

    hooks = [
        module.register_forward_hook(note)
        for name, module in language_model(model).named_modules()
        if name.endswith("self_attn")
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def language_model(model: Any) -> Any:
    """Return the part of a model that writes. Raises ConfigError where it is not to be found."""
    inner = getattr(model, "model", model)
    found = getattr(inner, "language_model", None)
    if found is None:
        raise ConfigError(f"{type(model).__name__}: no language model is to be found in it")
    return found


@contextmanager
def eager(model: Any) -> Iterator[None]:
    """Have the model compute its attention in the way that leaves the weights to be seen, and as before afterwards."""
    before = getattr(model.config, "_attn_implementation", "sdpa")
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)
