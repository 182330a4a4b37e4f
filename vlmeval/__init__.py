"""vlmeval: evaluate vision-language models with numbers that can be defended.

The Python interface, each loaded when it is used (see `vlmeval.cli.api`):

    vlmeval.run(model="demo", tasks=["demo_mmbench"])     evaluate; a list of scores
    vlmeval.score("results/task/model/run")               score again from the journal
    vlmeval.compare("results/a", "results/b")             paired comparison
    vlmeval.load_runs("results")                          a pandas.DataFrame
"""

from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"
_FUNCTIONS = ("compare", "load_runs")
_ROOMS = ("run", "score")


class CallableRoom(ModuleType):
    """A package that is also the function of its name: `vlmeval.run(...)` beside `vlmeval.run.session`."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function of `vlmeval.cli.api`."""
        return _function(self.__name__.rpartition(".")[2])(*args, **options)


def _function(name: str) -> Any:
    return getattr(import_module("vlmeval.cli.api"), name)


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return _function(name)
    if name in _ROOMS:
        return import_module(f"vlmeval.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_FUNCTIONS, *_ROOMS})
