"""HTTP/1.1 on a connection that is already made: one request out, one reply in (RFC 9112), and nothing else.

http.client parses the headers of each reply as an e-mail and copies a body into its head; both cost more than all the
rest of a request. Its exceptions are used for the same faults.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence

from msgspec import Struct

_LINE = 65536
_HEADERS = 100
_BUFFERS = 64
"""Buffers a call of sendmsg; POSIX allows 16 and Linux 1,024."""

_NO_BODY = (204, 304)


class Answer(Struct):
    """A reply: header names in small letters, the last of a repeated one. `kept`: the connection may be used again."""

    status: int
    headers: dict[str, str]
    data: bytes
    kept: bool


class Link:
    """A connection of http.client that is open, for one thread at a time."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._socket = connection.sock
        self._buffer = b""
        self._place = 0

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return int(self._socket.fileno())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def send(self, buffers: Sequence[bytes]) -> None:
        """Send the buffers, one after the other, without joining them where the socket allows it."""
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.sendall(b"".join(buffers))
            return
        left = [memoryview(buffer) for buffer in buffers if buffer]
        while left:
            sent = self._socket.sendmsg(left[:_BUFFERS])
            gone = 0
            while gone < len(left) and sent >= len(left[gone]):
                sent -= len(left[gone])
                gone += 1
            del left[:gone]
            if sent:
                left[0] = left[0][sent:]

    def receive(self, most: int) -> Answer:
        """Return the reply, at most one byte above `most` of its body.

        Raises OSError, or HTTPException where it is no whole HTTP reply.
        """
        status, version, headers = self._head()
        while 100 <= status < 200:  # 103 Early Hints and the like come before the reply
            status, version, headers = self._head()
        asked = headers.get("connection", "").lower()
        kept = "close" not in asked and (version == b"HTTP/1.1" or "keep-alive" in asked)
        if status in _NO_BODY:
            data = b""
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            data = self._chunks(most)
        elif "content-length" in headers:
            length = headers["content-length"]
            if not (length.isascii() and length.isdecimal()):
                raise http.client.HTTPException(f"the reply has the length {length[:40]!r}")
            data = self._exactly(min(int(length), most + 1))
        else:
            data, kept = self._rest(most), False
        # What comes behind a reply answers nothing that was asked: the connection is not trusted again.
        return Answer(status, headers, data, kept and len(data) <= most and self._place == len(self._buffer))

    def _head(self) -> tuple[int, bytes, dict[str, str]]:
        """Return status, version and headers."""
        line = self._line()
        version, _, rest = line.partition(b" ")
        status = rest[:3]
        if not version.startswith(b"HTTP/1.") or not status.isdigit() or len(status) < 3:
            raise http.client.BadStatusLine(line[:80].decode("latin1"))
        headers: dict[str, str] = {}
        for _ in range(_HEADERS):
            line = self._line()
            if not line:
                return int(status), version, headers
            name, _, value = line.partition(b":")
            headers[name.strip().lower().decode("latin1")] = value.strip().decode("latin1")
        raise http.client.HTTPException(f"the reply has more than {_HEADERS} headers")

    def _line(self) -> bytes:
        """Return the next line without its end."""
        while (end := self._buffer.find(b"\n", self._place)) < 0:
            if len(self._buffer) - self._place > _LINE:
                raise http.client.LineTooLong("header")
            if not self._more():
                if self._place == len(self._buffer):
                    raise http.client.RemoteDisconnected("the server closed the connection without a reply")
                raise http.client.IncompleteRead(b"")
        line = self._buffer[self._place : end]
        self._place = end + 1
        return line.removesuffix(b"\r")

    def _more(self) -> bool:
        """Read what there is; tell whether there was anything."""
        data = self._socket.recv(_LINE)
        self._buffer = self._buffer[self._place :] + data
        self._place = 0
        return bool(data)

    def _exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        data = self._buffer[self._place : self._place + size]
        self._place += len(data)
        if len(data) == size:
            return data
        pieces, left = [data], size - len(data)
        while left:
            piece = self._socket.recv(min(left, 1 << 20))
            if not piece:
                raise http.client.IncompleteRead(b"", left)
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _chunks(self, most: int) -> bytes:
        """Return a body in chunks, whose extensions and trailers say nothing to us."""
        pieces: list[bytes] = []
        room = most + 1
        while room:
            text = self._line().partition(b";")[0].strip()
            try:
                size = int(text, 16)
            except ValueError:
                raise http.client.IncompleteRead(b"") from None
            if not size:
                while self._line():
                    pass
                break
            pieces.append(self._exactly(min(size, room)))
            room -= len(pieces[-1])
            if room:
                self._line()
        return b"".join(pieces)

    def _rest(self, most: int) -> bytes:
        """Return all until the server closes."""
        while len(self._buffer) - self._place <= most and self._more():
            pass
        data = self._buffer[self._place : self._place + most + 1]
        self._place += len(data)
        return data
