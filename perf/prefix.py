"""What sharing the image and the common text between prompts saves, in CPU seconds of one thread.

    python perf/prefix.py [llava] [qwen2-vl] [llava-next]

Prints `what | ours | other | ratio | bar`. "other" is the same wrapper asked with share_prefix=false: all prompts in
one batch. Weights are random, shapes are real: 576 image tokens (LLaVA-1.5), positions in three dimensions (Qwen2-VL),
2,340 image tokens (LLaVA-NeXT). Texts and tokens of both ways must be the same, log-likelihoods within 1e-3.

The limit of the saving is N (V + 2W(P + S)) / (V + 2W(P + NS)): N prompts of P common and S own tokens, V operations
of the vision tower, W weights of the decoder. A second line compares the saving with it. Exit status 1 where a bar is
missed.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
import transformers as hf

from perf import checkpoints
from perf.lines import Line, Skipped, status
from tests.models.parts import Checkpoint, picture
from tests.models.tiny import write
from vlmeval.models.options import Scalar
from vlmeval.models.prefix import shared_length
from vlmeval.models.transformers import TransformersModel, open_transformers
from vlmeval.types import Image, Output, Request, Sampling

ANIMALS = ("ox", "elk", "ant", "bee")
QUESTIONS = (
    "What runs?",
    "Which one is red?",
    "Who sits?",
    "How many are there?",
    "Is it day?",
    "What is on the left?",
)
LETTERS = ("A", "B", "C", "D")
SHARE_OF_LIMIT = 0.85


@dataclass(frozen=True)
class Subject:
    """A model, a picture that takes the wanted number of tokens, and the bars: circular, six questions, generation."""

    make: Callable[[], Checkpoint]
    image: Image
    circular: float
    six: float
    generation: float | None


SUBJECTS = {
    "llava": Subject(checkpoints.llava, picture(336, 336, 1), 3.0, 3.7, 2.7),
    "qwen2-vl": Subject(checkpoints.qwen2_vl, picture(672, 672, 1), 3.0, 3.7, 2.7),
    "llava-next": Subject(checkpoints.llava_next, picture(672, 504, 1), 3.3, 4.5, None),
}


def rotations(image: Image, tokens: int) -> list[Request]:
    """Return one question with its four options in four orders."""
    found = []
    for turn in range(4):
        order = ANIMALS[turn:] + ANIMALS[:turn]
        listed = "".join(f"{letter}.{option}\n" for letter, option in zip(LETTERS, order, strict=True))
        parts = (image, f"Which animal is in the picture?\n{listed}")
        found.append(request(f"rot{turn}", parts, tokens))
    return found


def questions(image: Image, tokens: int) -> list[Request]:
    """Return six questions about one picture."""
    return [request(str(number), (image, text), tokens) for number, text in enumerate(QUESTIONS)]


def request(name: str, parts: tuple[Any, ...], tokens: int) -> Request:
    """Return a greedy request with four letters to choose from."""
    sampling = Sampling(temperature=0.0, max_tokens=tokens)
    return Request(name, "rot0", parts, sampling=sampling, options=LETTERS).keyed()


def limit(model: TransformersModel, asked: list[Request]) -> float:
    """Return the largest saving that operations allow."""
    encoded = [model.encoder.encode([model.encoder.prepare(item)]) for item in asked]
    ids = [tuple(row["input_ids"][0].tolist()) for row in encoded]
    common = min(shared_length(ids), min(map(len, ids)) - 1)
    inner = model.model.model
    tower = inner.vision_tower if hasattr(inner, "vision_tower") else inner.visual
    pixels = encoded[0]["pixel_values"]
    # Patches: of every tile, or rows of the flattened grid.
    patches = pixels.shape[0] if pixels.ndim == 2 else pixels.numel() // (3 * 14 * 14)
    vision = 2 * weights(tower) * patches
    decoder = weights(inner.language_model) - inner.language_model.embed_tokens.weight.numel()
    plain = sum(vision + 2 * decoder * len(row) for row in ids)
    shared = vision + 2 * decoder * (common + sum(len(row) - common for row in ids))
    return float(plain / shared)


def weights(module: Any) -> int:
    """Return the number of weights of a module."""
    return sum(weight.numel() for weight in module.parameters())


def taken(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of `work` and its CPU seconds."""
    gc.collect()
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def texts(outcomes: list[Any]) -> list[str]:
    """Return the texts of answers; anything else is an error."""
    assert all(isinstance(outcome, Output) for outcome in outcomes), outcomes
    return [outcome.text for outcome in outcomes]


def compared(name: str, subject: Subject, folder: Path) -> Iterator[Line]:
    """Yield the lines of one model."""
    write(subject.make(), folder, spread=None)
    options: dict[str, Scalar] = {"dtype": "float32", "device": "cpu", "batch": 8}
    shared = open_transformers(str(folder), options)
    plain = open_transformers(str(folder), {**options, "share_prefix": False})
    plain._model = shared.model  # one copy of the weights
    millions = weights(shared.model) / 1e6
    shared.choose(rotations(subject.image, 1))  # compares both ways, once; and warms what both will use
    cases = [("circular x4, letters", rotations, subject.circular), ("six questions, letters", questions, subject.six)]
    for what, make, bar in cases:
        asked = make(subject.image, 1)
        shared.sharing.forget()
        ours, cost = taken(partial(shared.choose, asked))
        theirs, other = taken(partial(plain.choose, asked))
        difference = (torch.tensor(ours) - torch.tensor(theirs)).abs().max().item()
        assert difference < 1e-3, f"log-likelihoods differ by {difference}"
        best = limit(plain, asked)
        label = f"{name} {millions:.0f}M, {what}"
        yield Line(label, cost, other, least=bar)
        yield Line(f"{label}: saving against the limit", other / cost, best, least=SHARE_OF_LIMIT, unit="x", more=True)
    if subject.generation is not None:
        asked = rotations(subject.image, 10)
        shared.sharing.forget()
        ours, cost = taken(partial(shared.generate, asked))
        theirs, other = taken(partial(plain.generate, asked))
        assert texts(ours) == texts(theirs), (texts(ours), texts(theirs))
        yield Line(f"{name} {millions:.0f}M, circular x4, 10 tokens", cost, other, least=subject.generation)
    assert shared.sharing.active, shared.sharing.state


def lines(names: list[str]) -> Iterator[Line | Skipped]:
    """Yield the lines of all models asked for."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            yield from compared(name, SUBJECTS[name], Path(folder))
    if not torch.cuda.is_available():
        yield Skipped("LLaVA-NeXT and Qwen2-VL of 1 to 7 billion weights in bfloat16", "no GPU here")


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", choices=[*SUBJECTS, []])
    torch.set_num_threads(1)
    hf.utils.logging.set_verbosity_error()  # the tokenizer's length is not the model's
    hf.utils.logging.disable_progress_bar()
    return status(lines(parser.parse_args().models or list(SUBJECTS)))


if __name__ == "__main__":
    sys.exit(main())
