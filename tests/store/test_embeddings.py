"""Vectors on disk: what is written is read, a torn end is written again, damage is an error."""

from pathlib import Path

import numpy as np
import pytest

from vlmeval.errors import DataError, JournalError
from vlmeval.store.embeddings import INDEX, VECTORS, Embeddings, EmbeddingWriter, item_key, read_entries
from vlmeval.types import Image, Sample

SAMPLES = [Sample("i2t:1", (Image("ab" * 32, 4, 3, "png"),)), Sample("t2i:a", ("a dog",)), Sample("t2i:b", ("a cat",))]
KEYS = [item_key(sample) for sample in SAMPLES]
UNIT = np.eye(3, 4, dtype=np.float32)


def written(folder: Path) -> Path:
    with EmbeddingWriter(folder) as writer:
        writer.add(SAMPLES, KEYS, UNIT)
    return folder


def test_vectors_are_read_as_they_were_written(tmp_path: Path) -> None:
    found = Embeddings(written(tmp_path))
    assert [found.row(sample) for sample in SAMPLES] == [0, 1, 2]
    assert np.array_equal(found.matrix, UNIT)
    assert (tmp_path / VECTORS).stat().st_size == UNIT.nbytes


def test_a_folder_without_vectors_has_none(tmp_path: Path) -> None:
    found = Embeddings(tmp_path)
    assert found.row(SAMPLES[0]) is None
    assert found.matrix.shape == (0, 0)


def test_samples_of_one_content_share_a_row(tmp_path: Path) -> None:
    twin = Sample("t2i:c", ("a dog",))
    with EmbeddingWriter(tmp_path) as writer:
        writer.add(SAMPLES, KEYS, UNIT)
        assert writer.has_vector(item_key(twin))
        writer.add([twin], [], np.zeros((0, 0), dtype=np.float32))
    found = Embeddings(tmp_path)
    assert found.row(twin) == found.row(SAMPLES[1]) == 1
    assert found.matrix.shape == (3, 4)


def test_a_changed_text_has_no_vector(tmp_path: Path) -> None:
    assert Embeddings(written(tmp_path)).row(Sample("t2i:a", ("a dog!",))) is None
    with EmbeddingWriter(tmp_path) as writer:
        assert not writer.has(Sample("t2i:a", ("a dog!",)))


@pytest.mark.parametrize("kept", [1, 2])
def test_a_torn_end_is_cut_off_and_written_again(tmp_path: Path, kept: int) -> None:
    lines = (written(tmp_path) / INDEX).read_bytes().splitlines(keepends=True)
    (tmp_path / INDEX).write_bytes(b"".join(lines[:kept]) + lines[kept][:9])
    (tmp_path / VECTORS).write_bytes((tmp_path / VECTORS).read_bytes()[: kept * 16] + b"\1\2\3")
    assert len(read_entries(tmp_path)) == kept
    with EmbeddingWriter(tmp_path) as writer:
        assert (tmp_path / VECTORS).stat().st_size == kept * 16
        assert [writer.has(sample) for sample in SAMPLES] == [place < kept for place in range(3)]
        writer.add(SAMPLES[kept:], KEYS[kept:], UNIT[kept:])
    found = Embeddings(tmp_path)
    assert np.array_equal(found.matrix, UNIT)
    assert [found.row(sample) for sample in SAMPLES] == [0, 1, 2]


def test_rows_that_are_missing_are_an_error(tmp_path: Path) -> None:
    (written(tmp_path) / VECTORS).write_bytes(UNIT.tobytes()[:-1])
    for opened in (Embeddings, EmbeddingWriter):
        with pytest.raises(JournalError, match="47 bytes, expected 48"):
            opened(tmp_path)


def test_a_damaged_line_is_an_error_that_names_it(tmp_path: Path) -> None:
    lines = (written(tmp_path) / INDEX).read_bytes().splitlines(keepends=True)
    (tmp_path / INDEX).write_bytes(lines[0] + b"{]\n" + lines[2])
    with pytest.raises(JournalError, match=r"embeddings.jsonl, line 2: damaged"):
        Embeddings(tmp_path)


def test_two_dimensions_are_an_error(tmp_path: Path) -> None:
    with EmbeddingWriter(written(tmp_path)) as writer, pytest.raises(JournalError, match="rows of 4 numbers, not 5"):
        writer.add([Sample("t2i:d", ("d",))], ["text:d"], np.ones((1, 5), dtype=np.float32))
    line = (tmp_path / INDEX).read_bytes().splitlines(keepends=True)[0].replace(b'"dimension":4', b'"dimension":2')
    with (tmp_path / INDEX).open("ab") as file:
        file.write(line)
    with pytest.raises(JournalError, match="different dimensions"):
        Embeddings(tmp_path)


def test_what_is_not_one_item_has_no_key() -> None:
    with pytest.raises(DataError, match="sample x: 2 parts"):
        item_key(Sample("x", ("a", "b")))
