"""Pictures for a page that stands alone: small originals, thumbnails of large ones, within a budget of bytes."""

from __future__ import annotations

import base64
import io
from typing import Any

from vlmeval.errors import DataError
from vlmeval.store.images import ImageStore
from vlmeval.types import Image

ORIGINAL_BYTES = 40_000
THUMBNAIL_PIXELS = 512
BUDGET_BYTES = 24_000_000
SHOWN_AS_THEY_ARE = {"png", "jpeg", "webp", "gif"}


class PictureShelf:
    """The pictures of one page, each once by its digest. Past `budget` bytes a picture is named, not shown."""

    def __init__(self, store: ImageStore, *, budget: int = BUDGET_BYTES) -> None:
        self._store = store
        self._left = budget
        self._pictures: dict[str, dict[str, Any]] = {}

    def add(self, image: Image) -> str:
        """Put a picture on the shelf and return its digest."""
        if image.sha256 not in self._pictures:
            picture: dict[str, Any] = {"width": image.width, "height": image.height}
            self._pictures[image.sha256] = picture
            try:
                source = self._source(self._store.attach(image)) if self._left > 0 else None
            except DataError:
                source = None
            if source is None:
                picture["missing"] = True
            else:
                picture["src"] = source
                self._left -= len(source)
        return image.sha256

    def pictures(self) -> dict[str, dict[str, Any]]:
        """Return what was added: digest to {"src": data URL, "width", "height"}, or "missing" instead of "src"."""
        return self._pictures

    def _source(self, image: Image) -> str:
        data = image.read()
        kind = image.format
        if len(data) > ORIGINAL_BYTES or kind not in SHOWN_AS_THEY_ARE:
            picture = image.open()
            picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=80)
            data, kind = buffer.getvalue(), "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
