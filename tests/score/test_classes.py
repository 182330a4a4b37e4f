"""Classes of zero-shot classification: the classifier of several prompts, from vectors on disk."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vlmeval.data.task import Task
from vlmeval.errors import DataError
from vlmeval.kinds.zeroshot import ZeroShotKind
from vlmeval.score.vectors import class_answers, class_vectors
from vlmeval.store.embeddings import Embeddings, EmbeddingWriter, item_key
from vlmeval.store.layout import RunFolder
from vlmeval.types import Image, Sample

KIND = ZeroShotKind(
    Task("x", "x", "test", "zeroshot", ("top_1",), "top_1", options={"templates": ["a {c}", "the {c}"]})
)
IMAGE = Sample("1", (Image("0" * 64, 1, 1, "png"),), ("dog",))
CAT, DOG = [(1.0, 0.0), (0.8, 0.6)], [(0.0, 1.0), (0.0, 1.0)]


def folder(path: Path, cat: list[tuple[float, float]], image: tuple[float, float] = (0.6, 0.8)) -> RunFolder:
    samples = [IMAGE, *KIND.prompts("cat"), *KIND.prompts("dog")]
    vectors: NDArray[np.float32] = np.array([image, *cat, *DOG], dtype=np.float32)
    with EmbeddingWriter(path) as writer:
        writer.add(samples, [item_key(sample) for sample in samples], vectors)
    return RunFolder(path)


def test_a_class_is_the_mean_of_its_prompts_unit_vectors_at_length_one(tmp_path: Path) -> None:
    weights = class_vectors(Embeddings(folder(tmp_path / "one", CAT).path), KIND, ["cat", "dog"])
    assert weights is not None
    assert weights[0] == pytest.approx(np.array([0.9, 0.3]) / np.hypot(0.9, 0.3), abs=1e-6)
    assert weights[1] == pytest.approx([0.0, 1.0])
    longer = [(1.004, 0.0), (0.8 * 0.996, 0.6 * 0.996)]  # what float16 makes of unit vectors does not shift the mean
    again = class_vectors(Embeddings(folder(tmp_path / "two", longer).path), KIND, ["cat", "dog"])
    assert again == pytest.approx(weights, abs=1e-6)


def test_all_prompts_decide_on_the_class(tmp_path: Path) -> None:
    samples = [IMAGE, Sample("2", (IMAGE.parts[0],), ("cat",))]
    found = class_answers(folder(tmp_path, CAT, image=(0.75, 0.66)), KIND, samples)
    assert found["1"][0].value == "2"
    assert found["1"][1].value == ("cat", "dog")


def test_prompts_that_cancel_out_are_an_error_that_names_the_class(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='class "cat" cancel out'):
        class_vectors(Embeddings(folder(tmp_path, [(1.0, 0.0), (-1.0, 0.0)]).path), KIND, ["cat", "dog"])


def test_a_prompt_without_a_vector_leaves_all_without_answers(tmp_path: Path) -> None:
    path = folder(tmp_path, CAT)
    assert class_vectors(Embeddings(path.path), KIND, ["cat", "dog", "bird"]) is None
    assert class_answers(path, KIND, [IMAGE, Sample("3", IMAGE.parts, ("bird",))]) == {}
