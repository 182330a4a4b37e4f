"""Shards of runs that compare vectors: retrieval and zero-shot classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.made_retrieval import karpathy
from vlmeval.cli.main import run

ENCODER = """
import hashlib

import numpy as np

class Digest:
    batch = 4

    def embed(self, items):
        rows = [hashlib.sha256((item if isinstance(item, str) else item.sha256).encode()).digest() for item in items]
        vectors = np.array([[byte - 127.5 for byte in row[:8]] for row in rows], dtype=np.float64)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
"""


def vlmeval(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        run([str(word) for word in words])
    return int(ended.value.code or 0)


def test_retrieval_in_shards_scores_as_undivided_though_each_shard_saw_a_part_of_the_candidates(tmp_path: Path) -> None:
    file = karpathy(tmp_path)
    (tmp_path / "my.py").write_text(ENCODER, "utf8")
    task = ("--tasks", "flickr30k_retrieval", "--data", f"flickr30k_retrieval={file}")
    common = ("run", "--model", f"{tmp_path}/my.py:Digest", *task, "--no-report", "--quiet")
    assert vlmeval(*common, "-o", tmp_path / "whole") == 0
    for shard in ("1/3", "2/3", "3/3"):
        assert vlmeval(*common, "-o", tmp_path / "parts", "--shard", shard) == 0
    assert vlmeval("merge", tmp_path / "parts") == 0
    (one,) = (tmp_path / "whole").glob("*/*/*/scores.json")
    (joined,) = (tmp_path / "parts").glob("*/*/*/scores.json")
    assert joined.read_bytes() == one.read_bytes()
