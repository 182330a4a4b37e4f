"""One way to ask a model, whatever it can: text for a request, log-likelihoods for a request with options."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol, cast, runtime_checkable

from vlmeval.errors import ConfigError, ModelError
from vlmeval.types import Chooser, Generator, Model, Outcome, Output, Request


@runtime_checkable
class TokenCounter(Protocol):
    """A chooser that says over how many tokens it sums a likelihood."""

    def option_tokens(self, requests: Sequence[Request]) -> list[list[int]]:
        """Return the tokens of each of `request.options`, per request."""
        ...


class Caller:
    """Calls `model` with requests of both sorts, for the task called `task_name`.

    `count_tokens`: the options weighed are counted in tokens, too.
    """

    def __init__(self, model: Model, task_name: str, *, count_tokens: bool = False) -> None:
        self._model = model
        self._task_name = task_name
        self._count_tokens = count_tokens
        # Asked once: a runtime check of a protocol costs more than the call it guards.
        self._generates, self._chooses = isinstance(model, Generator), isinstance(model, Chooser)

    def check(self, request: Request) -> None:
        """Raise ConfigError where the model cannot answer such a request at all."""
        if request.options:
            self._chooser()
            if self._count_tokens:
                self._counter()
        else:
            self._generator()

    def sizes(self) -> tuple[int, int]:
        """Return how many calls at once and how many requests a call the model asks for."""
        model = self._model
        return (model.concurrency, model.batch) if isinstance(model, (Generator, Chooser)) else (1, 1)

    def __call__(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        """Return the outcomes in the order of `requests`."""
        if len({bool(request.options) for request in requests}) == 1:
            return self._ask(requests)
        outcomes: list[Outcome] = []
        for _, group in groupby(requests, key=lambda request: bool(request.options)):
            outcomes.extend(self._ask(list(group)))
        return outcomes

    def _ask(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        if not requests[0].options:
            return self._generator().generate(requests)
        rows = self._chooser().choose(requests)
        if [len(row) for row in rows] != [len(request.options) for request in requests]:
            raise ModelError(f"choose() returned {len(rows)} rows; expected one number for each option of each request")
        counts = self._counter().option_tokens(requests) if self._count_tokens else [[] for _ in requests]
        return [
            Output("", scores=tuple(float(score) for score in row), option_tokens=tuple(count))
            for row, count in zip(rows, counts, strict=True)
        ]

    def _generator(self) -> Generator:
        if not self._generates:
            raise ConfigError(
                f"task {self._task_name} asks for text, which model {self._model.name} does not write; "
                f"it can {self._abilities()}"
            )
        return cast(Generator, self._model)

    def _chooser(self) -> Chooser:
        if not self._chooses:
            raise ConfigError(
                f"task {self._task_name} in likelihood mode has options weighed, which model {self._model.name} cannot "
                f"do; it can {self._abilities()}: use --mode generate, or another model"
            )
        return cast(Chooser, self._model)

    def _counter(self) -> TokenCounter:
        if not isinstance(self._model, TokenCounter):
            raise ConfigError(
                f"task {self._task_name} divides likelihoods by tokens, which model {self._model.name} does not count "
                "(option_tokens); use --mode likelihood-text-bytes"
            )
        return self._model

    def _abilities(self) -> str:
        names = ("generate", "choose", "embed")
        return " and ".join(name for name in names if hasattr(self._model, name)) or "do nothing"
