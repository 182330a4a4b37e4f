"""Names to tasks and benchmarks: `tasks/NAME.toml` and `benchmarks/NAME.py` under each root.

Roots are the built-in one (in a wheel `vlmeval/_catalog`, else the checkout), the folders of installed distributions
that name a module in the entry point group `vlmeval.catalog`, and those given with --catalog. Names compare without
case, "-" as "_". One file that cannot be read never hides the others: listing skips it and says so; asking for it is
the error.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import msgspec

from vlmeval.data.suites import Suite, checked_suite, read_suite, suites_of
from vlmeval.data.task import Task, is_own
from vlmeval.errors import ConfigError
from vlmeval.jsonio import read_toml
from vlmeval.registry import did_you_mean

if TYPE_CHECKING:
    from vlmeval.data.benchmark import Benchmark

GROUP = "vlmeval.catalog"

_WORD = re.compile(r"[a-z]+|[0-9]+|[^\W\d_]+")
_log = logging.getLogger(__name__)
# What running a foreign file can raise by being wrong; interrupts and exits are not among it.
_FAULTS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """All tasks that can be read, sorted by name, and for each file that cannot, what is wrong."""

    tasks: tuple[Task, ...]
    problems: tuple[str, ...]


def catalog_roots(more: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return the folders that hold benchmarks/ and tasks/: built in, plug-ins, `more`."""
    package = Path(__file__).resolve().parent.parent
    built_in = package / "_catalog"
    return (built_in if built_in.is_dir() else package.parent, *_plugin_roots(), *(Path(root) for root in more))


def _plugin_roots() -> Iterator[Path]:
    for entry in importlib.metadata.entry_points(group=GROUP):
        # Found, not imported: listing runs nobody's code.
        top, _, rest = entry.value.partition(".")
        spec = importlib.util.find_spec(top)
        if spec is None or spec.origin is None:
            _log.warning("%s: the plug-in's module %s is not there; it is left out", entry.name, entry.value)
            continue
        yield Path(spec.origin).parent.joinpath(*rest.split(".")) if rest else Path(spec.origin).parent


def list_catalog(roots: Sequence[Path] = ()) -> Listing:
    """Return every task and every problem."""
    tasks: dict[str, Task] = {}
    problems = []
    for path in _task_files(roots):
        try:
            task = read_task(path)
            if task.name in tasks:
                raise ConfigError(f'{path}: a task "{task.name}" exists already; rename this one')
            tasks[task.name] = task
        except ConfigError as error:
            problems.append(str(error))
    return Listing(tuple(tasks[name] for name in sorted(tasks)), tuple(problems))


def list_tasks(roots: Sequence[Path] = ()) -> list[Task]:
    """Return every task that can be read, sorted by name; a warning is logged for each file that cannot."""
    listing = list_catalog(roots)
    for problem in listing.problems:
        _log.warning("skipped: %s", problem)
    return list(listing.tasks)


