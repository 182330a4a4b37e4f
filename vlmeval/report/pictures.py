"""Pictures for a page: small originals, thumbnails of large ones, inside the page or beside it.

Inside a page they are data URLs, within a budget of bytes. Beside it they are files named by the digest of the image,
shared by all pages of one folder of reports: ten models on one benchmark cost its pictures once.
"""

from __future__ import annotations

import base64
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vlmeval.errors import DataError, JournalError
from vlmeval.types import Image

ORIGINAL_BYTES = 40_000
THUMBNAIL_PIXELS = 512
FILE_ORIGINAL_BYTES = 200_000
FILE_PIXELS = 1024
BUDGET_BYTES = 24_000_000
SHOWN_AS_THEY_ARE = {"png", "jpeg", "webp", "gif"}
PICTURES = "pictures"


class Attaches(Protocol):
    """Where images are stored."""

    def attach(self, image: Image) -> Image:
        """Return the image with a reader of its bytes; this or reading it raises DataError where they are gone."""
        ...


@dataclass(frozen=True)
class PictureFolder:
    """Where pictures lie beside pages: `folder` on disk, and `link` to it as a page writes it."""

    folder: Path
    link: str

    @classmethod
    def below(cls, out: Path, page: Path) -> PictureFolder:
        """Return the folder of the reports in `out`, as seen from `page`."""
        folder = out / PICTURES
        return cls(folder, Path(os.path.relpath(folder, page.parent)).as_posix())


class PictureShelf:
    """The pictures of one page, each once by its digest.

    Past `budget` bytes a picture goes to `beside`; without such a folder it is named, not shown.
    """

    def __init__(
        self,
        store: Attaches,
        *,
        budget: int = BUDGET_BYTES,
        pixels: int = THUMBNAIL_PIXELS,
        beside: PictureFolder | None = None,
    ) -> None:
        """`pixels` is the longest side of a thumbnail inside the page; a small original is shown as it is."""
        self._store = store
        self._pixels = pixels
        self._left = budget
        self._beside = beside
        self._pictures: dict[str, dict[str, Any]] = {}
        self._named: dict[str, dict[str, Any]] = {}

    def add(self, image: Image) -> str:
        """Put a picture on the shelf and return its digest."""
        picture = self._pictures.get(image.sha256)
        if picture is None:
            picture = {"width": image.width, "height": image.height}
            self._pictures[image.sha256] = picture
            source = self._source(image)
            picture |= {"missing": True} if source is None else {"src": source}
        self._named[image.sha256] = picture
        return image.sha256

    def pictures(self) -> dict[str, dict[str, Any]]:
        """Return what was added: digest to {"src": URL, "width", "height"}, or "missing" instead of "src"."""
        return self._pictures

    @property
    def outside(self) -> bool:
        """Whether a picture lies beside the page."""
        return any(not str(one.get("src", "data:")).startswith("data:") for one in self._pictures.values())

    def named(self) -> dict[str, dict[str, Any]]:
        """Return the pictures that were added since this was last asked, known ones included."""
        named, self._named = self._named, {}
        return named

    def _source(self, image: Image) -> str | None:
        try:
            image = self._store.attach(image)
            if self._left > 0:
                data, kind = shown(image, ORIGINAL_BYTES * self._pixels // THUMBNAIL_PIXELS, self._pixels)
                source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
                self._left -= len(source)
                return source
            return None if self._beside is None else file_beside(image, self._beside)
        except DataError:
            return None


def file_beside(image: Image, place: PictureFolder) -> str:
    """Return the link to a picture's file, which is written unless it is there. Raises DataError for no picture."""
    for kind in dict.fromkeys((image.format, "jpeg")):
        name = f"{image.sha256}.{kind}"
        if kind in SHOWN_AS_THEY_ARE and (place.folder / name).exists():
            return f"{place.link}/{name}"
    data, kind = shown(image, FILE_ORIGINAL_BYTES, FILE_PIXELS)
    name = f"{image.sha256}.{kind}"
    _put(place.folder / name, data)
    return f"{place.link}/{name}"


def _put(path: Path, data: bytes) -> None:
    """Write a picture by rename. It is not brought to the disk at once: a lost one is made again with the page."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        raise JournalError(
            f"{path}: cannot be written: {error.strerror}; free some space or choose another -o"
        ) from error


def shown(image: Image, small: int, pixels: int) -> tuple[bytes, str]:
    """Return the bytes and the format a browser gets: the original up to `small` bytes, else a JPEG thumbnail."""
    data = image.read()
    if len(data) <= small and image.format in SHOWN_AS_THEY_ARE:
        return data, image.format
    picture = image.open()
    picture.thumbnail((pixels, pixels))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue(), "jpeg"
