"""A PNG encoder whose bytes depend on the pixels alone.

Pillow's bytes differ between builds (zlib, zlib-ng), which would make the suite differ from machine to machine. This
encoder writes palette images (at most 16 colours, 4 bits a pixel) and compresses them itself: fixed Huffman codes with
matches at two distances only, the previous byte and the previous row (RFC 1950, 1951 and 2083).
"""

import struct
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MAX_MATCH: Final = 258
_MIN_MATCH: Final = 3
_PALETTE_LIMIT: Final = 16


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode an array of shape (height, width, 3), of even width and at most 16 colours, as a PNG file."""
    height, width, _ = pixels.shape
    palette, indices = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    if len(palette) > _PALETTE_LIMIT or width % 2:
        raise ValueError(f"expected an even width and at most {_PALETTE_LIMIT} colours, got {width}, {len(palette)}")
    nibbles = indices.reshape(height, width).astype(np.uint8)
    packed = (nibbles[:, 0::2] << 4) | nibbles[:, 1::2]
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), packed], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    body = _zlib_stream(rows.tobytes(), stride=rows.shape[1])
    return b"".join(
        [
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette.astype(np.uint8).tobytes()),
            _chunk(b"IDAT", body),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _zlib_stream(data: bytes, stride: int) -> bytes:
    return b"\x78\x01" + _deflate(data, stride) + struct.pack(">I", zlib.adler32(data))


class _BitWriter:
    """Bits in deflate's order: the first bit is the lowest of the first byte."""

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def number(self, value: int, bits: int) -> None:
        """Append `value`, lowest bit first."""
        self._value |= value << self._length
        self._length += bits

    def code(self, value: int, bits: int) -> None:
        """Append a Huffman code, highest bit first."""
        self.number(int(format(value, f"0{bits}b")[::-1], 2), bits)

    def to_bytes(self) -> bytes:
        """Return everything appended, zero bits to the end of the last byte."""
        return self._value.to_bytes((self._length + 7) // 8, "little")


def _deflate(data: bytes, stride: int) -> bytes:
    writer = _BitWriter()
    writer.number(1, 1)
    writer.number(1, 2)
    place = 0
    while place < len(data):
        length, distance = _longest_match(data, place, (1, stride))
        if length >= _MIN_MATCH:
            _write_match(writer, length, distance)
            place += length
        else:
            _write_literal(writer, data[place])
            place += 1
    _write_literal(writer, 256)
    return writer.to_bytes()


def _longest_match(data: bytes, place: int, distances: tuple[int, ...]) -> tuple[int, int]:
    best = (0, 0)
    limit = min(_MAX_MATCH, len(data) - place)
    for distance in distances:
        if distance > place:
            continue
        length = 0
        while length < limit and data[place + length] == data[place + length - distance]:
            length += 1
        if length > best[0]:
            best = (length, distance)
    return best


def _write_literal(writer: _BitWriter, symbol: int) -> None:
    """Write a literal byte or a length symbol with deflate's fixed code (RFC 1951, section 3.2.6)."""
    if symbol < 144:
        writer.code(0x30 + symbol, 8)
    elif symbol < 256:
        writer.code(0x190 + symbol - 144, 9)
    elif symbol < 280:
        writer.code(symbol - 256, 7)
    else:
        writer.code(0xC0 + symbol - 280, 8)


def _write_match(writer: _BitWriter, length: int, distance: int) -> None:
    """Write a match with the symbols and extra bits of RFC 1951, section 3.2.5."""
    if length == _MAX_MATCH:
        _write_literal(writer, 285)
    elif length < 11:
        _write_literal(writer, 257 + length - 3)
    else:
        extra = (length - 3).bit_length() - 3
        _write_literal(writer, 257 + 4 * extra + ((length - 3) >> extra))
        writer.number((length - 3) & ((1 << extra) - 1), extra)
    if distance < 5:
        writer.code(distance - 1, 5)
    else:
        extra = (distance - 1).bit_length() - 2
        writer.code(2 * extra + ((distance - 1) >> extra), 5)
        writer.number((distance - 1) & ((1 << extra) - 1), extra)
