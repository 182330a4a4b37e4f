"""`vlmeval metrics`: what is computed, and which program or paper each metric reproduces."""

from __future__ import annotations

import inspect
from pathlib import Path

from vlmeval.cli.browse import browser, table_lines
from vlmeval.registry import METRICS
from vlmeval.types import Metric


def entries(roots: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Return the name and title of every metric."""
    return [(name, METRICS.load(name)().info.title) for name in METRICS.names()]


def card(name: str, roots: tuple[Path, ...]) -> str:
    """Return what one metric is."""
    metric: Metric = METRICS.load(name)()
    info = metric.info
    rows = [
        ("metric", f"{info.name}: {info.title}"),
        ("better", "higher" if info.higher_is_better else "lower"),
        ("shown", f"times {info.scale:g}"),
        ("reproduces", info.source),
        ("signature", info.signature or info.name),
    ]
    return "\n".join([*table_lines(rows), "", inspect.cleandoc(type(metric).__doc__ or "")])


command = browser("metric", summary="List, search and show metrics.", entries=entries, card=card)
