import gc
from collections.abc import Iterator

import pytest

from vlmeval.jsonio import encode, encode_lines
from vlmeval.score.memory import uncollected


@pytest.fixture(params=[True, False])
def before(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Collection on or off before the test, as the parameter says; what it was in the end."""
    was = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if was else gc.disable)()


def test_collection_is_put_off_inside_and_afterwards_as_it_was(before: bool) -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled() is before


def test_an_error_inside_leaves_collection_as_it_was(before: bool) -> None:
    with pytest.raises(KeyError), uncollected():
        raise KeyError
    assert gc.isenabled() is before


def test_json_lines_are_those_of_one_value_after_the_other() -> None:
    values = [{"a": 1}, ["b\n"], "ü"]
    assert encode_lines(iter(values)) == b"".join(encode(value) + b"\n" for value in values)
    assert encode_lines([]) == b""
