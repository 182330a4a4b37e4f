"""What becomes of images on their way into a study."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from vlmeval.errors import DataError
from vlmeval.sbs.pictures import PictureFolder, encoded


def data(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def opened(made: bytes) -> Image.Image:
    return Image.open(io.BytesIO(made))


def test_orientation_is_applied_and_exif_with_the_place_is_gone() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "made by quokkanet-13b"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (0, 0, 20, 20))
    made = encoded(data(picture, "JPEG", exif=exif, comment=b"hello"), "here")
    found = opened(made.data)
    assert (made.width, made.height) == found.size == (20, 40)
    assert dict(found.getexif()) == {}
    assert b"quokkanet" not in made.data
    assert b"hello" not in made.data
    assert found.convert("RGB").getpixel((10, 5))[2] > 200  # type: ignore[index]


def test_text_chunks_and_bytes_behind_the_picture_are_gone() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("model", "quokkanet-13b")
    made = encoded(data(Image.new("RGBA", (4, 4), (1, 2, 3, 100)), "PNG", pnginfo=text) + b"<script>", "here")
    assert b"quokkanet" not in made.data
    assert b"<script>" not in made.data
    assert opened(made.data).getpixel((0, 0)) == (1, 2, 3, 100)
    assert made.name.endswith(".png")


def test_the_name_is_a_digest_of_the_content_alone() -> None:
    one = encoded(data(Image.new("RGB", (4, 4), "red"), "PNG"), "a")
    other = encoded(data(Image.new("RGB", (4, 4), "red"), "BMP"), "b")
    assert one == other
    assert len(one.name) == 36


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "I;16", "CMYK", "F"])
def test_every_mode_becomes_one_that_browsers_show(mode: str) -> None:
    form = "TIFF" if mode in ("CMYK", "F", "I;16") else "PNG"
    made = encoded(data(Image.new(mode, (6, 5)), form), "here")
    assert opened(made.data).mode in ("RGB", "L", "RGBA")


def test_a_colour_profile_is_applied_and_removed() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for icc in (profile, b"no profile at all"):
        made = encoded(data(Image.new("RGB", (4, 4), (200, 10, 10)), "PNG", icc_profile=icc), "here")
        assert "icc_profile" not in opened(made.data).info
        assert opened(made.data).getpixel((0, 0)) == (200, 10, 10)


def test_a_large_picture_is_scaled_down_in_its_proportions() -> None:
    made = encoded(data(Image.new("L", (9_000, 900)), "PNG"), "here")
    assert (made.width, made.height) == (8_192, 819)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "SVG, which can hold scripts"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"GIF89a", "row 3"),
        (b"", "no image"),
        (b"hello", "no image"),
        (data(Image.new("RGB", (90, 90), "red"), "PNG")[:120], "cannot be decoded"),
        (data(Image.new("RGB", (90, 90), "red"), "JPEG")[:400], "cannot be decoded"),
    ],
)
def test_what_is_no_image_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        encoded(content, "answers.csv, row 3")
    assert "answers.csv, row 3" in str(caught.value)


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = bytearray(data(Image.new("1", (8, 8)), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    with pytest.raises(DataError, match="row 9"):
        encoded(bytes(bomb), "row 9")


def test_an_image_is_written_once_and_nothing_stays_of_a_refused_study(tmp_path: Path) -> None:
    folder = tmp_path / "study" / "images"
    red = data(Image.new("RGB", (4, 4), "red"), "PNG")
    with PictureFolder(folder) as images:
        assert images.add(red, "a") == images.add(red, "b")
    assert len(list(folder.iterdir())) == 1
    other = PictureFolder(tmp_path / "other" / "images")
    other.add(red, "a")
    with pytest.raises(DataError), other:
        other.add(b"", "b")
    assert not (tmp_path / "other").exists()
