"""The images of all runs, each once, under the digest of its bytes: `results/images/<ab>/<sha256>.<format>`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from pathlib import Path

from vlmeval.errors import DataError, JournalError
from vlmeval.types import Image

_FORMAT = re.compile(r"[a-z0-9][a-z0-9.+-]{0,31}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class ImageStore:
    """The images below one `results/`. Any number of threads and processes may add: content decides the name."""

    def __init__(self, results: Path) -> None:
        self._root = results / "images"
        self._folders: set[str] = set()

    def path(self, image: Image) -> Path:
        """Return where the image lies. Raises DataError for a digest or format that is none (a doctored file)."""
        if not _DIGEST.fullmatch(image.sha256) or not _FORMAT.fullmatch(image.format):
            raise DataError(f'image "{image.sha256[:80]}" ({image.format[:40]}): not a sha256 and a MIME subtype')
        return self._root / image.sha256[:2] / f"{image.sha256}.{image.format}"

    def add(self, image: Image) -> None:
        """Store the image's bytes unless they are here. Raises DataError, JournalError where the disk refuses."""
        path = self.path(image)
        if path.exists():
            return
        data = image.read()
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        try:
            if image.sha256[:2] not in self._folders:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._folders.add(image.sha256[:2])
            with open(temporary, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise JournalError(
                f"{path}: cannot be written: {error.strerror}; free some space and run the same command again, "
                "or choose another -o"
            ) from error

    def attach(self, image: Image) -> Image:
        """Return the image with a reader of its stored bytes; reading raises DataError where they are gone or changed.

        The bytes are checked against the digest, because nobody waited for the disk when they were stored: after a
        power cut a file may be short.
        """
        path = self.path(image)

        def read() -> bytes:
            try:
                data = path.read_bytes()
            except OSError as error:
                raise DataError(f"image {path}: cannot be read: {error.strerror}") from error
            if hashlib.sha256(data).hexdigest() != image.sha256:
                raise DataError(f"image {path}: its bytes have changed; delete it and run the same command again")
            return data

        return image.with_reader(read)
