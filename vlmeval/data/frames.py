"""A video as frames: N images of it, evenly spaced, and a note of which.

Frames come from a list column, from a folder of image files in the order of their names (numbers by value), or, where
the package `av` is installed, from the video file itself. The sampling is one: the middle frame of each of N equal
parts, as MVBench samples (Li et al. 2023, arXiv:2311.17005); a video of fewer frames gives all. The note goes into the
sample's field "frames", so that another number of frames is other data in a score's signature.
"""

from __future__ import annotations

import importlib
import io
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vlmeval.data.cells import is_absent
from vlmeval.data.images import ImageFolders, file_image, image_of
from vlmeval.data.table import Row
from vlmeval.data.tables import text_image
from vlmeval.errors import ConfigError, DataError
from vlmeval.types import Image

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov")
LIST_COLUMNS = ("frames", "frame_paths")
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Frames:
    """The frames chosen, in time order, and the note of how: "uniform 4 of 10: 1 3 6 8"."""

    images: tuple[Image, ...]
    note: str


@dataclass(frozen=True)
class Span:
    """The part of a video that is asked about, in seconds, both ends included; `fps` is that of frames in files."""

    start: float
    end: float
    fps: float | None

    def places(self, times: Sequence[float], where: str) -> tuple[int, ...]:
        """Return the positions of the frames in the part. Raises DataError where there is none."""
        found = tuple(place for place, time in enumerate(times) if self.start <= time <= self.end)
        if not found:
            last = f"{times[-1]:g}" if times else "0"
            raise DataError(
                f"{where}: no frame from second {self.start:g} to {self.end:g}; the last is at {last}: the video is "
                "another, or cut"
            )
        return found


def row_span(row: Row) -> Span | None:
    """Return the part that `start` and `end` name (seconds), None where the whole video is meant (absent, or end 0)."""
    start, end, fps = (_number(row, name) for name in ("start", "end", "fps"))
    if end is None or (end == 0 and not start):
        return None
    if (start or 0) >= end or (start or 0) < 0 or (fps is not None and fps <= 0):
        raise DataError(
            f"{row.at('start', 'end')}: seconds {start or 0:g} to {end:g} are no part of a video; mend them"
        )
    return Span(start or 0.0, end, fps)


def _number(row: Row, name: str) -> float | None:
    text = row.text(name)
    try:
        number = None if text is None else float(text)
    except ValueError as error:
        raise DataError(f'{row.at(name)}: "{text}" is no number of seconds; mend the cell') from error
    if number is not None and not math.isfinite(number):
        raise DataError(f'{row.at(name)}: "{text}" is no number of seconds; mend the cell')
    return number


