"""The judge of a command line: which model, with which settings, at what price and up to which cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from vlmeval.cli import options
from vlmeval.errors import ConfigError
from vlmeval.models.spec import open_model
from vlmeval.run.settings import Prices, RunSettings
from vlmeval.store.results import Manifest
from vlmeval.types import Generator, Model


def asked_judge(given: dict[str, Any]) -> Model:
    """Return the judge of the command line. Raises ConfigError for a ceiling of cost without prices."""
    if given["judge_max_cost"] is not None and not (given["judge_prices"] or given["prices"]):
        raise ConfigError("--judge-max-cost needs the judge's prices: --judge-prices IN,OUT, USD for a million tokens")
    prices(given["judge_prices"], option="--judge-prices")
    return open_judge(given["judge"], given["judge_args"])


def open_judge(name: str, arguments: Sequence[str] = ()) -> Model:
    """Return the judge, before anything is asked. Raises ConfigError for a model that does not write."""
    judge = open_model(name, options.pairs(arguments, option="--judge-args"))
    if not isinstance(judge, Generator):
        raise ConfigError(f'--judge "{name}": a judge answers in text, which this model does not; name another')
    return judge


def judge_settings(settings: RunSettings, judge: Model, manifest: Manifest, given: dict[str, Any]) -> RunSettings:
    """Return how `judge` is called in a run: its prices, and what both ceilings of cost leave for it.

    Recorded verdicts cost nothing.
    """
    ceilings = [given["judge_max_cost"]] if given["judge_max_cost"] is not None else []
    if settings.max_cost is not None:
        ceilings.append(max(0.0, settings.max_cost - manifest.usage.get("usd", 0.0)))
    paid = prices(given["judge_prices"], option="--judge-prices") or settings.prices
    if judge.recipe().get("wrapper") == "replay":
        ceilings, paid = [], None
    return msgspec.structs.replace(
        settings, concurrency=None, batch=None, max_cost=min(ceilings, default=None), prices=paid
    )


def prices(text: str | None, *, option: str) -> Prices | None:
    """Return the prices that `--prices IN,OUT` spells. Raises ConfigError that names `option`."""
    if text is None:
        return None
    numbers = [options.scalar(item) for item in text.split(",")]
    if len(numbers) != 2 or any(isinstance(item, (bool, str)) or not 0 <= item < math.inf for item in numbers):
        raise ConfigError(f'{option} "{text}": expected two numbers, USD for a million tokens, such as 2.5,10')
    return Prices(prompt=float(numbers[0]), output=float(numbers[1]))
