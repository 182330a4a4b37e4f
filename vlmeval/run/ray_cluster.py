"""Joining a Ray cluster, or starting one on this machine; saying in good time where there is none."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from vlmeval.errors import ConfigError

ANSWER_SECONDS = 8.0
PROBE_SECONDS = 18.0
STORE_BYTES = 200 * 1024 * 1024
_PROBE = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
"""
_JOINED: list[str] = []
"""The address of the cluster that `connect` has joined: a connection that the caller had before is not ours to end."""


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


def connect(settings: RaySettings) -> Any:
    """Return the module `ray`, connected. Raises ConfigError without Ray, or where nothing answers at the address."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # workers without GPUs: Ray's coming default
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # an evaluation tells nobody that it ran
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--executor ray needs the package ray: pip install 'vlmeval[ray]'") from error
    if ray.is_initialized():
        return ray
    address = settings.address
    own: dict[str, Any] = {}
    if address == "local":
        wanted = math.ceil((settings.workers or 1) * settings.cpus)
        own = {
            "num_cpus": max(os.cpu_count() or 1, wanted),
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
        }
    else:
        check_address(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigError(f"--executor ray: Ray cannot be started or joined ({address}): {error}") from error
    _JOINED.append(address)
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
            timeout=PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        if b"Unauthenticated" in (error.stderr or b""):
            raise ConfigError(
                f"--ray-address {address}: the cluster there wants a token and this process has not shown the right "
                "one; set RAY_AUTH_MODE=token and its token as Ray's documentation says, then run this again"
            ) from error
        raise ConfigError(f"--ray-address {address}: what answers there is no Ray cluster; {way_out}") from error
    if tried.returncode:
        said = (tried.stderr.decode("utf8", "replace").strip().splitlines() or ["no reason given"])[-1]
        raise ConfigError(f"--ray-address {address}: {said}; {way_out}")


def leave(ray: Any) -> None:
    """Leave the cluster that `connect` has joined, and end it where it was started for this run."""
    if _JOINED:
        _JOINED.clear()
        ray.shutdown()
