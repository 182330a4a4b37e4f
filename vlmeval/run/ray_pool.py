"""Workers on a Ray cluster: started, given calls, replaced when they are lost.

A call goes to whichever worker has room. One whose worker is lost (its process, its node) is sent to another, and
counts as no attempt of the engine's: nobody failed but the machine. Workers that have no place yet wait for it, so that
a cluster that scales by itself sees what is wanted; they join when they are ready.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from vlmeval.errors import ConfigError, ModelError, RejectedError, VlmevalError
from vlmeval.run.keeper import CUT
from vlmeval.run.ray_cluster import RaySettings, connect, leave
from vlmeval.run.ray_worker import Ability, Description, ModelSpec, Raised, Reading, Worker
from vlmeval.store.manifest import differences
from vlmeval.types import Failure, Request

START_SECONDS = 600.0
ASK_SECONDS = 30.0
MOST_CALLS = 64
LOSSES = 3
"""So often a worker may be lost over one call before the requests are taken for the reason."""
_PLACE = re.compile(r'File "(.+)", line ([0-9]+)')


@dataclass(eq=False)
class _Actor:
    """A worker as the driver sees it."""

    handle: Any
    description: Description | None = None
    alive: bool = True
    cut_texts: int | None = None


class RayPool:
    """The workers of one model. `call` may be used by any number of threads."""

    def __init__(self, spec: ModelSpec, settings: RaySettings, *, say: Callable[[str], None]) -> None:
        self._ray = connect(settings)
        self._spec, self._settings, self._say = spec, settings, say
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._free: queue.SimpleQueue[_Actor] = queue.SimpleQueue()
        self._actors: list[_Actor] = []
        self._error: VlmevalError | None = None
        self._losses = 0
        self._closed = False
        with ExitStack() as broken_off:
            broken_off.callback(self.close)
            self._gpus = self._share()
            self.size = settings.workers or self._places()
            for _ in range(self.size):
                self._start()
            self.description = self._first()
            broken_off.pop_all()

    @property
    def processes(self) -> list[int]:
        """The process ids of the workers that are ready, on whatever node."""
        ready = [actor for actor in self._actors if actor.alive and actor.description is not None]
        found: list[int] = self._ray.get([actor.handle.pid.remote() for actor in ready], timeout=ASK_SECONDS)
        return found

    def call(
        self, ability: Ability, reading: Reading | None, requests: Sequence[Request], rows: Mapping[str, int]
    ) -> Any:
        """Return what a worker's model gives. Raises what the model raises.

        Where workers are lost over the same requests again and again, they are asked one by one, and the one at fault
        is a Failure "crash" where text was asked for, else a RejectedError.
        """
        for _ in range(LOSSES):
            actor = self._take()
            try:
                reply = self._ray.get(actor.handle.call.remote(ability, reading, list(requests), dict(rows)))
            except self._lost_errors() as error:
                self._lose(actor, error)
                continue
            except self._ray.exceptions.RayTaskError as error:
                self._free.put(actor)
                raise ModelError(_told(error)) from error
            self._free.put(actor)
            self._losses = 0
            if isinstance(reply, Raised):
                raise reply.error()
            return reply
        lost = f"{LOSSES} Ray workers were lost while they worked on this"
        if ability != "generate":
            raise RejectedError(lost)
        if len(requests) == 1:
            return [Failure("crash", lost)]
        return [one for request in requests for one in self.call(ability, reading, [request], rows)]

    def conditions(self) -> dict[str, Any]:
        """Return how the model is reached, with the workers' nodes; texts cut off are added up over the workers."""
        ready = [actor for actor in self._actors if actor.alive and actor.description is not None]
        said: list[dict[str, Any]] = []
        for actor in ready:
            with suppress(*self._lost_errors(), self._ray.exceptions.GetTimeoutError):
                said.append(self._ray.get(actor.handle.conditions.remote(), timeout=ASK_SECONDS))
                actor.cut_texts = said[-1].get(CUT, actor.cut_texts)
        found = dict(said[0] if said else self.description.conditions)
        cut = [actor.cut_texts for actor in self._actors if actor.cut_texts is not None]
        nodes = sorted({actor.description.host for actor in ready if actor.description is not None})
        return {
            **found,
            **({CUT: sum(cut)} if cut else {}),
            "executor": "ray",
            "ray": self._ray.__version__,
            "ray_workers": len(ready),
            "ray_nodes": nodes,
        }

    def close(self) -> None:
        """End the workers, and the cluster where it is this run's own."""
        self._closed = True
        for actor in self._actors:
            self._ray.kill(actor.handle)
        leave(self._ray)

    def _share(self) -> float:
        """Return the GPUs of a worker. Raises ConfigError where a local cluster can never give what is asked."""
        there = self._ray.cluster_resources()
        gpus = self._settings.gpus
        if gpus is None:
            return 1.0 if there.get("GPU", 0) else 0.0
        if gpus > there.get("GPU", 0) and self._settings.address == "local":
            raise ConfigError(f"--ray-gpus {gpus:g}: this machine has {there.get('GPU', 0):g} GPUs that Ray can see")
        return gpus

    def _places(self) -> int:
        """Return how many workers the cluster has room for now: by GPUs, or else one a node."""
        if self._gpus:
            return max(1, int(self._ray.cluster_resources().get("GPU", 0) / self._gpus))
        return max(1, sum(1 for node in self._ray.nodes() if node["Alive"]))

    def _start(self) -> None:
        calls = 1 + min(self._settings.concurrency or MOST_CALLS, MOST_CALLS)  # one more, to be asked how it is
        made = self._ray.remote(Worker).options(
            num_cpus=self._settings.cpus, num_gpus=self._gpus, max_concurrency=calls, max_restarts=0
        )
        actor = _Actor(made.remote())
        self._actors.append(actor)
        threading.Thread(target=self._open, args=(actor,), name="ray-worker", daemon=True).start()

    def _open(self, actor: _Actor) -> None:
        """Wait until the model is open in a new worker, and give it as many places as it takes calls at once."""
        try:
            opened = self._ray.get(actor.handle.open.remote(self._spec))
        except self._lost_errors() as error:
            self._lose(actor, error)
            return
        except self._ray.exceptions.RayTaskError as error:
            self._fail(ModelError(_told(error)))
            return
        if isinstance(opened, Raised):
            self._fail(opened.error())
            return
        first = next((one.description for one in self._actors if one.description is not None), opened)
        if lines := differences(first.recipe, opened.recipe):
            self._fail(ModelError(f"the workers on {first.host} and {opened.host} open different models: {lines[0]}"))
            return
        with self._changed:
            actor.description = opened
            self._changed.notify_all()
        for _ in range(min(opened.concurrency, self._settings.concurrency or MOST_CALLS, MOST_CALLS)):
            self._free.put(actor)

    def _first(self) -> Description:
        """Return the description of the first worker that is ready."""
        end = time.monotonic() + START_SECONDS
        with self._changed:
            while self._error is None:
                ready = next((actor.description for actor in self._actors if actor.description is not None), None)
                if ready is not None:
                    return ready
                if not self._changed.wait(max(0.0, end - time.monotonic())):
                    raise ModelError(
                        f"no Ray worker could start within {START_SECONDS:g} s: each needs {self._settings.cpus:g} "
                        f"processors and {self._gpus:g} GPUs; ask for less (--ray-cpus, --ray-gpus), or for more nodes"
                    )
            raise self._error

    def _take(self) -> _Actor:
        """Wait for a worker with room."""
        while True:
            if self._error is not None:
                raise self._error
            try:
                actor = self._free.get(timeout=1.0)
            except queue.Empty:
                continue
            if actor.alive:
                return actor

    def _lose(self, actor: _Actor, error: Exception) -> None:
        """Put another worker in the place of one that is lost; the first of its calls to notice does so."""
        with self._lock:
            if not actor.alive or self._closed:
                return
            actor.alive = False
            self._losses += 1
            hopeless = self._losses > LOSSES * (self.size + 2)
        if hopeless:
            self._fail(ModelError(f"{self._losses} Ray workers in a row were lost: {str(error).strip()[:300]}"))
            return
        self._say("a Ray worker was lost; what it was working on is asked again")
        self._start()

    def _fail(self, error: VlmevalError) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def _lost_errors(self) -> tuple[type[Exception], ...]:
        known = self._ray.exceptions
        return (known.RayActorError, known.WorkerCrashedError, known.ObjectLostError, known.NodeDiedError)


def _told(error: Any) -> str:
    """Return what went wrong in a worker's code, with the last line of the user's that it passed."""
    places = _PLACE.findall(str(error))
    where = f" at {places[-1][0]}:{places[-1][1]}" if places else ""
    cause = getattr(error, "cause", error)
    return f"{type(cause).__name__}{where} in a Ray worker: {str(cause).splitlines()[0] if str(cause) else ''}"
