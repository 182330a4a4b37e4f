"""A model from a user's own file: `my.py:MyModel`, a class with `generate(requests) -> list of texts`.

    class MyModel:
        def __init__(self, size: int = 224): ...
        def generate(self, requests):
            return [self.ask(request.images[0].open(), request.text) for request in requests]

`choose`, `embed` make it a Chooser, an Embedder. `name`, `concurrency`, `batch`, `recipe`, `close` may be left out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import math
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmeval.errors import ConfigError, ModelError
from vlmeval.models.names import slug
from vlmeval.models.options import Scalar, check_names
from vlmeval.registry import did_you_mean
from vlmeval.types import Failure, Model, Output, Part, Request

_METHODS = ("generate", "choose", "embed")


class _Custom:
    """What every wrapped object has; the methods below are mixed in where the user's class has them."""

    def __init__(self, user: Any, *, path: Path, options: Mapping[str, Scalar], sha256: str) -> None:
        self._user = user
        self._options = dict(options)
        self._path = path
        self._sha256 = sha256
        self._label = f"{path.name}:{type(user).__name__}"
        self.name = slug(str(getattr(user, "name", "") or f"{path.stem}-{type(user).__name__}"))
        self.concurrency = self._count("concurrency")
        self.batch = self._count("batch")

    def recipe(self) -> dict[str, Any]:
        """Return class and options, and the user's recipe; without one the file's digest stands for it."""
        own = {"wrapper": "custom", "class": self._label, "options": self._options}
        if not hasattr(self._user, "recipe"):
            return {**own, "file_sha256": self._sha256}
        recipe = self._called("recipe")
        try:
            msgspec.json.encode(recipe)
        except (TypeError, UnicodeEncodeError) as error:
            raise ModelError(f"{self._label}: recipe() must return what JSON can hold: {error}") from error
        if not isinstance(recipe, dict):
            raise ModelError(f"{self._label}: recipe() returned {type(recipe).__name__}, expected a dict")
        return {**own, **recipe}

    def close(self) -> None:
        """Close the user's object, where it can be."""
        if hasattr(self._user, "close"):
            self._called("close")

    def _called(self, method: str) -> Any:
        """Return what a method of the user's object without arguments returns. Raises ModelError where it breaks."""
        try:
            return getattr(self._user, method)()
        except Exception as error:  # the user's code may raise anything; its place is what helps
            raise ModelError(f"{_place(error, self._path)} in {method}()") from error

    def _count(self, name: str) -> int:
        value = getattr(self._user, name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{self._label}: {name} is {value!r}, expected a positive whole number")
        return value

    def _replies(self, method: str, requests: Sequence[Any]) -> list[Any]:
        """Return what the user's method returns, as a list of the right length."""
        replies = getattr(self._user, method)(requests)
        if isinstance(replies, str) or not hasattr(replies, "__iter__"):
            raise ModelError(
                f"{self._label}: {method} returned {type(replies).__name__}, expected a list with one item per request"
            )
        listed = list(replies)
        if len(listed) != len(requests):
            raise ModelError(f"{self._label}: {method} returned {len(listed)} items for {len(requests)} requests")
        return listed


class _Generating(_Custom):
    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        """Return the user's outcomes; a str becomes an Output that took the whole call's time."""
        started = time.perf_counter()
        replies = self._replies("generate", requests)
        seconds = round(time.perf_counter() - started, 6)
        outcomes: list[Output | Failure] = []
        for request, reply in zip(requests, replies, strict=True):
            if isinstance(reply, str):
                outcomes.append(Output(str(reply), seconds=seconds))
            elif isinstance(reply, (Output, Failure)):
                outcomes.append(reply)
            else:
                raise ModelError(
                    f"{self._label}: generate returned {type(reply).__name__} for sample {request.sample_id}, "
                    "expected a str or an Output"
                )
        return outcomes


class _Choosing(_Custom):
    def choose(self, requests: Sequence[Request]) -> list[list[float]]:
        """Return the user's scores, one for each option."""
        scores = [[float(score) for score in row] for row in self._replies("choose", requests)]
        for request, row in zip(requests, scores, strict=True):
            if len(row) != len(request.options):
                raise ModelError(
                    f"{self._label}: choose returned {len(row)} scores for the {len(request.options)} options of "
                    f"sample {request.sample_id}"
                )
            if not all(map(math.isfinite, row)):
                raise ModelError(
                    f"{self._label}: choose returned {row} for sample {request.sample_id}; expected finite numbers "
                    "(a very small one for an option that cannot be)"
                )
        return scores


class _Embedding(_Custom):
    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        """Return the user's vectors, shape (n, d), scaled to length 1."""
        vectors = np.asarray(self._replies("embed", items), dtype=np.float32)
        if vectors.ndim != 2:
            raise ModelError(f"{self._label}: embed returned shape {vectors.shape}, expected (items, dimensions)")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths == 0).any():
            raise ModelError(f"{self._label}: embed returned a vector of length 0, or one that is not finite")
        return np.asarray(vectors / lengths, dtype=np.float32)


