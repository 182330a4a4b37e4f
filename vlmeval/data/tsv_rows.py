"""Where the rows of a TSV file are, and where the cells of a row are: the csv module's rules, on bytes.

`RowIndex` is fed the file in pieces of any size and keeps three numbers a row. It looks at every byte through
`bytes.find`, which runs at memory speed; the loop itself turns once a row where a row has no quote.
"""

from __future__ import annotations

from array import array
from typing import Literal

from vlmeval.errors import DataError

PIECE = 1 << 20

_TAB, _LINE_FEED, _RETURN, _QUOTE = 0x09, 0x0A, 0x0D, 0x22
_State = Literal["start", "plain", "quoted", "quote", "return"]


class RowIndex:
    """Byte offsets of rows: `starts` and `ends` (without the line break), and the 1-based `lines` where they begin."""

    def __init__(self) -> None:
        self.starts: array[int] = array("Q")
        self.ends: array[int] = array("Q")
        self.lines: array[int] = array("Q")
        self._state: _State = "start"
        self._start = 0
        self._line = 1
        self._row_line = 1
        self._read = 0

    def feed(self, piece: bytes) -> None:
        """Go on with the next piece of the file."""
        place, size = 0, len(piece)
        line_break = carriage = -1
        while place < size:
            if self._state == "return":
                if piece[place] == _LINE_FEED:
                    self._start += 1
                    place += 1
                self._state = "start"
            elif self._state == "quoted":
                place = self._skip_quoted(piece, place)
            elif self._state in ("quote", "start") and piece[place] == _QUOTE:
                self._state = "quoted"
                place += 1
            else:
                if line_break < place:
                    line_break = _find(piece, b"\n", place)
                if carriage < place:
                    carriage = _find(piece, b"\r", place)
                place = self._skip_plain(piece, place, min(line_break, carriage))
        self._read += size

    def finish(self, path: str) -> None:
        """End the file. Raises DataError where a quoted cell is never closed."""
        if self._state == "quoted":
            raise DataError(
                f"{path}, line {self._row_line}: a quoted cell that opens in this row is never closed; the file is cut "
                "off (fetch it again), or a quote at the start of a cell is not doubled"
            )
        if self._start < self._read:
            self._end_row(self._read)

    def _skip_quoted(self, piece: bytes, place: int) -> int:
        quote = piece.find(b'"', place)
        end = len(piece) if quote < 0 else quote
        self._line += piece.count(b"\n", place, end)
        if quote < 0:
            return end
        self._state = "quote"
        return quote + 1

    def _skip_plain(self, piece: bytes, place: int, row_end: int) -> int:
        """Go to the next cell that opens with a quote, or past the end of the row."""
        cell = place
        while cell < row_end:
            quote = piece.find(b'"', cell, row_end)
            if quote < 0:
                break
            if quote > place and piece[quote - 1] == _TAB:
                self._state = "quoted"
                return quote + 1
            cell = quote + 1
        if row_end == len(piece):
            self._state = "start" if piece.endswith(b"\t") and row_end > place else "plain"
            return row_end
        self._end_row(self._read + row_end)
        self._start = self._read + row_end + 1
        self._state = "return" if piece[row_end] == _RETURN else "start"
        return row_end + 1

    def _end_row(self, end: int) -> None:
        if end > self._start:
            self.starts.append(self._start)
            self.ends.append(end)
            self.lines.append(self._row_line)
        self._line += 1
        self._row_line = self._line


def _find(piece: bytes, what: bytes, place: int) -> int:
    found = piece.find(what, place)
    return len(piece) if found < 0 else found


def split_row(row: bytes) -> list[bytes]:
    """Return the cells of a row, quotes taken away."""
    if b'"' not in row:
        return row.split(b"\t")
    cells: list[bytes] = []
    place = 0
    while True:
        parts: list[bytes] = []
        if place < len(row) and row[place] == _QUOTE:
            place = _read_quoted(row, place + 1, parts)
        tab = row.find(b"\t", place)
        parts.append(row[place : len(row) if tab < 0 else tab])
        cells.append(b"".join(parts))
        if tab < 0:
            return cells
        place = tab + 1


def _read_quoted(row: bytes, place: int, parts: list[bytes]) -> int:
    """Add what stands between the quotes to `parts`; return the place after the closing one."""
    while True:
        quote = row.find(b'"', place)
        if quote < 0:
            parts.append(row[place:])
            return len(row)
        if row[quote + 1 : quote + 2] != b'"':
            parts.append(row[place:quote])
            return quote + 1
        parts.append(row[place : quote + 1])
        place = quote + 2
