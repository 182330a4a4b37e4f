"""How the intervals of scores are found: chosen by name, in the signature, and kept when a report scores again."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from tests.cli import test_run
from tests.cli.test_run import Vlmeval
from tests.score.compared import first, scored
from vlmeval.cli.report import scores_of
from vlmeval.jsonio import read_json
from vlmeval.score.scorer import score_run
from vlmeval.stats.bootstrap import Method
from vlmeval.stats.proportion import wilson
from vlmeval.store.results import Scores

vlmeval = test_run.vlmeval


@pytest.mark.parametrize("method", get_args(Method))
def test_each_way_gives_bounds_around_the_same_figure(tmp_path: Path, method: Method) -> None:
    folder = scored(tmp_path, "old", first(50))
    plain = score_run(folder)
    found = score_run(folder, interval=method)
    assert found.estimates[0].value == plain.estimates[0].value == 0.625
    assert found.estimates[0].low == pytest.approx(plain.estimates[0].low, abs=0.02)
    assert found.interval == method
    assert ("interval:" in found.signature) == (method != "percentile")


def test_the_analytic_interval_of_a_share_of_single_samples_is_wilsons(tmp_path: Path) -> None:
    estimate = score_run(scored(tmp_path, "old", first(50)), interval="analytic").estimates[0]
    assert (estimate.low, estimate.high) == pytest.approx(wilson(0.625, 80), abs=4e-3)


def test_the_command_takes_it_and_a_report_keeps_it(vlmeval: Vlmeval, tmp_path: Path) -> None:
    folder = scored(tmp_path, "old", first(50))
    status, out, _ = vlmeval("score", folder.path, "--interval", "bca")
    assert status == 0
    assert "|interval:bca|" in out
    before = read_json(folder.scores, Scores)
    folder.outputs.touch()
    assert scores_of(folder) == before
    assert vlmeval("score", folder.path, "--interval", "magic")[0] == 2
