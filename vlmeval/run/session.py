"""One task on one model: folder, lock, recipe, plan, engine, state. The same call again continues the run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable

import msgspec

from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, TooManyFailuresError
from vlmeval.registry import KINDS
from vlmeval.run.calling import Caller
from vlmeval.run.desk import Limits
from vlmeval.run.engine import Engine
from vlmeval.run.keeper import Keeper, RunResult, new_manifest
from vlmeval.run.limits import CostLimit, FailureLimit
from vlmeval.run.meter import Stopwatch
from vlmeval.run.planner import Earlier, Unit, gathered, noted, plan
from vlmeval.run.progress import open_progress
from vlmeval.run.retry import Backoff, Clock
from vlmeval.run.settings import Prices, RunSettings
from vlmeval.run.shards import ShardSet
from vlmeval.store.images import ImageStore, ImageWriter
from vlmeval.store.journal import Journal
from vlmeval.store.lock import RunLock
from vlmeval.store.manifest import choose_folder, continued, recipe_of, without_secrets
from vlmeval.store.questions import QuestionLog
from vlmeval.store.results import Origin
from vlmeval.types import Embedder, Model, Request, Sample, TaskKind

WINDOW = 4
"""Questions are put in order over so many batches."""

__all__ = ["Prices", "RunResult", "RunSettings", "run_task"]


class SampleSource(Protocol):
    """Samples with where they came from; read once, in order."""

    @property
    def origin(self) -> Any:
        """The fields of `store.results.Origin`."""
        ...

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples, images unread."""
        ...


def run_task(
    task: Task,
    samples: SampleSource,
    model: Model,
    settings: RunSettings,
    *,
    results: Path,
    command: Sequence[str] = (),
    stream: TextIO | None = None,
    clock: Clock | None = None,
) -> RunResult:
    """Ask `model` what `task` asks of `samples`, and save every answer below `results`.

    Raises the VlmevalError that stopped the run, and KeyboardInterrupt after Ctrl-C or SIGTERM; in every case what was
    answered is saved, and run.json says how far the run came.
    """
    kind: TaskKind = KINDS.load(task.kind)(task)
    embeds = bool(getattr(kind, "embeds", False))
    if embeds and not isinstance(model, Embedder):
        raise ConfigError(f"task {task.name} compares embeddings, and model {model.name} has none; use a dual encoder")
    if not embeds:
        check_ability(kind, task, samples, model)
    origin = msgspec.convert(samples.origin, Origin, from_attributes=True)
    recipe = recipe_of(task, model.name, model.recipe(), origin, limit=settings.limit)
    shard = samples.shard if isinstance(samples, ShardSet) else None
    if shard is not None and callable(getattr(model, "match", None)):
        raise ConfigError(
            f"model {model.name} looks at the first candidates of each query again, and a shard has only some of them; "
            "run it without --shard"
        )
    folder = choose_folder(results, task.name, model.name, recipe, fresh=settings.fresh, shard=shard)
    with ExitStack() as stack:
        stack.enter_context(RunLock(folder.path))
        if isinstance(model, Noting):
            model.keep_in(folder.path)
        manifest = continued(folder, recipe, shard) or new_manifest(folder, recipe, task, model.name, origin)
        manifest.task, manifest.limit, manifest.shard = task, settings.limit, shard
        manifest.counts["expected"] = len(samples)
        manifest.judge = None  # a judge is seated by judge_run: what was not asked for is not scored
        manifest.command = without_secrets(command)
        progress = open_progress(f"{task.name} {model.name}", len(samples), quiet=settings.quiet, stream=stream)
        keeper = stack.enter_context(Keeper(folder, manifest, model, progress, fresh=settings.fresh))
        questions = stack.enter_context(closing(QuestionLog(folder.questions)))
        images = stack.enter_context(ImageWriter(ImageStore(folder.results, folder.path.name)))
        asked = noted(samples, questions, images)
        if embeds:
            _embed(keeper, asked, kind, model, settings)
        else:
            try:
                _ask(keeper, asked, kind, model, settings, expected=len(samples), clock=clock)
            except TooManyFailuresError as error:
                error.folder = folder.path
                raise
    return keeper.result()


def check_ability(kind: TaskKind, task: Task, samples: Iterable[Sample], model: Model) -> None:
    """Raise ConfigError where the model cannot answer such requests at all, before anything is written."""
    for sample in itertools.islice(samples, 1):
        for request in kind.requests(sample)[:1]:
            Caller(model, task.name, count_tokens=counts_tokens(kind)).check(request)


