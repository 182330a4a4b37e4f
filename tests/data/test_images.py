import io
import zlib
from pathlib import Path

import pytest
from PIL import Image as PIL_Image

from tests.data.made import b64, jpeg, png
from vlmeval.data.images import ImageFolders, from_base64, image_of, probe
from vlmeval.errors import DataError


def encoded(form: str, size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    PIL_Image.new("RGB", size, "olive").save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("PNG", "png"),
        ("JPEG", "jpeg"),
        ("WEBP", "webp"),
        ("GIF", "gif"),
        ("BMP", "bmp"),
        ("TIFF", "tiff"),
        ("MPO", "jpeg"),
    ],
)
def test_size_format_and_digest_are_those_of_the_encoded_bytes(form: str, name: str) -> None:
    data = encoded(form)
    image = probe(data, "x")
    assert (image.width, image.height, image.format) == (40, 30, name)
    assert image.sha256 == __import__("hashlib").sha256(data).hexdigest()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_half_an_image_is_refused(form: str) -> None:
    data = encoded(form, (300, 200))
    if form == "GIF":
        data = data[: len(data) * 2 // 3]
    with pytest.raises(DataError, match=r"f\.tsv, line 3, .*(no image|cannot be decoded)"):
        probe(data[: len(data) // 2], "f.tsv, line 3, column image")


def test_an_image_with_bytes_behind_its_end_is_whole() -> None:
    assert probe(jpeg() + b"\0\0trailer", "x").format == "jpeg"
    assert probe(png() + b"more", "x").format == "png"


def test_a_whole_image_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(png(size=(60, 60)))
    data[45] ^= 0xFF
    assert probe(bytes(data), "x").width == 60


def test_an_image_far_too_large_is_refused_by_its_header() -> None:
    data = bytearray(png())
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(DataError, match=r"cannot be decoded .*decompression bomb"):
        probe(bytes(data), "x")


def test_the_reader_is_asked_again_when_the_image_is_read() -> None:
    calls = []

    def read() -> bytes:
        calls.append(1)
        return png()

    image = image_of(read, "x")
    assert (image.read(), image.read(), len(calls)) == (png(), png(), 3)


@pytest.mark.parametrize("text", ["", "abc", "ab c!", "=AAA", b64(png()) + "*", b64(png()).rstrip("=") + "===="])
def test_text_that_is_not_whole_base64_is_refused(text: str) -> None:
    if text == "":
        assert from_base64(b"", "x") == b""
        return
    with pytest.raises(DataError, match="x: corrupt base64"):
        from_base64(text.encode(), "x")


def test_a_link_that_the_user_made_is_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.png").write_bytes(png())
    (tmp_path / "data" / "val2014").symlink_to(tmp_path / "store")
    folders = ImageFolders.beside(tmp_path / "data")
    assert folders.find(["val2014/a.png"], "x").read_bytes() == png()


def test_coco_names_are_found_in_the_folders_of_the_download(tmp_path: Path) -> None:
    (tmp_path / "coco" / "val2014").mkdir(parents=True)
    name = "COCO_val2014_000000391895.jpg"
    (tmp_path / "coco" / "val2014" / name).write_bytes(jpeg())
    assert ImageFolders.beside(tmp_path).find([name], "x").name == name
