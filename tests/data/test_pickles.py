"""Pickles are read without running what they name."""

import contextlib
import os
import pickle
import pickletools
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.data.pickles import read_pickle
from vlmeval.errors import DataError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "answers.pkl"
    path.write_bytes(content)
    return path


@given(value=PLAIN, protocol=st.integers(3, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, value: Any, protocol: int
) -> None:
    assert read_pickle(written(tmp_path_factory.mktemp("plain"), pickle.dumps(value, protocol))) == value


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_checkpoint_with_numpy_ids_is_read_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    answers = {np.int64(241): "A", np.int64(1_000_241): "B. naïve\n2", np.uint8(7): "C", 9: None}
    assert read_pickle(written(tmp_path, pickle.dumps(answers, protocol))) == answers


def test_numbers_of_numpy_keep_their_value_in_either_byte_order(tmp_path: Path) -> None:
    values = [np.float64(0.1), np.float32(0.5), np.int16(-3), np.bool_(True), np.array([258], ">i4")[0]]
    assert read_pickle(written(tmp_path, pickle.dumps(values))) == [0.1, 0.5, -3, True, 258]


class Payload:
    """Runs a command where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_payload_is_refused_by_name_and_does_not_run(tmp_path: Path, protocol: int) -> None:
    path = written(tmp_path, pickle.dumps({1: "A", 2: Payload(tmp_path / "ran")}, protocol))
    with pytest.raises(DataError, match=r"holds posix\.system; only texts, numbers and containers"):
        read_pickle(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"(S'touch ran'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch ran'\no.",
        b"Ppersistent\n.",
        b"\x82\x01.",
        b"cbuiltins\neval\n(V1\ntR.",
        b"cnumpy\ndtype\n(cnumpy\ndtype\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(V1\ntR.",
        pickle.dumps(OrderedDict(a=1)),
        pickle.dumps(np.arange(3)),
    ],
)
def test_whatever_could_be_code_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="is code"):
        read_pickle(written(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"x", b".", b"N", b"NN.", b"(.", b"(l(d.", b"a.", b"s.", b"u.", b"t.", b"0.", b"h\x07.", b"(lN(a.",
        b"\x85.", b"N\x93.", b"\x80\x04N\x8c\x01ab", b"}(N\x85Nu.", b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx.", b"R.",
        b"b.", b"Nb.",
    ],
)  # fmt: skip
def test_a_damaged_file_is_an_error_with_its_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"answers\.pkl: "):
        read_pickle(written(tmp_path, content))


@given(st.binary(max_size=60))
def test_random_bytes_are_a_value_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    with contextlib.suppress(DataError):
        read_pickle(written(tmp_path_factory.mktemp("bytes"), content))


def test_a_deeply_nested_value_is_harmless(tmp_path: Path) -> None:
    nested = b"\x80\x02}N" + b"\x85" * 200_000 + b"Ns."
    assert sum(1 for _ in pickletools.genops(nested)) > 200_000
    with pytest.raises(DataError, match="a key of type tuple"):
        read_pickle(written(tmp_path, nested))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_pickle(tmp_path / "answers.pkl")