_MIXINS: dict[str, type[_Custom]] = {"generate": _Generating, "choose": _Choosing, "embed": _Embedding}


def open_custom(file: str, class_name: str, options: Mapping[str, Scalar]) -> Model:
    """Return the class `class_name` of the Python file, built with the options as keyword arguments.

    Raises ConfigError for what is wrong with file, class or options, naming the line where the user's code raised.
    """
    path = Path(file).expanduser().resolve()
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    module = _imported(path, source)
    user_class = _find_class(module, path, class_name)
    methods = [name for name in _METHODS if callable(getattr(user_class, name, None))]
    if not methods:
        raise ConfigError(
            f"{path.name}:{class_name} has none of {', '.join(_METHODS)}; a model is a class with\n"
            "    def generate(self, requests): return [... one text per request ...]"
        )
    _check_arguments(user_class, options, where=f"{path.name}:{class_name}")
    try:
        user = user_class(**options)
    except Exception as error:  # the user's code may raise anything; its place is what helps
        raise ConfigError(f"{_place(error, path)} while building {class_name}") from error
    wrapper = type("CustomModel", tuple(_MIXINS[name] for name in methods), {})
    model: Model = wrapper(user, path=path, options=options, sha256=hashlib.sha256(source).hexdigest())
    return model


class _SourceLoader(SourceFileLoader):
    """Runs the bytes that were read and digested: a cached .pyc may be older than the file."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the source as read."""
        return self.source_to_code(self._source, self.path)


def _imported(path: Path, source: bytes) -> ModuleType:
    """Return the file as a module, run once. Its folder becomes the last place to import from, for files beside it."""
    name = f"vlmeval_user_{path.stem}_{hashlib.sha256(bytes(path) + source).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _SourceLoader(name, str(path), source)
    spec = ModuleSpec(name, loader, origin=str(path))
    spec.has_location = True
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything; its place is what helps
        del sys.modules[name]
        raise ConfigError(f"{_place(error, path)} while importing the file") from error
    return module


def _find_class(module: ModuleType, path: Path, class_name: str) -> type:
    own = {name: value for name, value in vars(module).items() if inspect.isclass(value)}
    found = own.get(class_name)
    if found is None:
        classes = [name for name, value in own.items() if value.__module__ == module.__name__]
        hint = did_you_mean(class_name, classes) or f"; its classes: {', '.join(classes) or 'none'}"
        raise ConfigError(f'{path.name} has no class "{class_name}"{hint}')
    return found


def _check_arguments(user_class: type, options: Mapping[str, Scalar], *, where: str) -> None:
    """Raise ConfigError for an option that the constructor does not take, or one that it needs and is not given."""
    parameters = inspect.signature(user_class).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        named = [parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY]
        check_names(options, named, where=where)
    for parameter in parameters:
        plain = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if plain and parameter.default is parameter.empty and parameter.name not in options:
            raise ConfigError(f"{where} needs the option {parameter.name}: --model-args {parameter.name}=...")


def _place(error: BaseException, path: Path) -> str:
    """Return "my.py:12: ValueError: words, in `the line`": the last line of the user's file that the error passed."""
    line: int | None = None
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if line is None and frames:
        line = frames[-1].lineno
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    place = f"{path.name}:{line}" if line else path.name
    code = ""
    if line:
        lines = path.read_text(encoding="utf8", errors="replace").splitlines()
        code = f"\n    {lines[line - 1].strip()}\n" if line <= len(lines) else ""
    return f"{place}: {type(error).__name__}: {words[:500]}{code}"
