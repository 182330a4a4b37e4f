"""Pictures inside a page and beside it: within the budget, once for all pages, never outside their folder."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PIL_Image

from vlmeval.report.comparison import Stores
from vlmeval.report.pictures import FILE_PIXELS, PictureFolder, PictureShelf
from vlmeval.store.images import ImageStore
from vlmeval.types import Image


def noise(width: int, height: int, seed: int, form: str = "PNG") -> Image:
    """Return a picture that no format makes small."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PIL_Image.fromarray(pixels).save(buffer, form)
    data = buffer.getvalue()
    return Image(hashlib.sha256(data).hexdigest(), width, height, form.lower()).with_reader(lambda: data)


@pytest.fixture
def images() -> list[Image]:
    return [noise(40, 30, seed) for seed in range(4)]


def stored(root: Path, images: list[Image]) -> ImageStore:
    store = ImageStore(root, "run")
    for image in images:
        store.add(image)
    store.close()
    return ImageStore(root)


def test_pictures_past_the_budget_lie_beside_the_page_and_are_the_original_bytes(
    tmp_path: Path, images: list[Image]
) -> None:
    place = PictureFolder.below(tmp_path / "out", tmp_path / "out" / "task" / "model" / "r.html")
    shelf = PictureShelf(stored(tmp_path, images), budget=6000, beside=place)
    digests = [shelf.add(image) for image in images]
    sources = [shelf.pictures()[digest]["src"] for digest in digests]
    inside = [source for source in sources if source.startswith("data:image/png;base64,")]
    assert 0 < len(inside) < 4
    assert sum(map(len, inside[:-1])) < 6000
    assert base64.b64decode(inside[0].partition(",")[2]) == images[0].read()
    assert sources[-1] == f"../../pictures/{digests[-1]}.png"
    assert (tmp_path / "out" / "pictures" / f"{digests[-1]}.png").read_bytes() == images[-1].read()
    assert shelf.outside


def test_a_large_picture_becomes_a_thumbnail_once_for_all_pages(tmp_path: Path) -> None:
    large = noise(1400, 700, 9)
    place = PictureFolder.below(tmp_path / "out", tmp_path / "out" / "a.html")
    store = stored(tmp_path, [large])
    for _ in range(2):
        shelf = PictureShelf(store, budget=0, beside=place)
        assert shelf.pictures()[shelf.add(large)]["src"] == f"pictures/{large.sha256}.jpeg"
        (file,) = (tmp_path / "out" / "pictures").iterdir()
        with PIL_Image.open(file) as picture:
            assert max(picture.size) == FILE_PIXELS
        before = file.stat().st_mtime_ns
    assert file.stat().st_mtime_ns == before


def test_a_picture_that_is_gone_or_hostile_is_named_and_not_shown(tmp_path: Path, images: list[Image]) -> None:
    place = PictureFolder.below(tmp_path / "out", tmp_path / "out" / "a.html")
    shelf = PictureShelf(stored(tmp_path, images[:1]), budget=0, beside=place)
    hostile = Image("../../../etc/passwd", 1, 1, "png"), Image(images[0].sha256, 1, 1, "../png"), images[1]
    for image in hostile:
        shelf.add(image)
    assert all(one["missing"] for one in shelf.pictures().values())
    assert not (tmp_path / "out").exists()
    assert not shelf.outside


def test_pictures_are_named_for_each_piece_that_shows_them(tmp_path: Path, images: list[Image]) -> None:
    shelf = PictureShelf(stored(tmp_path, images))
    shelf.add(images[0])
    assert set(shelf.named()) == {images[0].sha256}
    shelf.add(images[0])
    shelf.add(images[1])
    assert set(shelf.named()) == {images[0].sha256, images[1].sha256}
    assert shelf.named() == {}


def test_a_picture_is_found_in_either_of_two_folders_of_results(tmp_path: Path, images: list[Image]) -> None:
    stored(tmp_path / "one", images[:1])
    stored(tmp_path / "two", images[1:2])
    stores = Stores([tmp_path / "one", tmp_path / "two"])
    shelf = PictureShelf(stores)
    for image in images[:3]:
        shelf.add(image)
    assert ["src" in shelf.pictures()[image.sha256] for image in images[:3]] == [True, True, False]
