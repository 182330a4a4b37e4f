"""What ranking costs, in CPU seconds of this process.

    python perf/retrieval.py [--full]

Prints `what | ours | other | ratio | bar`. Ranked are unit vectors of made-up images with five captions each, in both
directions from one pass: ranks, ties and average precision of every query. "other" is measured in the same run: the
bare matrix product (numpy, the same BLAS threads), and the method of LAION-AI/CLIP_benchmark
(metrics/zeroshot_retrieval.py) written out here with torch after its description; of its batches one in 20 is run,
unless `--full`.
`--full` adds 31,783 x 158,915 and the memory it takes above the embeddings. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, Skipped, seconds, status
from vlmeval.score.ranks import CANDIDATES, QUERIES, Ranks, Side, Vectors, count_tiles
from vlmeval.score.tiles import NumpyMultiplier

DIMENSION = 512
CAPTIONS = 5
BATCH = 64
SHARE = 20
NOISE = 4.0
"""A caption's vector is its image's plus noise of this length: recall@1 near that of today's encoders on COCO."""

Floats = NDArray[np.float32]


def embeddings(images: int) -> tuple[Floats, Floats]:
    """Return unit vectors of images, (n, d), and of their captions, (5 n, d)."""
    generator = np.random.default_rng(0)
    left = unit(generator.standard_normal((images, DIMENSION), dtype=np.float32))
    right = np.empty((images * CAPTIONS, DIMENSION), dtype=np.float32)
    step = 4096
    for start in range(0, images, step):
        own = np.repeat(left[start : start + step], CAPTIONS, axis=0)
        noise = generator.standard_normal(own.shape, dtype=np.float32) * np.float32(NOISE / DIMENSION**0.5)
        right[start * CAPTIONS : start * CAPTIONS + len(own)] = unit(own + noise)
    return left, right


def unit(rows: Floats) -> Floats:
    """Return the rows at length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def product(images: Floats, texts: Floats) -> None:
    """Compute all scores, tile by tile, and keep none."""
    for row in range(0, len(images), QUERIES):
        for column in range(0, len(texts), CANDIDATES):
            images[row : row + QUERIES] @ texts[column : column + CANDIDATES].T


def ours(images: Floats, texts: Floats) -> tuple[Ranks, Ranks]:
    """Return the ranks of both directions."""
    left, right = Vectors(images, range(len(images))), Vectors(texts, range(len(texts)))
    texts_of = list(np.arange(len(texts)).reshape(-1, CAPTIONS))
    images_of = list((np.arange(len(texts)) // CAPTIONS).reshape(-1, 1))
    sides = (
        Side(left, right, texts_of, axis=0, order=np.arange(len(texts))),
        Side(right, left, images_of, axis=1, order=np.arange(len(images))),
    )
    count_tiles(left, right, sides, NumpyMultiplier())
    return sides[0].ranks(), sides[1].ranks()


def whole(images: Floats, texts: Floats) -> tuple[Any, Any]:
    """Return the whole matrix of scores and the mask of the right pairs, (texts, images)."""
    import torch

    scores = torch.from_numpy(texts) @ torch.from_numpy(images).T
    mask = torch.zeros(scores.shape, dtype=torch.bool)
    mask[torch.arange(len(texts)), torch.arange(len(texts)) // CAPTIONS] = True
    return scores, mask


def by_top_k(scores: Any, mask: Any, *, share: int = 1) -> list[float]:
    """Return recall at 1, 5, 10 of both directions as CLIP_benchmark goes about it, from every `share`-th batch.

    In batches of 64 rows the first K of each row, as one-hot rows of all candidates, times the mask, summed.
    """
    import torch

    found = []
    for first in (1, 5, 10):
        # It goes over the texts of each image twice: for any right one, and for the share of the right ones.
        for matrix, right in ((scores, mask), (scores.T, mask.T), (scores.T, mask.T)):
            shares = []
            for start in range(0, len(matrix), BATCH * share):
                part, own = matrix[start : start + BATCH], right[start : start + BATCH]
                top = torch.topk(part, first, dim=1)[1]
                chosen = torch.nn.functional.one_hot(top, num_classes=matrix.shape[1])
                hits = (chosen * own.reshape(len(own), 1, -1)).sum(dim=(1, 2))
                shares.append(hits / own.sum(dim=1))
            found.append(float((torch.cat(shares) > 0).double().mean()))
    del found[2::3]
    return found


def recalls(images: Floats, texts: Floats) -> list[float]:
    """Return the same figures from ranks."""
    of_images, of_texts = ours(images, texts)
    return [float((ranks.rank <= first).mean()) for first in (1, 5, 10) for ranks in (of_texts, of_images)]


def peak_bytes() -> int:
    """Return the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def lines(*, full: bool) -> Iterator[Line | Skipped]:
    """Yield the lines of one run."""
    images, texts = embeddings(5000)
    small = images[:1000], texts[: 1000 * CAPTIONS]
    bare = seconds(lambda: product(images, texts))
    spent = seconds(lambda: ours(images, texts))
    yield Line("rank 5,000 x 25,000, d 512, other: bare product", spent, bare, least=1 / 1.5)
    if importlib.util.find_spec("torch") is None:
        yield Skipped("CLIP_benchmark's method", "torch is not installed")
    else:
        difference = float(np.abs(np.subtract(recalls(*small), by_top_k(*whole(*small)))).max())
        yield Line("recall@1, 5, 10 by both methods, largest difference", difference, most=1e-12, unit="")
        share = 1 if full else SHARE
        matrix, mask = whole(images, texts)
        other = seconds(lambda: whole(images, texts), times=1)
        other += share * seconds(lambda: by_top_k(matrix, mask, share=share), times=1)
        part = "" if full else f" (one batch in {SHARE}, times {SHARE})"
        yield Line(f"rank 5,000 x 25,000, d 512, other: CLIP_benchmark's method{part}", spent, other, least=30)
    if full:
        images, texts = embeddings(31_783)
        before = peak_bytes()
        spent = seconds(lambda: ours(images, texts), times=1)
        more = (peak_bytes() - before) / 2**30
        yield Line(
            "rank 31,783 x 158,915, d 512, other: bare product", spent, seconds(lambda: product(images, texts), times=1)
        )
        yield Line("the same, peak memory above the embeddings", more, most=2.0, unit="GiB")


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--full", action="store_true", help="also 31,783 x 158,915 (minutes)")
    return status(lines(full=parser.parse_args().full))


if __name__ == "__main__":
    sys.exit(main())
