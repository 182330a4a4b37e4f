import hashlib
import threading
from pathlib import Path

import pytest

from vlmeval.errors import DataError, JournalError
from vlmeval.store.images import ImageStore
from vlmeval.types import Image

DATA = b"\x89PNG not really"
SHA = hashlib.sha256(DATA).hexdigest()
IMAGE = Image(SHA, 3, 4, "png").with_reader(lambda: DATA)


def test_an_image_is_stored_under_its_digest_and_read_back(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    store.add(IMAGE)
    assert (tmp_path / "images" / SHA[:2] / f"{SHA}.png").read_bytes() == DATA
    read = store.attach(Image(SHA, 3, 4, "png"))
    assert read.read() == DATA
    assert read == IMAGE
    assert [path.name for path in (tmp_path / "images").rglob("*") if path.is_file()] == [f"{SHA}.png"]


def test_an_image_that_is_there_is_not_read_again(tmp_path: Path) -> None:
    ImageStore(tmp_path).add(IMAGE)
    ImageStore(tmp_path).add(Image(SHA, 3, 4, "png"))


def test_threads_may_store_the_same_image_at_once(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    threads = [threading.Thread(target=store.add, args=(IMAGE,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.attach(IMAGE).read() == DATA


def test_a_lost_or_changed_file_is_a_data_error(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        store.attach(IMAGE).read()
    store.add(IMAGE)
    store.path(IMAGE).write_bytes(DATA[:4])
    with pytest.raises(DataError, match="have changed"):
        store.attach(IMAGE).read()


@pytest.mark.parametrize(("sha256", "kind"), [("../" * 20 + "a" * 4, "png"), (SHA, "../../x"), (SHA, ""), ("", "png")])
def test_a_doctored_digest_or_format_reads_nothing(tmp_path: Path, sha256: str, kind: str) -> None:
    with pytest.raises(DataError, match="not a sha256"):
        ImageStore(tmp_path).attach(Image(sha256, 1, 1, kind))


def test_a_disk_that_refuses_is_a_journal_error(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file in the way")
    with pytest.raises(JournalError, match="cannot be written"):
        ImageStore(tmp_path).add(IMAGE)
