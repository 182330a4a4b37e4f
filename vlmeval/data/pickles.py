"""Pickled answers, read without running them: a small machine for those instructions that build plain values.

Unpickling calls whatever a file names. Here nothing is called or imported: containers, texts and numbers are built,
numpy's integers and floats are decoded from their bytes (the ids in VLMEvalKit's checkpoints are numpy.int64), and a
file that names anything else is refused with that name. Instructions: CPython 3.11, Lib/pickletools.py.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlmeval.errors import DataError

_LITERALS = frozenset(
    {
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
        "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    }
)  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_SIZES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NUMPY = {"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"} | {
    "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip
_DTYPE, _SCALAR, _BYTES = "numpy.dtype", "numpy scalar", "bytes from text"
_KNOWN = {
    ("numpy", "dtype"): _DTYPE,
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("numpy._core.multiarray", "scalar"): _SCALAR,
    ("_codecs", "encode"): _BYTES,
}
_BROKEN = (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error, UnicodeError, OverflowError)
"""What reading a damaged file can raise in pickletools and here; DataError is not among them."""


@dataclass(frozen=True)
class _Name:
    """One of the names in `_KNOWN`: a label, not the thing it names."""

    meaning: str


@dataclass
class _Dtype:
    """A number type of numpy, such as "i8"."""

    code: str
    order: str = "<"


_MARK = object()


def read_pickle(path: Path) -> Any:
    """Return the plain value in a pickle. Raises DataError for one that holds more than plain values, or is damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    machine = _Machine(path)
    try:
        for opcode, argument, _ in pickletools.genops(content):
            machine.step(opcode.name, argument)
        return machine.result()
    except _BROKEN as error:
        raise DataError(f"{path}: not a whole pickle: {error}") from error


class _Machine:
    """The stack and memo of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps: Mapping[str, Callable[[Any], None]] = {
            "PROTO": self._nothing, "FRAME": self._nothing, "STOP": self._nothing,
            "MARK": lambda _: self._stack.append(_MARK), "POP": lambda _: self._drop(),
            "EMPTY_DICT": lambda _: self._stack.append({}), "EMPTY_LIST": lambda _: self._stack.append([]),
            "EMPTY_TUPLE": lambda _: self._stack.append(()),
            "TUPLE": lambda _: self._stack.append(tuple(self._above())),
            "LIST": lambda _: self._stack.append(self._above()), "DICT": lambda _: self._dict(),
            "SETITEM": lambda _: self._set(self._take(2)), "SETITEMS": lambda _: self._set(self._above()),
            "APPEND": lambda _: self._extend(self._take(1)), "APPENDS": lambda _: self._extend(self._above()),
            "MEMOIZE": lambda _: self._put(len(self._memo)),
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._put),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda key: self._stack.append(self._memo[key])),
            "GLOBAL": lambda names: self._name(*str(names).split(" ", 1)),
            "STACK_GLOBAL": lambda _: self._name(*self._take(2)),
            "REDUCE": lambda _: self._reduce(*self._take(2)), "BUILD": lambda _: self._build(*self._take(1)),
        }  # fmt: skip

    def step(self, name: str, argument: Any) -> None:
        """Carry out one instruction. Raises DataError for one that could do more than build a plain value."""
        if name in _LITERALS:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in _SIZES:
            self._stack.append(tuple(self._take(_SIZES[name])))
        elif name in self._steps:
            self._steps[name](argument)
        else:
            raise self._refused(f"the instruction {name}")

    def result(self) -> Any:
        """Return the one value left."""
        (value,) = self._take(1)
        if self._stack:
            raise ValueError("more than one value")
        return value

    def _nothing(self, _: Any) -> None:
        """Pass over an instruction that builds nothing."""

    def _drop(self) -> None:
        self._stack.pop()

    def _take(self, count: int) -> list[Any]:
        taken = self._stack[-count:]
        if len(taken) < count or _MARK in taken:
            raise ValueError("the stack is empty")
        del self._stack[-count:]
        return taken

    def _above(self) -> list[Any]:
        """Return what lies above the last mark, and take the mark away too."""
        place = next((at for at in range(len(self._stack) - 1, -1, -1) if self._stack[at] is _MARK), None)
        if place is None:
            raise ValueError("a mark is missing")
        taken = self._stack[place + 1 :]
        del self._stack[place:]
        return taken

    def _dict(self) -> None:
        items = self._above()
        self._stack.append({})
        self._set(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("items without a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (str, int, float)):  # a tuple nested deep enough overflows the stack when hashed
                raise ValueError(f"a key of type {type(key).__name__}")
            target[key] = value

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise ValueError("items without a list")
        target.extend(items)

    def _put(self, key: int) -> None:
        self._memo[key] = self._stack[-1]

    def _name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        if (module, name) not in _KNOWN:
            raise self._refused(f"{module}.{name}")
        self._stack.append(_Name(_KNOWN[module, name]))

    def _reduce(self, name: Any, arguments: Any) -> None:
        match name, arguments:
            case _Name(meaning=meaning), (str(code), *_) if meaning == _DTYPE and code in _NUMPY:
                self._stack.append(_Dtype(code))
            case _Name(meaning=meaning), (_Dtype() as dtype, bytes(raw)) if meaning == _SCALAR:
                self._stack.append(struct.unpack(dtype.order + _NUMPY[dtype.code], raw)[0])
            case _Name(meaning=meaning), (str(text), "latin1") if meaning == _BYTES:
                self._stack.append(text.encode("latin-1"))
            case _:
                raise self._refused("a call")

    def _build(self, state: Any) -> None:
        """Take in the state of a numpy type, of which only the order of the bytes matters."""
        dtype = self._stack[-1]
        if not isinstance(dtype, _Dtype) or not isinstance(state, tuple) or state[1] not in ("<", ">", "|"):
            raise self._refused("the state of an object")
        dtype.order = ">" if state[1] == ">" else "<"

    def _refused(self, found: str) -> DataError:
        return DataError(
            f"{self._path}: holds {found[:120]}; only texts, numbers and containers are read from a pickle, because "
            "anything else is code. Save the answers as .xlsx, .tsv or .jsonl"
        )
