import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from vlmeval.errors import DataError, JournalError
from vlmeval.store.images import ImageStore, ImageWriter
from vlmeval.types import Image

DATA = b"\x89PNG not really"
SHA = hashlib.sha256(DATA).hexdigest()
IMAGE = Image(SHA, 3, 4, "png").with_reader(lambda: DATA)


def image(number: int) -> Image:
    data = bytes([number % 256]) * (100 + 7 * number)
    return Image(hashlib.sha256(data).hexdigest(), 1, 1, "jpeg").with_reader(lambda: data)


def stored(results: Path, *images: Image, archive: str = "run") -> Path:
    """Store images in an archive and return it."""
    store = ImageStore(results, archive)
    for one in images:
        store.add(one)
    store.close()
    return results / "images" / f"{archive}.tar"


def test_an_image_is_a_member_that_any_tar_program_reads(tmp_path: Path) -> None:
    archive = stored(tmp_path, IMAGE, image(3))
    with tarfile.open(archive) as opened:
        assert opened.getnames() == [f"{SHA}.png", f"{image(3).sha256}.jpeg"]
        member = opened.extractfile(f"{SHA}.png")
        assert member is not None
        assert member.read() == DATA


def test_an_image_is_read_back_by_a_store_that_only_reads(tmp_path: Path) -> None:
    stored(tmp_path, *map(image, range(30)))
    reading = ImageStore(tmp_path)
    for number in range(30):
        read = reading.attach(Image(image(number).sha256, 1, 1, "jpeg"))
        assert read.read() == image(number).read()
        assert read == image(number)
    with pytest.raises(JournalError, match="to read only"):
        reading.add(IMAGE)


def test_an_image_that_any_archive_holds_is_not_read_or_stored_again(tmp_path: Path) -> None:
    stored(tmp_path, IMAGE, archive="first")
    second = stored(tmp_path, Image(SHA, 3, 4, "png"), image(1), archive="second")
    with tarfile.open(second) as opened:
        assert opened.getnames() == [f"{image(1).sha256}.jpeg"]


def test_a_store_sees_what_another_process_added_since(tmp_path: Path) -> None:
    reading = ImageStore(tmp_path)
    with pytest.raises(DataError, match="in no archive"):
        reading.attach(IMAGE).read()
    stored(tmp_path, IMAGE)
    assert reading.attach(IMAGE).read() == DATA


@pytest.mark.parametrize("kept", [0, 1, 511, 512, 600, 1023])
def test_a_torn_end_is_cut_off_and_stored_again(tmp_path: Path, kept: int) -> None:
    archive = stored(tmp_path, image(1))
    whole = archive.stat().st_size
    stored(tmp_path, image(2))
    os.truncate(archive, whole + kept)
    stored(tmp_path, image(2), image(3))
    reading = ImageStore(tmp_path)
    for number in (1, 2, 3):
        assert reading.attach(image(number)).read() == image(number).read()
    with tarfile.open(archive) as opened:
        assert len(opened.getnames()) == 3


def test_changed_bytes_are_a_data_error(tmp_path: Path) -> None:
    archive = stored(tmp_path, IMAGE)
    data = bytearray(archive.read_bytes())
    data[512] ^= 1
    archive.write_bytes(data)
    with pytest.raises(DataError, match="have changed"):
        ImageStore(tmp_path).attach(IMAGE).read()


def test_a_foreign_file_among_the_archives_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "notes.tar").write_bytes(b"not an archive" * 100)
    stored(tmp_path, IMAGE)
    assert ImageStore(tmp_path).attach(IMAGE).read() == DATA


@pytest.mark.parametrize(("sha256", "kind"), [("../" * 20 + "a" * 4, "png"), (SHA, "../../x"), (SHA, ""), ("", "png")])
def test_a_doctored_digest_or_format_reads_nothing(tmp_path: Path, sha256: str, kind: str) -> None:
    with pytest.raises(DataError, match="not a sha256"):
        ImageStore(tmp_path).attach(Image(sha256, 1, 1, kind))


def test_a_disk_that_refuses_is_a_journal_error(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file in the way")
    with pytest.raises(JournalError, match="cannot be written"):
        ImageStore(tmp_path, "run").add(IMAGE)


def test_the_writer_has_stored_everything_when_it_is_left(tmp_path: Path) -> None:
    with ImageWriter(ImageStore(tmp_path, "run"), waiting=2) as writer:
        for number in [*range(40), *range(40)]:
            writer.add(image(number))
    reading = ImageStore(tmp_path)
    assert all(reading.attach(image(number)).read() == image(number).read() for number in range(40))


def test_an_error_of_the_writer_reaches_the_run(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file in the way")
    with pytest.raises(JournalError, match="cannot be written"), ImageWriter(ImageStore(tmp_path, "run")) as writer:
        writer.add(IMAGE)
