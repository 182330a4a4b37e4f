"""Fixtures of the wrappers' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes import FakeServer
from vlmeval.models.presets import PRESETS

if TYPE_CHECKING:
    from vlmeval.models.transformers import TransformersModel


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for preset in PRESETS.values():
        monkeypatch.delenv(preset.key, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder with a tiny checkpoint for each architecture; torch is imported where a test asks for it."""
    from tests.models import tiny

    root = tmp_path_factory.mktemp("checkpoints")
    return {kind: tiny.save(kind, root / kind) for kind in tiny.KINDS}


@pytest.fixture(scope="session")
def models(checkpoints: dict[str, Path]) -> dict[str, TransformersModel]:
    """Return each architecture opened on the CPU."""
    from vlmeval.models.transformers import open_transformers

    return {kind: open_transformers(str(path), {"device": "cpu"}) for kind, path in checkpoints.items()}
