"""A request as the body of a chat completion: the settings once, the images once, the text each time.

The JSON encoder never runs over base64: an image becomes a data URL of its original bytes, kept as bytes, spliced in.
"""

from __future__ import annotations

import base64
import io
import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from vlmeval.errors import DataError, RejectedError
from vlmeval.types import Image, Request, Sampling

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SENT_FORMATS = ("png", "jpeg", "webp")
"""Encodings that every provider takes. Others (bmp, tiff, gif, ...) are sent as PNG of the same pixels, first frame."""

CACHE_BYTES = 256 * 1024 * 1024
_JPEG_QUALITY = 95


class ImageLimits(Struct, frozen=True):
    """Bounds on an image as sent; 0 is none. `base64` is counted on the base64 text, as providers count.

    An image above one is resized (Lanczos, same aspect) until it fits; JPEG stays JPEG, all else becomes PNG.
    """

    pixels: int = 0
    side: int = 0
    base64: int = 0

    def scale(self, width: int, height: int) -> float:
        """Return the factor on both sides that brings a size within pixels and side, at most 1."""
        scale = 1.0
        if self.pixels:
            scale = min(scale, math.sqrt(self.pixels / (width * height)))
        if self.side:
            scale = min(scale, self.side / max(width, height))
        return scale


class _Entry:
    """One image of the cache; the lock lets one thread encode while others that want the same image wait."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.url: bytes | None = None


class DataUrls:
    """Images as data URLs, each made once while it stays in a cache bounded in bytes; least recently used leaves first.

    `converted` and `resized` count the images that were not sent as they are.
    """

    def __init__(self, limits: ImageLimits, *, capacity: int = CACHE_BYTES) -> None:
        self.limits = limits
        self.converted = 0
        self.resized = 0
        self.encoded = 0
        self._capacity = capacity
        self._held = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, image: Image) -> bytes:
        """Return `data:image/...;base64,...`. Raises DataError for an image that must be decoded and cannot be."""
        with self._lock:
            entry = self._entries.get(image.sha256)
            if entry is None:
                entry = self._entries[image.sha256] = _Entry()
            else:
                self._entries.move_to_end(image.sha256)
        with entry.lock:
            if entry.url is None:
                entry.url = url = self._encode(image)
                self._account(image.sha256, entry, len(url))
            return entry.url

    def _account(self, key: str, entry: _Entry, size: int) -> None:
        with self._lock:
            if self._entries.get(key) is entry:
                self._held += size
            while self._held > self._capacity and len(self._entries) > 1:
                _, oldest = self._entries.popitem(last=False)
                self._held -= len(oldest.url or b"")

    def _encode(self, image: Image) -> bytes:
        data, kind = image.read(), image.format
        resize = self.limits.scale(image.width, image.height) < 1
        too_big = 0 < self.limits.base64 < _base64_length(data)
        if resize or too_big or kind not in SENT_FORMATS:
            data, kind = _reencoded(image, data, self.limits)
        with self._lock:
            self.encoded += 1
            self.resized += resize or too_big
            self.converted += image.format not in SENT_FORMATS
        return b"data:image/" + kind.encode() + b";base64," + base64.b64encode(data)


def _base64_length(data: bytes) -> int:
    return (len(data) + 2) // 3 * 4


def _decoded(image: Image, data: bytes) -> Picture:
    """Return the picture in a mode that PNG (JPEG for a JPEG) can hold, unchanged where it already is."""
    from PIL import Image as PIL_Image

    try:
        opened = PIL_Image.open(io.BytesIO(data))
        opened.load()
    except (OSError, SyntaxError, PIL_Image.DecompressionBombError) as error:
        raise DataError(f"image {image.sha256[:12]} ({image.format}): cannot be decoded: {error}") from error
    modes = ("L", "RGB") if image.format == "jpeg" else ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    return opened if opened.mode in modes else opened.convert("RGB")


def _reencoded(image: Image, data: bytes, limits: ImageLimits) -> tuple[bytes, str]:
    """Return the image within the limits, and its format: JPEG stays JPEG, all else becomes PNG."""
    from PIL import Image as PIL_Image

    kind = "jpeg" if image.format == "jpeg" else "png"
    whole = fitted = _decoded(image, data)
    scale = limits.scale(*whole.size)
    while True:
        if scale < 1:
            if whole.mode in ("1", "P"):
                whole = whole.convert("RGBA" if "transparency" in whole.info else "RGB")
            width, height = (max(1, math.floor(side * scale)) for side in whole.size)
            fitted = whole.resize((width, height), PIL_Image.Resampling.LANCZOS)
        written = io.BytesIO()
        # The colour profile is left out: models read stored values, and a profile can be larger than the image.
        fitted.save(written, kind, quality=_JPEG_QUALITY, icc_profile=None)
        length = _base64_length(written.getvalue())
        if not limits.base64 or length <= limits.base64 or fitted.size == (1, 1):
            return written.getvalue(), kind
        scale *= min(0.95, math.sqrt(limits.base64 / length))


class Payload:
    """Builds bodies for one model. `names` maps settings of Sampling to the server's names; others are not sent."""

    def __init__(
        self,
        model: str,
        urls: DataUrls,
        *,
        names: dict[str, str],
        overrides: dict[str, Any],
        detail: str | None,
        extra: dict[str, Any],
    ) -> None:
        self._model = model
        self._urls = urls
        self._names = names
        self._overrides = overrides
        self._extra = extra
        self._image_end = b'"}}' if detail is None else b'","detail":' + msgspec.json.encode(detail) + b"}}"
        self._heads: dict[Sampling, bytes] = {}

    def settings(self, sampling: Sampling) -> dict[str, Any]:
        """Return the settings as sent, by the server's names: the model's own before the task's, None left out."""
        wanted = {**msgspec.structs.asdict(sampling), **self._overrides}
        return {
            self._names[name]: value
            for name, value in wanted.items()
            if name in self._names and value is not None and value != ()
        }

    def body(self, request: Request) -> bytes:
        """Return the request as JSON. Raises RejectedError for text that is not Unicode (a lone surrogate)."""
        return b"".join(self.pieces(request))

    def pieces(self, request: Request) -> list[bytes]:
        """Return the request as JSON in pieces: the images are those of the cache, not copies. Raises like `body`."""
        head = self._heads.get(request.sampling)
        if head is None:
            fields = {"model": self._model, **self.settings(request.sampling), **self._extra}
            head = self._heads[request.sampling] = msgspec.json.encode(fields)[:-1] + b',"messages":['
        pieces = [head]
        try:
            if request.system is not None:
                pieces += (b'{"role":"system","content":', msgspec.json.encode(request.system), b"},")
            pieces.append(b'{"role":"user","content":')
            self._add_content(request, pieces)
        except UnicodeEncodeError as error:
            raise RejectedError(f"sample {request.sample_id}: the prompt is not valid Unicode: {error}") from error
        pieces.append(b"}]}")
        return pieces

    def _add_content(self, request: Request, pieces: list[bytes]) -> None:
        if not any(isinstance(part, Image) for part in request.parts):
            # A list of parts is refused by some text-only servers; a string never is.
            pieces.append(msgspec.json.encode("".join(part for part in request.parts if isinstance(part, str))))
            return
        comma = b"["
        for part in request.parts:
            if isinstance(part, Image):
                opening = comma + b'{"type":"image_url","image_url":{"url":"'
                pieces += (opening, self._urls.get(part), self._image_end)
            elif part:
                pieces += (comma + b'{"type":"text","text":', msgspec.json.encode(part), b"}")
            else:
                continue
            comma = b","
        pieces.append(b"]")
