"""Retrieval: one item a sample, as it is; no answers without all vectors."""

import pytest

from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.kinds.retrieval import RetrievalKind
from vlmeval.registry import KINDS
from vlmeval.types import Image, Output, Sample

IMAGE = Image("ab" * 32, 4, 3, "png")


def task(**changes: object) -> Task:
    return Task("pairs", "coco", "test", "retrieval", ("recall_1",), "recall_1", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", [IMAGE, "A dog runs."])
def test_the_one_request_is_the_item_itself(part: Image | str) -> None:
    (request,) = RetrievalKind(task()).requests(Sample("i2t:1", (part,), ("1-0",)))
    assert request.parts == (part,)
    assert request.key


def test_a_query_of_two_parts_is_an_error() -> None:
    with pytest.raises(DataError, match="sample i2t:1: 2 parts"):
        RetrievalKind(task()).requests(Sample("i2t:1", (IMAGE, "?"), ("1-0",)))


def test_one_sample_alone_has_no_answer() -> None:
    kind = RetrievalKind(task())
    sample = Sample("i2t:1", (IMAGE,), ("1-0",))
    assert kind.embeds
    assert kind.answers(sample, {"": Output("1")}) == ()
    assert not kind.settled(sample, {})


def test_prompts_and_options_are_refused() -> None:
    assert KINDS.load("retrieval") is RetrievalKind
    with pytest.raises(ConfigError, match="prompt has no meaning in retrieval"):
        RetrievalKind(task(prompt="plain"))
    with pytest.raises(ConfigError, match="system has no meaning"):
        RetrievalKind(task(system="Be brief."))
    with pytest.raises(ConfigError, match="pools"):
        RetrievalKind(task(options={"pools": 5}))
    with pytest.raises(ConfigError, match="folds"):
        RetrievalKind(task(options={"folds": 0}))
    assert RetrievalKind(task(options={"folds": 5})).folds == 5
