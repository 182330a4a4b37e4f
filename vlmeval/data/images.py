"""Images as encoded bytes: identified by digest, measured by their header, found in folders, never decoded here.

A reader is a function without arguments that returns the encoded bytes again; it is all that a Sample keeps of an
image.
"""

from __future__ import annotations

import binascii
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlmeval.errors import DataError
from vlmeval.types import Image

Reader = Callable[[], bytes]

# PIL's name where it differs from the MIME subtype. MPO is what many cameras write: a JPEG with further pictures
# behind it.
_SUBTYPES = {"mpo": "jpeg", "jpeg2000": "jp2"}
_BLANKS = bytes.maketrans(b"", b"")


def probe(data: bytes, where: str) -> Image:
    """Return the image that `data` encodes, without a reader.

    Reads the header, and looks whether the end of the encoding is there; only a file without its end is decoded, to
    tell a truncated picture from one with unusual bytes behind it. Raises DataError that names `where`.
    """
    from PIL import Image as PIL_Image
    from PIL import UnidentifiedImageError

    try:
        with PIL_Image.open(io.BytesIO(data)) as picture:
            form = (picture.format or "").lower()
            width, height = picture.size
            if not _has_end(form, data):
                picture.load()
    except UnidentifiedImageError as error:
        raise DataError(f"{where}: {len(data)} bytes that are no image; {_REPLACE}") from error
    except (OSError, SyntaxError, ValueError, EOFError, PIL_Image.DecompressionBombError) as error:
        raise DataError(f"{where}: the image cannot be decoded ({error}); {_REPLACE}") from error
    return Image(hashlib.sha256(data).hexdigest(), width, height, _SUBTYPES.get(form, form))


_REPLACE = "replace it, or remove the row (`vlmeval data check` lists all such rows)"


def _has_end(form: str, data: bytes) -> bool:
    """Tell whether `data` ends as a whole file of this format does; where it does not, only decoding can tell."""
    if form in ("jpeg", "mpo"):
        return data.endswith(b"\xff\xd9")
    if form == "png":
        return data.endswith(b"IEND\xaeB`\x82")
    if form == "webp":
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    return False


def image_of(reader: Reader, where: str) -> Image:
    """Return the image behind `reader`, which stays attached."""
    return probe(reader(), where).with_reader(reader)


def from_base64(text: bytes, where: str) -> bytes:
    """Return the bytes that `text` encodes; a data URL is accepted. Raises DataError for anything but whole base64."""
    if text.startswith(b"data:"):
        text = text.partition(b",")[2]
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        pass
    try:
        # Line breaks inside base64 are legal in MIME; strict mode refuses them like any other foreign byte.
        return binascii.a2b_base64(text.translate(_BLANKS, b" \t\r\n"), strict_mode=True)
    except binascii.Error as error:
        raise DataError(f"{where}: corrupt base64 ({error}); fetch the file again, or mend the cell") from error


@dataclass(frozen=True)
class ImageFolders:
    """Where image paths of a data file may point. A path that leaves all of them is refused.

    `root`, one of the folders, is where the user says the images are (--image-root): there a file is also found by its
    bare name, whatever folder the data file puts before it.
    """

    folders: tuple[Path, ...]
    root: Path | None = None

    @classmethod
    def beside(cls, file: Path, more: Iterable[Path] = ()) -> ImageFolders:
        """Return the folder of `file` (or `file` itself, for a folder) and its `images/`, then `more`."""
        own = file if file.is_dir() else file.parent
        unique = dict.fromkeys(Path(os.path.abspath(folder)) for folder in (own, own / "images", *more))
        return cls(tuple(unique))

    def under(self, root: Path | None) -> ImageFolders:
        """Return these folders with the user's `root` looked into first; themselves without one."""
        if root is None:
            return self
        first = Path(os.path.abspath(root))
        return ImageFolders(tuple(dict.fromkeys((first, *self.folders))), first)

    def find(self, names: Sequence[str], where: str) -> Path:
        """Return the first of `names` that is a file in one of the folders.

        Raises DataError for a name that leads out of them, and where there is none.
        """
        inside = False
        for name in (place for given in names for place in (given, *_coco_places(given))):
            for folder in self.folders:
                path = Path(os.path.normpath(folder / name))
                if not any(path.is_relative_to(root) for root in self.folders):
                    continue
                inside = True
                if "\0" not in name and path.is_file():
                    return path
        if inside and self.root is not None:
            for name in names:
                path = self.root / os.path.basename(name)
                if "\0" not in name and path.is_file():
                    return path
        looked = ", ".join(str(folder) for folder in self.folders)
        if not inside:
            raise DataError(
                f'{where}: the image path "{names[0][:200]}" leads out of the data folders ({looked}); '
                "use a path inside them, or name the folder with --image-root"
            )
        raise DataError(
            f'{where}: image file "{names[0][:200]}" is not there; looked in {looked}; put it there, or name the '
            "folder that holds the images with --image-root"
        )


def _coco_places(name: str) -> tuple[str, ...]:
    """Return where the COCO download keeps an image such as "COCO_val2014_000000391895.jpg"."""
    parts = name.split("_")
    return (f"{parts[1]}/{name}", f"coco/{parts[1]}/{name}") if len(parts) == 3 and parts[0] == "COCO" else ()


def read_file(path: Path, where: str) -> bytes:
    """Return the bytes of an image file. Raises DataError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{where}: image file {path}: {error.strerror}") from error


def file_image(path: Path, where: str) -> Image:
    """Return the image in the file `path`."""
    return image_of(lambda: read_file(path, where), where)