def evenly(count: int, total: int) -> tuple[int, ...]:
    """Return the positions, from 0, of `count` frames of `total`: the middles of equal parts; all of a short video."""
    if total <= count:
        return tuple(range(total))
    return tuple((2 * part + 1) * total // (2 * count) for part in range(count))


def row_frames(row: Row, count: int, video: str | None) -> Frames:
    """Return `count` frames of the row's video: those of a column `frames`, else of the folder or file called `video`.

    Looked for, in the data folders: `video` and frames/`video`, without its suffix, as folders of images; then the
    file, there or in videos/, video/ or data/. Of a question about a part (`row_span`) they are of that part: in a
    video file by its own clock, in a folder by the row's `fps`; a list, and a folder without it, are the part already.
    A row that may do without its image may do without these. Raises DataError where there is none, ConfigError for a
    video file without the package `av`.
    """
    listed = row.value(*LIST_COLUMNS)
    if listed is not None:
        return _listed(row, listed, count)
    if video is not None:
        found = _find(row.table.folders, video, row.where)
        if found is not None:
            span = row_span(row)
            return _folder(found, count, span, row.where) if found.is_dir() else _decoded(found, count, span, row.where)
    if row.imageless:
        return Frames((), "none")
    if video is None:
        raise row.missing(*LIST_COLUMNS, "video")
    looked = ", ".join(map(str, row.table.folders.folders))
    raise DataError(
        f'{row.where}: no frames of the video "{video[:200]}"; put them as images into frames/{_stem(video)[:200]}/ in '
        f"one of {looked}, or name the folder that holds frames/ with --data-dir"
    )


def _note(places: Sequence[int], total: int) -> str:
    return f"uniform {len(places)} of {total}: {' '.join(map(str, places))}"


def _listed(row: Row, listed: Any, count: int) -> Frames:
    where = row.at(*LIST_COLUMNS)
    if isinstance(listed, list) and all(isinstance(item, str) for item in listed):
        names = [item for item in listed if not is_absent(item)]
        places = evenly(count, len(names))
        images = tuple(text_image(names[place], row.table.folders, where) for place in places)
        total = len(names)
    else:
        every = row.images(*LIST_COLUMNS)
        places, total = evenly(count, len(every)), len(every)
        images = tuple(every[place] for place in places)
    if not images:
        raise DataError(f"{where}: no frames in the list; fill the cell")
    return Frames(images, _note(places, total))


def _stem(video: str) -> str:
    root, suffix = os.path.splitext(video)
    return root if suffix.lower() in VIDEOS else video


def _find(folders: ImageFolders, video: str, where: str) -> Path | None:
    """Return the folder of frames, or else the file, of a video. Raises DataError for a name that leads out."""
    stem = _stem(video)
    names = [video] if stem != video else [f"{video}{suffix}" for suffix in VIDEOS]
    files = [f"{place}{name}" for name in names for place in ("", "videos/", "video/", "data/")]
    inside = False
    for name in () if "\0" in video else (f"frames/{stem}", stem, *files):
        for folder in folders.folders:
            path = Path(os.path.normpath(folder / name))
            if not any(path.is_relative_to(root) and path != root for root in folders.folders):
                continue
            inside = True
            if path.is_file() or (path.is_dir() and _pictures(path)):
                return path
    if not inside:
        raise DataError(f'{where}: the video name "{video[:200]!r}" leads out of the data folders; use a name inside')
    return None


def _pictures(folder: Path) -> list[Path]:
    """Return the images in `folder`, frame_9 before frame_10."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.is_file()]
    return sorted(found, key=_by_number)


def _by_number(path: Path) -> tuple[list[tuple[int, str]], str]:
    pieces = _NUMBERS.split(path.stem)
    return [(int(piece), "") if place % 2 else (-1, piece) for place, piece in enumerate(pieces)], path.name


def _chosen(count: int, total: int, part: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the positions of `count` frames of all, or of those of a part."""
    return evenly(count, total) if part is None else tuple(part[place] for place in evenly(count, len(part)))


def _folder(folder: Path, count: int, span: Span | None, where: str) -> Frames:
    files = _pictures(folder)
    fps = span.fps if span else None
    part = span.places([place / fps for place in range(len(files))], where) if span and fps else None
    places = _chosen(count, len(files), part)
    return Frames(tuple(file_image(files[place], str(files[place])) for place in places), _note(places, len(files)))


def _decoded(path: Path, count: int, span: Span | None, where: str) -> Frames:
    times = _times(path)
    places = _chosen(count, len(times), span.places(times, where) if span else None)
    images = []
    for number, place in enumerate(places):

        def read(number: int = number) -> bytes:
            return _pngs(path, places)[number]

        images.append(image_of(read, f"{path}, frame {place}"))
    return Frames(tuple(images), _note(places, len(times)))


def _av(path: Path) -> Any:
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise ConfigError(
            f"{path}: decoding video files needs the package `av`; pip install av, or put the frames as images into a "
            f"folder frames/{path.stem}/"
        ) from error


@lru_cache(64)
def _times(path: Path) -> tuple[float, ...]:
    """Return the seconds at which the frames are shown, counted from the first: what containers claim is often wrong.

    A frame without a time of its own is shown when the one before it is.
    """
    av = _av(path)
    try:
        with av.open(str(path)) as container:
            times: list[float] = []
            for frame in container.decode(video=0):
                times.append(times[-1] if frame.time is None and times else frame.time or 0.0)
            return tuple(time - times[0] for time in times)
    except (av.FFmpegError, IndexError, OSError) as error:
        raise DataError(f"{path}: the video cannot be decoded ({error}); fetch it again") from error


# A sample keeps readers, not bytes: a data set of frames in memory would be gigabytes. The videos that are read next
# are mostly the ones read last.
@lru_cache(4)
def _pngs(path: Path, places: tuple[int, ...]) -> tuple[bytes, ...]:
    """Return these frames of a video as PNG."""
    av, wanted, found = _av(path), set(places), []
    with av.open(str(path)) as container:
        for place, frame in enumerate(container.decode(video=0)):
            if place in wanted:
                buffer = io.BytesIO()
                frame.to_image().save(buffer, "PNG")
                found.append(buffer.getvalue())
    return tuple(found)