def task_names(roots: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the names of all tasks that can be read."""
    return tuple(task.name for task in list_catalog(roots).tasks)


def find_task(name: str, roots: Sequence[Path] = ()) -> Task:
    """Return the task called `name`, by name or alias, or by the path of a TOML or data file.

    Raises ConfigError for an unknown name, with the nearest one, and for a file that cannot be read.
    """
    if name.lower().endswith(".toml"):
        return _users_task(Path(name).expanduser(), roots)
    if is_own(name):
        from vlmeval.data.own import own_task  # readers of data: not where tasks are only listed

        return own_task(name)
    wanted = _plain(name)
    for path in _task_files(roots):
        if _plain(path.stem) == wanted:
            return read_task(path)
    tasks = list_catalog(roots).tasks
    for task in tasks:
        if wanted in map(_plain, task.aliases):
            return task
    suites, _ = suites_of(catalog_roots(roots), tasks)
    known = [*(task.name for task in tasks), *(alias for task in tasks for alias in task.aliases), *suites]
    raise ConfigError(f'unknown task "{name}"{did_you_mean(name, known) or "; `vlmeval tasks` lists them"}')


def list_suites(roots: Sequence[Path] = ()) -> tuple[Suite, ...]:
    """Return every suite that can be read, sorted by name; a warning is logged for each file that cannot."""
    suites, problems = suites_of(catalog_roots(roots), list_catalog(roots).tasks)
    for problem in problems:
        _log.warning("skipped: %s", problem)
    return tuple(suites.values())


def find_suite(name: str, roots: Sequence[Path] = ()) -> Suite:
    """Return the suite called `name`, or that of the TOML file at this path.

    Raises ConfigError for an unknown name, with the nearest one, and for a file that is no suite.
    """
    tasks = list_catalog(roots).tasks
    if name.lower().endswith(".toml"):
        path = Path(name).expanduser()
        return checked_suite(path, read_suite(path), {task.name: task for task in tasks}, {})
    suites, problems = suites_of(catalog_roots(roots), tasks)
    found = next((suite for suite in suites.values() if _plain(suite.name) == _plain(name)), None)
    if found is None:
        broken = next((problem for problem in problems if f"{_plain(name)}.toml" in _plain(problem)), "")
        hint = did_you_mean(name, suites) or f"; known: {', '.join(suites)}"
        raise ConfigError(broken or f'unknown suite "{name}"{hint}')
    return found


def search_tasks(text: str, roots: Sequence[Path] = ()) -> list[Task]:
    """Return the tasks that speak of the most words of `text` (letters and digits apart), sorted by name.

    Words are looked for in names, aliases, titles and sources, and in what the benchmarks' files say they are.
    """
    words = {word for word in _WORD.findall(text.lower()) if len(word) > 2 or word.isdigit()}
    found: list[tuple[int, str, Task]] = []
    for task in list_catalog(roots).tasks:
        told = " ".join((task.name, *task.aliases, task.title, task.source, _about(task, roots))).lower()
        if count := sum(word in told for word in words):
            found.append((-count, task.name, task))
    most = min((count for count, _, _ in found), default=0)
    return [task for count, _, task in sorted(found, key=lambda item: item[:2]) if count == most]


def _about(task: Task, roots: Sequence[Path]) -> str:
    try:
        return find_benchmark(task.benchmark, roots).about
    except ConfigError:
        return ""


def expand(names: Sequence[str], roots: Sequence[Path] = ()) -> list[Task]:
    """Return the tasks that names, aliases, suites and files stand for, commas allowed, each task once, in order."""
    found: dict[str, Task] = {}
    suites: dict[str, list[str]] | None = None
    for name in (part.strip() for item in names for part in item.split(",")):
        if not name:
            continue
        try:
            tasks = [find_task(name, roots)]
        except ConfigError as error:
            if suites is None:
                suites = {_plain(suite.name): list(suite.names) for suite in list_suites(roots)}
            tasks = [find_task(one, roots) for one in suites.get(_plain(name), [])]
            if not tasks:
                raise error
        for task in tasks:
            first = found.setdefault(task.name, task)
            if first != task:
                raise ConfigError(f'{name}: another task called "{task.name}" is asked for as well; rename one')
    if not found:
        raise ConfigError("no task is named; `vlmeval tasks` lists them")
    return list(found.values())


def _users_task(path: Path, roots: Sequence[Path]) -> Task:
    """Return the task in a user's file. Raises ConfigError where it has the name of another task: scores would mix."""
    task = read_task(path, strict=False)
    for known in _task_files(roots):
        if known.stem == task.name and known.resolve() != path.resolve():
            raise ConfigError(f'{path}: the name "{task.name}" is that of {known}; give your task a name of its own')
    return task


def find_benchmark(name: str, roots: Sequence[Path] = ()) -> Benchmark:
    """Return the benchmark called `name`, or that of a path (a Python file, or a data file).

    Raises ConfigError for an unknown name, and for a file that is no benchmark, with its line.
    """
    if name.endswith(".py"):
        return _load_benchmark(Path(name).expanduser().resolve())
    if is_own(name):
        from vlmeval.data.own import own_benchmark

        return own_benchmark(name)
    files = {path.stem: path for root in reversed(catalog_roots(roots)) for path in (root / "benchmarks").glob("*.py")}
    if name not in files:
        hint = did_you_mean(name, files) or f"; known: {', '.join(sorted(files))}"
        raise ConfigError(f'unknown benchmark "{name}"{hint}')
    return _load_benchmark(files[name].resolve())


def read_task(path: Path, *, strict: bool = True) -> Task:
    """Return the task in a TOML file; with `strict` its name must be the file's. Raises ConfigError."""
    task = read_toml(path, Task)
    if strict and task.name != path.stem:
        raise ConfigError(f'{path}: name is "{task.name}", expected "{path.stem}", as the file is called')
    if task.primary not in task.metrics:
        raise ConfigError(f'{path}: primary "{task.primary}" is not among metrics ({", ".join(task.metrics)})')
    if is_own(task.benchmark) or task.benchmark.endswith(".py"):
        return msgspec.structs.replace(task, benchmark=str(path.parent / task.benchmark))
    return task


def _task_files(roots: Sequence[Path]) -> Iterator[Path]:
    for root in catalog_roots(roots):
        yield from sorted((root / "tasks").glob("*.toml"))


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


@functools.cache
def _load_benchmark(path: Path) -> Benchmark:
    from vlmeval.data.benchmark import Benchmark

    module = _run_file(path)
    found = getattr(module, "BENCHMARK", None)
    if not isinstance(found, Benchmark):
        raise ConfigError(f"{path}: defines no BENCHMARK = Benchmark(...); see `vlmeval.benchmark`")
    if found.name != path.stem:
        raise ConfigError(f'{path}: the name is "{found.name}", expected "{path.stem}", as the file is called')
    first, _, _ = inspect.cleandoc(module.__doc__ or "").partition("\n\n")
    return found if found.about else dataclasses.replace(found, about=" ".join(first.split()))


def _run_file(path: Path) -> ModuleType:
    name = f"_vlmeval_benchmark_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"{path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except _FAULTS as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else 1
        raise ConfigError(f"{path}, line {line}: {type(error).__name__}: {error}") from error
    return module
