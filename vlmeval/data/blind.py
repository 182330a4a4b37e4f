"""Blind baselines: the same questions with every image replaced, which shows what a model knows without looking.

    none       images are left out, the question is text only; an option that was an image only reads "(image)"
    black      a black image of the same size
    noise      uniform noise of the same size, seeded by the image's digest: equal images get equal noise
    shuffled   another sample's image, of its own size: a fixed derangement of the distinct images of the split

Ids, gold, tags and clusters stay, so that a blind run pairs with the sighted one, sample by sample. What a benchmark
tells of an image in words (OCR tokens, a caption as a hint) stays too. The mode is part of the recipe ("data.blind").
Goyal et al., "Making the V in VQA Matter", arXiv:1612.00837, show why it is needed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from typing import Literal, NamedTuple, Protocol

import msgspec

from vlmeval.data.samples import Origin
from vlmeval.errors import DataError
from vlmeval.types import Choice, Image, Part, Sample

Blind = Literal["none", "black", "noise", "shuffled"]

IMAGE_OPTION = "(image)"
ORDER = "vlmeval shuffled 1"
"""Salt of the derangement; the number rises with its rule."""

Replace = Callable[[Image], Image | None]


class BlindSource(Protocol):
    """Samples by base row, and where they came from: what a `SampleSet` is."""

    @property
    def origin(self) -> Origin:
        """Where the samples came from."""
        ...

    @property
    def base_rows(self) -> Sequence[int]:
        """The numbers of the base rows."""
        ...

    def at(self, number: int) -> Iterable[Sample]:
        """Return the samples of a base row."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sample]: ...


class BlindSet:
    """The samples of `source`, made blind one by one as they are read.

    "shuffled" reads every row once beforehand, to know the images; it keeps digests and row numbers, no bytes.
    """

    def __init__(self, source: BlindSource, mode: Blind) -> None:
        self._source = source
        self._mode = mode

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[Sample]:
        """Yield the blind samples. Raises DataError where "shuffled" finds no other image to show."""
        replace = self._replace
        for sample in self._source:
            yield blinded(sample, replace)

    @property
    def base_rows(self) -> Sequence[int]:
        """The numbers of the base rows, those of the source."""
        return self._source.base_rows

    def at(self, number: int) -> Iterable[Sample]:
        """Return the blind samples of a base row."""
        return [blinded(sample, self._replace) for sample in self._source.at(number)]

    @cached_property
    def origin(self) -> Origin:
        """That of the source, with the mode."""
        return dataclasses.replace(self._source.origin, blind=self._mode)

    @cached_property
    def _replace(self) -> Replace:
        if self._mode == "none":
            return lambda image: None
        if self._mode == "black":
            return black
        if self._mode == "noise":
            return noise
        others = exchange(self._source)
        return lambda image: others[image.sha256]


def blinded(sample: Sample, replace: Replace) -> Sample:
    """Return the sample with `replace` applied to each image of question and options; None leaves an image out."""
    return msgspec.structs.replace(
        sample,
        parts=_replaced(sample.parts, replace),
        choices=tuple(_choice(choice, replace) for choice in sample.choices),
    )


def _replaced(parts: tuple[Part, ...], replace: Replace) -> tuple[Part, ...]:
    shown = (part if isinstance(part, str) else replace(part) for part in parts)
    return tuple(part for part in shown if part is not None)


def _choice(choice: Choice, replace: Replace) -> Choice:
    if isinstance(choice, str) or not choice:
        return choice
    # An option without any part would not be offered: the question would have another number of options.
    return _replaced(choice, replace) or (IMAGE_OPTION,)


def black(image: Image) -> Image:
    """Return a black image of the size of `image`."""
    return _black(image.width, image.height)


@lru_cache(256)
def _black(width: int, height: int) -> Image:
    return _drawn(partial(_black_png, width, height), width, height)


def _black_png(width: int, height: int) -> bytes:
    return png(width, height, (bytes(3 * width) for _ in range(height)), level=9)


