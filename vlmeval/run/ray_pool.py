"""Workers on a Ray cluster: started, given calls, replaced when they are lost.

A call goes to whichever worker has room. One whose worker is lost (its process, its node) is sent to another, and
counts as no attempt of the engine's: nobody failed but the machine. Workers that have no place yet wait for it, so that
a cluster that scales by itself sees what is wanted; they join when they are ready.
"""

from __future__ import annotations

import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from vlmeval.errors import ConfigError, ModelError, VlmevalError
from vlmeval.run.ray_worker import Ability, Description, ModelSpec, Raised, Reading, Worker
from vlmeval.store.manifest import differences
from vlmeval.types import Failure, Request

ANSWER_SECONDS = 10.0
PROBE_SECONDS = 18.0
START_SECONDS = 600.0
ASK_SECONDS = 10.0
STORE_BYTES = 200 * 1024 * 1024
MOST_CALLS = 64
LOSSES = 3
"""So often a worker may be lost over one call before the requests are taken for the reason."""
_PROBE = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
"""
_PLACE = re.compile(r'File "(.+)", line ([0-9]+)')


@dataclass(frozen=True)
class RaySettings:
    """Where the cluster is and what a worker gets. None: as many workers as there are GPUs, or else nodes.

    `address` is "local" (a cluster of this machine, for this run), "auto" (the one that runs here), or HOST:PORT.
    `concurrency` bounds the calls of one worker where the model allows more than one.
    """

    address: str = "local"
    workers: int | None = None
    gpus: float | None = None
    cpus: float = 1.0
    concurrency: int | None = None


@dataclass(eq=False)
class _Actor:
    """A worker as the driver sees it."""

    handle: Any
    description: Description | None = None
    alive: bool = True


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
        try:
            self._gpus = self._share()
            self.size = settings.workers or self._places()
            for _ in range(self.size):
                self._start()
            self.description = self._first()
        except (VlmevalError, KeyboardInterrupt):
            self.close()
            raise

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
        is a Failure "crash" (for text), else a ModelError.
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
            raise ModelError(lost)
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
        found = dict(said[0] if said else self.description.conditions)
        cut = [one["truncated_texts"] for one in said if "truncated_texts" in one]
        nodes = sorted({actor.description.host for actor in ready if actor.description is not None})
        return {
            **found,
            **({"truncated_texts": sum(cut)} if cut else {}),
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
        if _OURS:
            _OURS.clear()
            self._ray.shutdown()

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
        calls = min(self._settings.concurrency or MOST_CALLS, MOST_CALLS)
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
            hopeless = self._losses > LOSSES * self.size
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


_OURS: list[str] = []
"""The address of the cluster that this process has joined itself, and leaves again; a caller's own connection stays."""


def connect(settings: RaySettings) -> Any:
    """Return the module `ray`, connected. Raises ConfigError without Ray, or where nothing answers at the address."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # workers without GPUs: Ray's coming default
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--executor ray needs the package ray: pip install 'vlmeval[ray]'") from error
    if ray.is_initialized():
        return ray
    address = settings.address
    if address == "local":
        wanted = int(-(-(settings.workers or 1) * settings.cpus // 1))
        ray.init(
            address="local",
            num_cpus=max(os.cpu_count() or 1, wanted),
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            log_to_driver=False,
            logging_level="ERROR",
        )
    else:
        check_address(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    _OURS.append(address)
    return ray


def check_address(address: str) -> None:
    """Raise ConfigError, within half a minute, where no Ray cluster answers at `address`.

    Ray itself waits for minutes and then ends the process, which is why another process tries first.
    """
    way_out = "start one (ray start --head), name its HOST:PORT, or leave --ray-address out for a cluster of your own"
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address != "auto":
        if not (colon and host and port.isdecimal()):
            raise ConfigError(f'--ray-address "{address}": expected HOST:PORT, auto or local')
        try:
            socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise ConfigError(f"--ray-address {address}: nothing answers there ({error}); {way_out}") from error
    try:
        tried = subprocess.run(
            [sys.executable, "-c", _PROBE, address],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"--ray-address {address}: what answers there is no Ray cluster; {way_out}") from error
    if tried.returncode:
        said = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ConfigError(f"--ray-address {address}: {said}; {way_out}")


def _told(error: Any) -> str:
    """Return what went wrong in a worker's code, with the last line of the user's that it passed."""
    places = _PLACE.findall(str(error))
    where = f" at {places[-1][0]}:{places[-1][1]}" if places else ""
    cause = getattr(error, "cause", error)
    return f"{type(cause).__name__}{where} in a Ray worker: {str(cause).splitlines()[0] if str(cause) else ''}"
