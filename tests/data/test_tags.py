from collections.abc import Iterator

import pytest

from vlmeval.data.tags import require_tags
from vlmeval.errors import ConfigError
from vlmeval.types import Sample


def endless() -> Iterator[Sample]:
    yield Sample("1", ("?",), tags={"category": "a"})
    yield Sample("2", ("?",), tags={"topic": "b"})
    raise AssertionError("read on although all tags were found")


def test_it_reads_no_further_than_it_must() -> None:
    require_tags(endless(), ("topic", "category"))
    require_tags(endless(), ())


def test_an_unknown_tag_is_named_with_the_known_ones() -> None:
    samples = [Sample("1", ("?",), tags={"category": "a", "topic": "b"})]
    with pytest.raises(ConfigError, match=r'--slice "categry".*did you mean "category".*known tags: category, topic'):
        require_tags(samples, ("topic", "categry"))


def test_samples_without_tags_are_said_to_have_none() -> None:
    with pytest.raises(ConfigError, match="known tags: none"):
        require_tags([Sample("1", ("?",))], ("topic",))
