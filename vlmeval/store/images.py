"""The images of all runs, each once by the digest of its bytes: members `<sha256>.<format>` of `results/images/*.tar`.

A run appends the images that no archive holds yet to one of its own, so that a picture costs one write, not a new file
(measured on ext4: 0.03 against 0.6 ms of CPU), and folders of several people can be laid together. Any tar program
reads them. What a crash left torn at the end of an archive is cut off when its run goes on.
"""

from __future__ import annotations

import hashlib
import os
import queue
import re
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from vlmeval.errors import DataError, JournalError
from vlmeval.types import Image

BLOCK = tarfile.BLOCKSIZE
_FORMAT = re.compile(r"[a-z0-9][a-z0-9.+-]{0,31}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class _Place(NamedTuple):
    archive: Path
    offset: int
    size: int


class ImageStore:
    """The images below one `results/`. `archive` is the name of the one that this process appends to; "" only reads."""

    def __init__(self, results: Path, archive: str = "") -> None:
        self._root = results / "images"
        self._path = self._root / f"{archive}.tar" if archive else None
        self._places: dict[str, _Place] = {}
        self._ends: dict[Path, int] = {}
        self._descriptor = -1
        self._lock = threading.Lock()

    def add(self, image: Image) -> None:
        """Store the bytes unless an archive holds them. Raises DataError; JournalError where the disk refuses."""
        name = member_name(image)
        with self._lock:
            if self._path is None:
                raise JournalError(f"{self._root}: opened to read only")
            try:
                if self._descriptor < 0:
                    self._descriptor = self._open(self._path)
                if name not in self._places:
                    self._append(self._path, name, image.read())
            except OSError as error:
                raise JournalError(
                    f"{self._path}: cannot be written: {error.strerror}; free some space and run the same command "
                    "again, or choose another -o"
                ) from error

    def attach(self, image: Image) -> Image:
        """Return the image with a reader of its stored bytes; reading raises DataError where they are gone or changed.

        The bytes are checked against the digest, because nobody waited for the disk when they were stored.
        """
        name = member_name(image)

        def read() -> bytes:
            with self._lock:
                if name not in self._places:
                    self._scan()
                place = self._places.get(name)
            if place is None:
                raise DataError(f"image {name}: in no archive of {self._root}")
            try:
                with open(place.archive, "rb") as file:
                    file.seek(place.offset)
                    data = file.read(place.size)
            except OSError as error:
                raise DataError(f"image {name}: {place.archive} cannot be read: {error.strerror}") from error
            if hashlib.sha256(data).hexdigest() != image.sha256:
                raise DataError(f"image {name}: its bytes in {place.archive} have changed")
            return data

        return image.with_reader(read)

    def close(self) -> None:
        """Bring what was added to the disk."""
        if self._descriptor >= 0:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self, path: Path) -> int:
        """Open the own archive to append, a torn end cut off, once all archives are known."""
        self._root.mkdir(parents=True, exist_ok=True)
        self._scan()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
        os.ftruncate(descriptor, self._ends.get(path, 0))
        os.lseek(descriptor, 0, os.SEEK_END)
        return descriptor

    def _append(self, path: Path, name: str, data: bytes) -> None:
        end = self._ends.get(path, 0)
        member = tarfile.TarInfo(name)
        member.size = len(data)
        padded = member.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % BLOCK)
        try:
            written = 0
            while written < len(padded):
                written += os.write(self._descriptor, padded[written:] if written else padded)
        except OSError:
            os.ftruncate(self._descriptor, end)
            os.lseek(self._descriptor, end, os.SEEK_SET)
            raise
        self._places[name] = _Place(path, end + BLOCK, len(data))
        self._ends[path] = end + len(padded)

    def _scan(self) -> None:
        """Take in what the archives have gained since they were last read."""
        for archive in sorted(self._root.glob("*.tar")):
            for name, place in members(archive, self._ends.get(archive, 0)):
                self._places.setdefault(name, place)
                self._ends[archive] = place.offset + place.size + -place.size % BLOCK


class ImageWriter:
    """Stores images on a thread of its own, so that the disk costs no request its time. Leave it, and all are stored.

    An error of the disk or of an image is raised by the next `add`, or on leaving.
    """

    def __init__(self, store: ImageStore, *, waiting: int = 512) -> None:
        self._store = store
        self._queue: queue.Queue[Image | None] = queue.Queue(waiting)
        self._seen: set[str] = set()
        self._error: DataError | JournalError | None = None
        self._thread = threading.Thread(target=self._work, name="images", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        self._store.close()
        if error is None:
            self._check()

    def add(self, image: Image) -> None:
        """Have the image stored, unless this writer was given it before."""
        self._check()
        if image.sha256 not in self._seen:
            self._seen.add(image.sha256)
            self._queue.put(image)

    def _work(self) -> None:
        while (image := self._queue.get()) is not None:
            if self._error is not None:
                continue
            try:
                self._store.add(image)
            except (DataError, JournalError) as error:
                self._error = error

    def _check(self) -> None:
        if self._error is not None:
            raise self._error


def member_name(image: Image) -> str:
    """Return the name of an image in an archive. Raises DataError for a digest or format that is none."""
    if not _DIGEST.fullmatch(image.sha256) or not _FORMAT.fullmatch(image.format):
        raise DataError(f'image "{image.sha256[:80]}" ({image.format[:40]}): not a sha256 and a MIME subtype')
    return f"{image.sha256}.{image.format}"


def members(archive: Path, start: int) -> Iterator[tuple[str, _Place]]:
    """Yield the whole members of an archive from offset `start` on; a torn or foreign end ends the list.

    Headers are read by their fixed places (POSIX ustar: name 0-99, size 124-135 in octal): a run of a large data set
    has tens of thousands.
    """
    with open(archive, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        while start + BLOCK <= length:
            file.seek(start)
            header = file.read(BLOCK)
            if header[257:262] != b"ustar":
                return
            name, size = header[:100].rstrip(b"\0").decode("ascii", "replace"), int(header[124:135] or b"0", 8)
            if start + BLOCK + size + -size % BLOCK > length:
                return
            yield name, _Place(archive, start + BLOCK, size)
            start += BLOCK + size + -size % BLOCK
