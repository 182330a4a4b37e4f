"""Memory and energy of a session, as far as the machine tells: the process by `getrusage`, GPUs by torch and NVML.

Energy is the difference of NVML's counter since the driver was loaded (`nvmlDeviceGetTotalEnergyConsumption`, in
millijoules, Volta and later): all that the GPU took, whoever used it.
"""

from __future__ import annotations

import importlib
import importlib.util
import resource
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from vlmeval.store.efficiency import Meters
from vlmeval.types import Outcome, Output, Request


class Meter:
    """Reads the meters of one session, which begins when it is made."""

    def __init__(self) -> None:
        torch = _torch()
        if torch is not None:
            for device in range(torch.cuda.device_count()):
                torch.cuda.reset_peak_memory_stats(device)
        self._joules = total_joules()

    def read(self) -> Meters:
        """Return the peaks since the beginning, and the energy taken since."""
        torch = _torch()
        device = None
        if torch is not None:
            device = sum(int(torch.cuda.max_memory_allocated(place)) for place in range(torch.cuda.device_count()))
        joules = total_joules()
        taken = None if joules is None or self._joules is None else round(joules - self._joules, 3)
        return Meters(host_peak_bytes(), device, taken)


def host_peak_bytes() -> int:
    """Return the largest resident memory of this process since it started."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def total_joules() -> float | None:
    """Return what all GPUs of the machine took since their driver was loaded; None where nothing tells."""
    if importlib.util.find_spec("pynvml") is None:
        return None
    pynvml: Any = importlib.import_module("pynvml")
    try:
        pynvml.nvmlInit()
        try:
            devices = [pynvml.nvmlDeviceGetHandleByIndex(place) for place in range(pynvml.nvmlDeviceGetCount())]
            spent = [pynvml.nvmlDeviceGetTotalEnergyConsumption(device) for device in devices]
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:  # no driver here, or a GPU without the counter
        return None
    return sum(spent) / 1000 if spent else None


def _torch() -> Any | None:
    """Return torch where a model has used a GPU through it; it is never imported for this."""
    torch: Any = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None


class Stopwatch:
    """Calls a model and keeps how long each of its answers took, where the answer does not tell so itself."""

    def __init__(self, call: Callable[[Sequence[Request]], Sequence[Outcome]]) -> None:
        self._call = call
        self.seconds = array("d")

    def __call__(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        """Return the outcomes of the call. Several threads may call at once."""
        began = time.perf_counter()
        outcomes = self._call(requests)
        took = time.perf_counter() - began
        silent = sum(isinstance(outcome, Output) and outcome.seconds is None for outcome in outcomes)
        if silent:
            self.seconds.extend(array("d", [took] * silent))
        return outcomes
