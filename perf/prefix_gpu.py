"""What prefix sharing saves on a GPU: LLaVA-NeXT and Qwen2-VL of 1 to 7 billion random weights, in bfloat16.

    python perf/prefix_gpu.py [llava-next-1b] [qwen2-vl-1b] [llava-next-7b] [qwen2-vl-7b]

Prints `what | ours | other | ratio | bar` in milliseconds a question: four rotations and six questions about one image,
with shared prefixes and plainly, then the saving against what the operations allow. Weights are made on the device and
touch no disk. bfloat16 rounds differently in every shape of batch, so no answers are compared here; `perf/prefix.py`
does that in float32. Without a GPU every line is skipped, and says so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
import transformers as hf

from perf import checkpoints
from perf.lines import Line, Skipped, status
from perf.prefix import limit, questions, rotations, weights
from tests.models.parts import Checkpoint, picture
from tests.models.tiny import lay_out
from vlmeval.models.transformers import TransformersModel, open_transformers
from vlmeval.types import Image, Request

CALLS = 5


@dataclass(frozen=True)
class Subject:
    """A model and a picture that takes the wanted number of tokens."""

    make: Callable[[], Checkpoint]
    image: Image


WIDE = picture(672, 504, 1)
SUBJECTS = {
    "llava-next-1b": Subject(partial(checkpoints.llava_next, 2048, 24, vision=(1024, 24)), WIDE),
    "qwen2-vl-1b": Subject(partial(checkpoints.qwen2_vl, 2048, 24, vision=(1280, 32)), picture(1344, 1344, 1)),
    "llava-next-7b": Subject(partial(checkpoints.llava_next, 4096, 32, vision=(1024, 24)), WIDE),
    "qwen2-vl-7b": Subject(partial(checkpoints.qwen2_vl, 4096, 32, vision=(1280, 32)), picture(1344, 1344, 1)),
}


def opened(
    checkpoint: Checkpoint, folder: Path, device: str, dtype: str
) -> tuple[TransformersModel, TransformersModel]:
    """Return the wrapper with and without sharing over one copy of random weights, made on the device."""
    model_class = getattr(hf, checkpoint.model)
    checkpoint.config.architectures = [checkpoint.model]
    checkpoint.config.save_pretrained(folder)
    lay_out(checkpoint, folder)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            model = model_class(checkpoint.config).eval()
    finally:
        torch.set_default_dtype(before)
    shared, plain = (
        open_transformers(str(folder), {"device": device, "dtype": dtype, "batch": 8, "share_prefix": wanted})
        for wanted in (True, False)
    )
    shared._model = plain._model = model
    return shared, plain


def milliseconds(work: Callable[[], Any], asked: list[Request], before: Callable[[], None]) -> float:
    """Return the median milliseconds a question of `CALLS` calls, after one that does not count."""
    taken = []
    for _ in range(CALLS + 1):
        before()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return 1000 * median(taken[1:]) / len(asked)


def compared(name: str, subject: Subject, device: str, dtype: str) -> Iterator[Line]:
    """Yield the lines of one model."""
    with tempfile.TemporaryDirectory() as folder:
        shared, plain = opened(subject.make(), Path(folder), device, dtype)
        billions = weights(shared.model) / 1e9
        for what, make in (("circular x4", rotations), ("six questions", questions)):
            asked = make(subject.image, 1)
            best = limit(plain, asked)
            for verb, tokens in (("letters", 1), ("10 tokens", 10)):
                asked = make(subject.image, tokens)
                calls = [partial(one.choose if tokens == 1 else one.generate, asked) for one in (shared, plain)]
                ours = milliseconds(calls[0], asked, shared.sharing.forget)
                other = milliseconds(calls[1], asked, plain.sharing.forget)
                label = f"{name} {billions:.2g}B {dtype}, {what}, {verb}"
                yield Line(f"{label}: ms a question", ours, other, unit="ms")
                if tokens == 1:
                    yield Line(f"{label}: saving against the FLOP limit", other / ours, best, unit="x", more=True)
        assert shared.sharing.active, shared.sharing.state


def lines(names: list[str]) -> Iterator[Line | Skipped]:
    """Yield the lines of all models asked for."""
    for name in names:
        if torch.cuda.is_available():
            yield from compared(name, SUBJECTS[name], "cuda:0", "bfloat16")
            torch.cuda.empty_cache()
        else:
            yield Skipped(f"{name} in bfloat16", "no GPU here")


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", choices=[*SUBJECTS, []])
    hf.utils.logging.set_verbosity_error()
    if torch.cuda.is_available():
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, transformers {hf.__version__}")
    return status(lines(parser.parse_args().models or list(SUBJECTS)))


if __name__ == "__main__":
    sys.exit(main())
