"""Zero-shot classification: classes, templates, labels by name or number."""

from pathlib import Path

import numpy as np
import pytest

from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.kinds.zeroshot import ZeroShotKind
from vlmeval.metrics.zeroshot import ClassMean, Top1
from vlmeval.score.vectors import vector_answers
from vlmeval.store.embeddings import EmbeddingWriter, item_key
from vlmeval.store.layout import RunFolder
from vlmeval.types import Answer, Image, Sample


def kind(**options: object) -> ZeroShotKind:
    return ZeroShotKind(Task("z", "b", "test", "zeroshot", ("top_1",), "top_1", options=dict(options)))


def image(number: int, label: str) -> Sample:
    return Sample(f"{number}", (Image(f"{number:064x}", 1, 1, "png"),), (label,))


def test_prompts_are_every_class_by_every_template() -> None:
    made = kind(templates=["a {c}", "the {c}"], classes=["cat", "dog"])
    assert [item.parts[0] for item in made.shared_items(())] == ["a cat", "the cat", "a dog", "the dog"]
    assert [item.parts[0] for item in kind().shared_items(["b", "a", "b"])] == ["a photo of a a.", "a photo of a b."]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"templates": ["a photo"]}, r"every template needs \{c\}"),
        ({"templates": []}, "every template needs"),
        ({"classes": ["a", "a"]}, "a class is named twice"),
        ({"labels": "index"}, 'labels = "index" needs classes'),
        ({"template": "x"}, "template"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        kind(**options)


def test_a_label_that_is_no_class_and_a_sample_without_one_image_are_named() -> None:
    with pytest.raises(DataError, match='sample 1: "bird" is none of the 2 classes'):
        kind(classes=["cat", "dog"]).items(image(1, "bird"))
    with pytest.raises(DataError, match='"2" is none of the 2 classes'):
        kind(classes=["cat", "dog"], labels="index").items(image(1, "2"))
    with pytest.raises(DataError, match="sample x: expected one image"):
        kind().items(Sample("x", ("text",), ("cat",)))


def test_a_class_is_the_mean_of_its_unit_prompts(tmp_path: Path) -> None:
    made = kind(templates=["a {c}", "the {c}"], classes=["cat", "dog"], labels="index")
    samples = [image(1, "0"), image(2, "1"), image(3, "1")]
    prompts = list(made.shared_items(()))
    rows = np.array([[1, 0.1], [0, 1], [0.9, 0.2], [1, 0], [0.8, 0.6], [0, 1], [0.2, 1]])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with EmbeddingWriter(tmp_path) as writer:
        items = samples + prompts
        writer.add(items, [item_key(item) for item in items], rows.astype(np.float32))
    answers = vector_answers(RunFolder(tmp_path), made, samples)
    assert [answers[name][0].value for name in "123"] == ["1", "1", "2"]
    assert answers["3"][1].value == ("cat", "dog")
    missing = vector_answers(RunFolder(tmp_path), kind(classes=["cat", "cow"]), samples)
    assert missing == {}


def test_the_mean_per_class_weighs_each_class_the_same() -> None:
    samples = [image(number, "a") for number in range(9)] + [image(9, "b")]
    metric = ClassMean().fit(samples)
    answers = [(Answer("", "1" if number < 9 else "2", "rank"),) for number in range(10)]
    rows = np.array([metric.stats(sample, answer) for sample, answer in zip(samples, answers, strict=True)])
    assert float(metric.value(rows.sum(axis=0))) == pytest.approx(0.5)
    plain = np.array([Top1().stats(sample, answer) for sample, answer in zip(samples, answers, strict=True)])
    assert float(Top1().value(plain.sum(axis=0))) == pytest.approx(0.9)