def noise(image: Image) -> Image:
    """Return an image of the size of `image`, every channel of every pixel uniform in 0..255."""
    return _drawn(partial(_noise_png, image.sha256, image.width, image.height), image.width, image.height)


def _noise_png(digest: str, width: int, height: int) -> bytes:
    import numpy as np

    seed = int.from_bytes(hashlib.sha256(digest.encode()).digest(), "big")
    generator = np.random.default_rng(seed)
    return png(width, height, (generator.bytes(3 * width) for _ in range(height)), level=0)


def _drawn(draw: Callable[[], bytes], width: int, height: int) -> Image:
    """Return the image that `draw` encodes; it is drawn again where it is read, not kept."""
    return Image(hashlib.sha256(draw()).hexdigest(), width, height, "png").with_reader(draw)


def png(width: int, height: int, rows: Iterable[bytes], *, level: int) -> bytes:
    """Return a PNG of RGB `rows`, 3 * `width` bytes each, held one at a time: a picture may be a hundred megapixels.

    https://www.w3.org/TR/png-3: signature, IHDR (8 bits, colour type 2), one IDAT, IEND.
    """
    packer = zlib.compressobj(level)
    packed = [packer.compress(b"\0" + row) for row in rows]
    packed.append(packer.flush())
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b"".join(packed)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


class _Place(NamedTuple):
    image: Image
    row: int


def exchange(source: BlindSource) -> dict[str, Image]:
    """Return the image to show instead of each, by digest. Raises DataError where there are not two distinct ones.

    The bytes are read again from the row where they stand, when they are sent.
    """
    places: dict[str, _Place] = {}
    groups: list[list[str]] = []
    for number in source.base_rows:
        for sample in source.at(number):
            images = list(images_of(sample))
            for image in images:
                bare = Image(image.sha256, image.width, image.height, image.format)
                places.setdefault(image.sha256, _Place(bare, number))
            groups.append([image.sha256 for image in images])
    if not places:
        return {}
    return {
        digest: places[other].image.with_reader(partial(_read_at, source, places[other]))
        for digest, other in derangement(groups).items()
    }


def _read_at(source: BlindSource, place: _Place) -> bytes:
    for sample in source.at(place.row):
        for image in images_of(sample):
            if image == place.image:
                return image.read()
    raise DataError(f"image {place.image.sha256[:12]}: its row has changed since it was read; start anew with --fresh")


def derangement(groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """Return for each digest another one, each used once, never one that shares a group with it (a sample's images).

    Groups that share a digest are one. They are laid in a circle, in an order that depends on the digests and nothing
    else, and everything moves on by the size of the largest. Raises DataError where one group holds more than half of
    the digests: then such a choice need not exist.
    """
    joined = _joined(groups)
    ring = [digest for group in sorted(joined, key=lambda group: _mixed(min(group))) for digest in sorted(group)]
    step = max(map(len, joined), default=0)
    if 2 * step > len(ring):
        raise DataError(
            f"--blind shuffled: {step} of the {len(ring)} distinct images belong to one sample, or to samples that "
            "share images, so not each can be replaced by another sample's; take more questions, or --blind black"
        )
    return {digest: ring[(place + step) % len(ring)] for place, digest in enumerate(ring)}


def _joined(groups: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return the members of each set of groups that are connected by common members."""
    above: dict[str, str] = {}

    def root(member: str) -> str:
        while above.setdefault(member, member) != member:
            above[member] = above[above[member]]
            member = above[member]
        return member

    for group in groups:
        for member in group:
            above[root(member)] = root(group[0])
    found: dict[str, list[str]] = {}
    for member in list(above):
        found.setdefault(root(member), []).append(member)
    return list(found.values())


def _mixed(digest: str) -> bytes:
    """Return a key that sorts digests in an order of our own, the same on every machine and in every release."""
    return hashlib.sha256(f"{ORDER} {digest}".encode()).digest()


def images_of(sample: Sample) -> Iterator[Image]:
    """Yield the images of the question, then of the options."""
    for parts in (sample.parts, *(choice for choice in sample.choices if not isinstance(choice, str))):
        yield from (part for part in parts if isinstance(part, Image))
