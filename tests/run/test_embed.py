"""Embedding a run: every item once, in batches, saved as it goes; a broken run continues; bad vectors are errors."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vlmeval.errors import ConfigError, ModelError, RejectedError
from vlmeval.run.embed import embed_run
from vlmeval.run.limits import Tally
from vlmeval.run.settings import RunSettings
from vlmeval.store.embeddings import Embeddings
from vlmeval.store.layout import RunFolder
from vlmeval.types import Image, Part, Sample

SAMPLES = [
    sample
    for number in range(10)
    for sample in (
        Sample(f"i2t:{number}", (Image(f"{number:064x}", 4, 3, "png"),), (f"{number}-0",)),
        Sample(f"t2i:{number}-0", (f"caption {number % 7}",), (str(number),)),
    )
]


def vector(item: Part) -> NDArray[np.float32]:
    seed = list(item.encode()) if isinstance(item, str) else [int(item.sha256, 16)]
    row = np.random.default_rng(seed).standard_normal(8)
    return (row / np.linalg.norm(row)).astype(np.float32)


class Encoder:
    """An embedder that remembers what it was asked; `change` may spoil what it gives for an item."""

    name = "encoder"
    batch = 4

    def __init__(self, change: Callable[[Part, NDArray[np.float32]], NDArray[np.float32]] | None = None) -> None:
        self.calls: list[list[Part]] = []
        self.change = change or (lambda item, row: row)

    def recipe(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        pass

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        self.calls.append(list(items))
        return np.stack([self.change(item, vector(item)) for item in items])


def embed(folder: Path, encoder: Encoder, samples: Sequence[Sample] = SAMPLES, batch: int | None = None) -> list[Tally]:
    seen: list[Tally] = []
    embed_run(
        RunFolder(folder),
        samples,
        encoder,
        settings=RunSettings(batch=batch),
        watch=lambda tally: seen.append(Tally(tally.samples, tally.earlier_samples, tally.answered)),
    )
    return seen


def check(folder: Path) -> None:
    found = Embeddings(folder)
    for sample in SAMPLES:
        row = found.row(sample)
        assert row is not None
        assert np.array_equal(found.matrix[row], vector(sample.parts[0]))


def test_every_content_is_embedded_once_in_batches(tmp_path: Path) -> None:
    encoder = Encoder()
    last = embed(tmp_path, encoder)[-1]
    assert (last.samples, last.earlier_samples, last.answered) == (20, 0, 20)
    asked = [item for call in encoder.calls for item in call]
    assert len(asked) == len(set(asked)) == 17
    assert max(map(len, encoder.calls)) == 4
    check(tmp_path)


def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    embed(tmp_path, Encoder())
    again = Encoder()
    last = embed(tmp_path, again)[-1]
    assert again.calls == []
    assert (last.samples, last.earlier_samples) == (20, 20)


@pytest.mark.parametrize("fatal", [1, 6, 11, 16])
def test_an_interrupted_run_continues_with_another_batch_size(tmp_path: Path, fatal: int) -> None:
    left = fatal

    def stop(item: Part, row: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        return row

    first = Encoder(stop)
    with pytest.raises(KeyboardInterrupt):
        embed(tmp_path, first)
    saved = {item for call in first.calls[:-1] for item in call}
    second = Encoder()
    embed(tmp_path, second, batch=3)
    assert not saved & {item for call in second.calls for item in call}
    check(tmp_path)


@pytest.mark.parametrize(
    ("factor", "said"), [(np.nan, "is not finite"), (0.0, "is zero"), (2.0, "has length 2"), (np.inf, "is not finite")]
)
def test_a_vector_that_is_no_unit_vector_names_its_sample(tmp_path: Path, factor: float, said: str) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(ModelError, match=f"sample t2i:3-0: its vector {said}"):
        embed(tmp_path, Encoder(lambda item, row: row * np.float32(factor) if item == "caption 3" else row))
    embed(tmp_path, Encoder())
    check(tmp_path)


def test_a_change_of_dimension_names_the_sample(tmp_path: Path) -> None:
    embed(tmp_path, Encoder(), SAMPLES[:4])
    with pytest.raises(ModelError, match="sample i2t:2: a vector of 4 numbers, those before have 8"):
        embed(tmp_path, Encoder(lambda item, row: row[:4] / np.linalg.norm(row[:4])))


def test_a_wrong_number_of_vectors_is_an_error(tmp_path: Path) -> None:
    class Short(Encoder):
        def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
            return super().embed(items)[:-1]

    with pytest.raises(ModelError, match=r"sample i2t:0: embed\(\) returned shape \(3, 8\) for 4 items"):
        embed(tmp_path, Short())


def test_a_bug_of_the_model_names_sample_and_line(tmp_path: Path) -> None:
    def broken(item: Part, row: NDArray[np.float32]) -> NDArray[np.float32]:
        raise KeyError("pixel_values")

    with pytest.raises(ModelError, match=r"sample i2t:0: KeyError at .*test_embed.py:\d+"):
        embed(tmp_path, Encoder(broken))


def test_a_refused_batch_is_asked_again_one_by_one_to_name_the_sample(tmp_path: Path) -> None:
    def picky(item: Part, row: NDArray[np.float32]) -> NDArray[np.float32]:
        if item == "caption 5":
            raise RejectedError("too long", kind="too_long")
        return row

    with pytest.raises(ModelError, match="sample t2i:5-0: too long\n8 answers are saved"):
        embed(tmp_path, Encoder(picky))


def test_a_model_without_vectors_is_refused(tmp_path: Path) -> None:
    class Writer:
        name = "writer"

        def recipe(self) -> dict[str, Any]:
            return {}

        def close(self) -> None:
            pass

    with pytest.raises(ConfigError, match="model writer embeds nothing"):
        embed_run(RunFolder(tmp_path), SAMPLES, Writer(), settings=RunSettings(), watch=lambda tally: None)
