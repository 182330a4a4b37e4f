"""Images of a study, encoded anew: what a browser gets is our own bytes, without metadata, under a name of its content.

Nothing of the original file survives but the pixels: no EXIF (its orientation is applied, its place removed), no colour
profile (converted to sRGB), no comment, no second picture behind the first, and no script: SVG is no image here.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from vlmeval.errors import DataError
from vlmeval.jsonio import write_whole
from vlmeval.sbs.records import Shown

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MOST_READ = 150_000_000
MOST_PIXELS = 16_000_000
LONGEST_SIDE = 8_192
QUALITY = 92


class Encoded(NamedTuple):
    """An image ready to be served: `name` is the digest of `data` with its ending."""

    name: str
    data: bytes
    width: int
    height: int


def encoded(data: bytes, where: str) -> Encoded:
    """Return the image in `data`, encoded anew; at most 16 megapixels, scaled down where it has more.

    A JPEG stays a JPEG, all else becomes PNG; of an animation the first picture is kept. Raises DataError that names
    `where` for bytes that are no image of a known format, half of one, or one of more than 150 megapixels.
    """
    from PIL import Image as PIL_Image
    from PIL import ImageOps, UnidentifiedImageError

    try:
        with PIL_Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_READ:
                raise DataError(f"{where}: {opened.width} x {opened.height} pixels; at most {MOST_READ:,} are read")
            lossy = opened.format in ("JPEG", "MPO")
            opened.load()
            picture = plain(ImageOps.exif_transpose(opened))
    except UnidentifiedImageError as error:
        kind = "an SVG, which can hold scripts" if b"<svg" in data[:1024].lower() else f"{len(data)} bytes"
        raise DataError(f"{where}: no image ({kind}); expected {', '.join(FORMATS)}") from error
    except (OSError, SyntaxError, ValueError, EOFError, PIL_Image.DecompressionBombError) as error:
        raise DataError(f"{where}: the image cannot be decoded: {error}") from error
    picture = fitted(picture)
    buffer = io.BytesIO()
    if lossy and picture.mode in ("RGB", "L"):
        picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
        ending = "jpg"
    else:
        picture.save(buffer, "PNG", compress_level=6)
        ending = "png"
    made = buffer.getvalue()
    return Encoded(f"{hashlib.sha256(made).hexdigest()[:32]}.{ending}", made, picture.width, picture.height)


def plain(picture: Picture) -> Picture:
    """Return the picture in sRGB, grey or RGBA, without anything but its pixels."""
    from PIL import ImageCms

    profile = picture.info.get("icc_profile")
    transparent = "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa", "La")
    if profile and picture.mode in ("RGB", "L", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            found = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            found = None  # a broken profile: browsers ignore it too
        picture = found or picture
    kept = picture.convert("RGBA" if transparent else ("L" if picture.mode in ("1", "L") else "RGB"))
    kept.info = {}
    return kept


def fitted(picture: Picture) -> Picture:
    """Return the picture within the limits, in its proportions."""
    from PIL import Image as PIL_Image

    shrink = min(1.0, LONGEST_SIDE / max(picture.size), (MOST_PIXELS / (picture.width * picture.height)) ** 0.5)
    if shrink == 1.0:
        return picture
    size = (max(1, int(picture.width * shrink)), max(1, int(picture.height * shrink)))
    return picture.resize(size, PIL_Image.Resampling.LANCZOS)


class PictureFolder:
    """`images/` of a study. An image that comes again is encoded and written once; an error on the way removes all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Shown] = {}
        self._written: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind of a study that was refused."""
        if error is not None:
            for path in self._written:
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not there, or not empty: somebody else's
                self._folder.rmdir()
                self._folder.parent.rmdir()

    def add(self, data: bytes, where: str) -> Shown:
        """Store the image and return the part of a prompt that shows it. Raises DataError, JournalError."""
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._known:
            made = encoded(data, where)
            path = self._folder / made.name
            if not path.exists():
                write_whole(path, made.data)
                self._written.append(path)
            self._known[digest] = Shown(image=made.name, width=made.width, height=made.height)
        return self._known[digest]
