"""Latency and throughput of a model by batch size and image size, on pictures and questions made for it.

Pictures are random squares from a seed, so that neither an encoder nor a cache of features finds one twice; a question
is new in every call. Each cell is measured after one call that does not count (kernels are chosen, memory is taken).
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from vlmeval.run.meter import Meter
from vlmeval.types import Failure, Image, Outcome, Output, Request, Sampling

Call = Callable[[Sequence[Request]], Sequence[Outcome]]
QUESTION = "Describe the picture in one sentence. Number {number}."
SQUARES = 16


@dataclass(frozen=True)
class Cell:
    """One batch size at one image size (pixels a side, 0 without an image). Times are medians over the calls.

    `seconds` is the time of a call, `first_token_seconds` to the first token of a batch. `error` is why there is none.
    """

    batch: int
    side: int
    calls: int = 0
    seconds: float | None = None
    first_token_seconds: float | None = None
    samples_per_second: float | None = None
    output_tokens_per_second: float | None = None
    prompt_tokens: float | None = None
    host_peak_bytes: int | None = None
    device_peak_bytes: int | None = None
    joules_per_sample: float | None = None
    error: str = ""


def measure(
    call: Call,
    batches: Sequence[int],
    sides: Sequence[int],
    *,
    resize: Callable[[int], None] = lambda batch: None,
    tokens: int = 32,
    calls: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Cell]:
    """Yield a cell for each pair, small ones first; `resize` tells the model the batch size before it is asked."""
    for side in sorted(sides):
        for batch in sorted(batches):
            resize(batch)
            yield _cell(call, batch, side, tokens=tokens, calls=calls, clock=clock)


def _cell(call: Call, batch: int, side: int, *, tokens: int, calls: int, clock: Callable[[], float]) -> Cell:
    asked = call(questions(batch, side, tokens, turn=0))
    failed = next((outcome for outcome in asked if isinstance(outcome, Failure)), None)
    if failed is not None:
        return Cell(batch, side, error=f"{failed.kind}: {failed.message}")
    meter = Meter()
    seconds: list[float] = []
    outputs: list[Output] = []
    for turn in range(1, calls + 1):
        requests = questions(batch, side, tokens, turn=turn)
        began = clock()
        found = call(requests)
        seconds.append(clock() - began)
        outputs += (outcome for outcome in found if isinstance(outcome, Output))
    meters = meter.read()
    whole = sum(seconds)
    first = [output.first_token_seconds for output in outputs if output.first_token_seconds is not None]
    written = sum(output.output_tokens or 0 for output in outputs)
    prompts = [output.prompt_tokens for output in outputs if output.prompt_tokens is not None]
    return Cell(
        batch,
        side,
        calls=calls,
        seconds=median(seconds),
        first_token_seconds=median(first) if first else None,
        samples_per_second=len(outputs) / whole if whole > 0 else None,
        output_tokens_per_second=written / whole if written and whole > 0 else None,
        prompt_tokens=median(prompts) if prompts else None,
        host_peak_bytes=meters.host_peak_bytes,
        device_peak_bytes=meters.device_peak_bytes,
        joules_per_sample=None if meters.joules is None else meters.joules / max(1, len(outputs)),
    )


def questions(count: int, side: int, tokens: int, *, turn: int) -> list[Request]:
    """Return `count` requests, each about a picture of its own with `side` pixels a side (none where that is 0)."""
    found = []
    for number in range(count):
        text = QUESTION.format(number=turn * count + number)
        parts = (text,) if side == 0 else (random_picture(side, seed=(turn * count + number)), text)
        found.append(Request(f"bench{number}", str(turn), parts, Sampling(temperature=0.0, max_tokens=tokens)).keyed())
    return found


def random_picture(side: int, *, seed: int) -> Image:
    """Return a square picture of 16 x 16 random colours, as PNG."""
    from PIL import Image as PIL_Image

    colours = np.random.default_rng([side, seed]).integers(0, 256, (SQUARES, SQUARES, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PIL_Image.fromarray(colours).resize((side, side), PIL_Image.Resampling.NEAREST).save(buffer, "PNG")
    data = buffer.getvalue()
    return Image(hashlib.sha256(data).hexdigest(), side, side, "png").with_reader(lambda: data)