def counts_tokens(kind: TaskKind) -> bool:
    """Tell whether a kind needs to know how many tokens its options have."""
    return bool(getattr(kind, "needs_option_tokens", False))


def _embed(keeper: Keeper, samples: Iterable[Sample], kind: TaskKind, model: Model, settings: RunSettings) -> None:
    """Have every item of `samples` embedded."""
    from vlmeval.run.embed import Items, embed_run  # numpy: only where vectors are asked for
    from vlmeval.run.rerank import Reranker, rerank_run

    task = keeper.manifest.task

    if isinstance(model, Reranker) and task.kind == "retrieval":
        queries = list(samples)
        embed_run(keeper.folder, Items(queries, kind), model, settings=settings, watch=keeper.watch)
        rerank_run(keeper.folder, queries, model, folds=int(task.options.get("folds", 1)))
    else:
        embed_run(keeper.folder, Items(samples, kind), model, settings=settings, watch=keeper.watch)
    if cut := keeper.truncated_texts:
        keeper.progress.say(f"{cut} texts are longer than the encoder takes: it saw only their beginning")
    keeper.ended(failed=False)


def _ask(
    keeper: Keeper,
    samples: Iterable[Sample],
    kind: TaskKind,
    model: Model,
    settings: RunSettings,
    *,
    expected: int,
    clock: Clock | None,
) -> None:
    """Work off the outstanding requests of `samples`."""
    folder = keeper.folder
    earlier = Earlier(folder.outputs, keep_texts=bool(getattr(kind, "sequential", False)), prices=settings.prices)
    units = plan(samples, kind, earlier, retry_errors=settings.retry_errors)
    first = next(units, None)
    if first is None:
        keeper.ended(failed=False)
        return
    caller = Caller(model, keeper.manifest.task.name, count_tokens=counts_tokens(kind))
    passes = len(first.requests) + len(first.outcomes)
    limits = limits_of(settings, caller, expected=expected * passes)
    call = Stopwatch(caller)
    keeper.untold = call.seconds
    with Journal(folder.outputs) as journal:
        engine = Engine(
            call, journal, kind, limits, tally=earlier.spent, watch=keeper.watch, say=keeper.progress.say, clock=clock
        )
        work: Iterator[Unit] = itertools.chain([first], units)
        if gathers(model, limits):
            work = gathered(work, WINDOW * limits.workers * limits.batch)
        engine.run(announced(work, model) if isinstance(model, Expecting) else work)
    keeper.ended(failed=engine.tally.failed > 0, stopped_by=engine.stopped_by)


@runtime_checkable
class Expecting(Protocol):
    """A model that prepares for requests while it answers others."""

    def expect(self, requests: Sequence[Request]) -> None:
        """Be told what will be asked soon; returns at once."""
        ...


@runtime_checkable
class Noting(Protocol):
    """A model that keeps notes of its own beside the answers."""

    def keep_in(self, folder: Path) -> None:
        """Be told the folder of the run that begins or goes on."""
        ...


def announced(units: Iterable[Unit], model: Expecting) -> Iterator[Unit]:
    """Yield the units, about two batches ahead of the model, which is told of each."""
    for unit in units:
        model.expect(unit.requests)
        yield unit


def gathers(model: Model, limits: Limits) -> bool:
    """Tell whether questions about one image are asked together, which costs the order of the data.

    A local model gains by it: one that takes batches, or says so by its attribute `gathers`.
    """
    return bool(getattr(model, "gathers", limits.batch > 1))


def limits_of(settings: RunSettings, caller: Caller, *, expected: int | None) -> Limits:
    """Return the bounds of a run. Raises ConfigError for a ceiling of cost without prices."""
    concurrency, batch = caller.sizes()
    cost = None
    if settings.max_cost is not None:
        if settings.prices is None:
            raise ConfigError("--max-cost needs the prices of the model: USD for a million prompt and reply tokens")
        cost = CostLimit(settings.max_cost, settings.prices)
    return Limits(
        workers=settings.concurrency or concurrency,
        batch=settings.batch or batch,
        backoff=Backoff(settings.attempts, settings.rate_limit_attempts, seed=settings.seed),
        failures=FailureLimit(settings.max_failures, expected),
        cost=cost,
        prices=settings.prices,
        grace=settings.grace,
    )
