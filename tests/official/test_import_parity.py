"""VLMEvalKit's recorded results through the whole product: file, reader, task, journal, scorer, official figure.

The other modules score replies by themselves; here a folder's rows are imported as `vlmeval import` does, with images
that are not at hand, and the figures of the task's default, or of the scorer named, are the official ones.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.official.cases import REASON, Case, found_cases
from vlmeval.data.catalog import find_task
from vlmeval.data.foreign import ForeignResult
from vlmeval.data.options import DataOptions
from vlmeval.run.importing import import_result
from vlmeval.run.session import RunSettings
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder


@dataclass(frozen=True)
class Figure:
    """A task's figure: its metric, and where in EXPECTED.json the official one is, times `scale`."""

    task: str
    metric: str
    at: tuple[str, ...] = ("official", "Overall")
    scale: float = 1.0
    scorer: str = ""


FIGURES = {
    "ai2d_": Figure("ai2d", "accuracy", ("official", "accuracy")),
    "ccbench_": Figure("ccbench", "circular"),
    "chartqatest_": Figure("chartqa", "relaxed_accuracy_vlmevalkit", scale=0.01),
    "hallusionbench_": Figure("hallusionbench", "a_acc", ("official", "Overall", "aAcc"), 0.01),
    "mmbench_dev_": Figure("mmbench_dev_en", "circular", ("official", "circular_accuracy")),
    "mmstar_": Figure("mmstar", "accuracy"),
    "mmtbenchval_": Figure("mmtbench_val", "accuracy"),
    "ocrbench_": Figure("ocrbench", "ocrbench", ("official", "Final Score")),
    "ocrvqatestcore_": Figure("ocrvqa_testcore", "match", scale=0.01),
    "pope_vila": Figure("pope", "f1", ("official", "Overall", "Overall"), 0.01, "vlmevalkit"),
    "realworldqa_": Figure("realworldqa", "accuracy"),
    "scienceqatest_": Figure("scienceqa_img_test", "accuracy"),
    "scienceqaval_": Figure("scienceqa_img_val", "accuracy"),
    "seedbenchimg_": Figure("seedbench_img", "accuracy"),
    "textvqaval_": Figure("textvqa_val", "vqa_vlmevalkit", scale=0.01),
}
"""By the beginning of a folder's name."""
FOUND = [case for case in found_cases(*FIGURES) if any("prediction" in row for row in case.rows)]
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
BY_A_JUDGE = "exact_matching_only_accuracy"
"""The figure of the rules alone, where the official one needed a judge."""


def figure_of(case: Case) -> Figure:
    found = next(figure for prefix, figure in FIGURES.items() if case.folder.name.startswith(prefix))
    return Figure(found.task, found.metric, (BY_A_JUDGE,)) if BY_A_JUDGE in case.expected else found


def official(case: Case, figure: Figure) -> float:
    found = case.expected
    for key in figure.at:
        if key not in found:
            pytest.skip(f"the folder has no figure {' / '.join(figure.at)}")
        found = found[key]
    return float(found) * figure.scale  # type: ignore[arg-type]


def imported(case: Case, task: str, folder: Path) -> RunFolder:
    """Import the rows of the case as a result of VLMEvalKit."""
    path = folder / f"model_{case.folder.name}.json"
    path.write_text(json.dumps(case.rows), "utf8")
    found = ForeignResult(path, "VLMEvalKit", find_task(task), "model")
    return import_result(found, DataOptions(), RunSettings(quiet=True), results=folder / "results").folder


def golds_in_words(case: Case) -> int:
    """Return how many golds are no letter: wrong for VLMEvalKit, while here the option of that wording is meant."""
    return sum(len(str(row.get("answer", ""))) > 1 for row in case.rows) if "A" in case.rows[0] else 0


@pytest.mark.parametrize("case", FOUND, ids=[case.folder.name for case in FOUND])
def test_an_imported_result_has_the_official_figure(case: Case, tmp_path: Path) -> None:
    figure = figure_of(case)
    expected = official(case, figure)
    scores = score_run(imported(case, figure.task, tmp_path), scorer=figure.scorer or None, errors="wrong")
    assert scores.complete, scores.notes
    found = {one.metric: one for one in scores.estimates if not one.slice}[figure.metric]
    worded = golds_in_words(case) / found.samples
    assert expected - 1e-9 <= found.value <= expected + worded + 1e-9
