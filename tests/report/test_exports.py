"""Scores as LaTeX, Markdown and model-index: figures on their scale, and nothing in a name is a command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.score.compared import first, scored
from vlmeval.jsonio import read_json
from vlmeval.report import exports
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import Manifest, Scores

HOSTILE = 'a"b: \\input{x} $1_2^3 & 50% #~ {é} <b>|`\u2028\x85\n- 🟦'


@pytest.fixture
def runs(tmp_path: Path) -> list[tuple[Manifest, Scores]]:
    folders = [scored(tmp_path / "r", name, first(count)) for name, count in (("new", 40), ("old", 60))]
    return [(read_manifest(folder), read_json(folder.scores, Scores)) for folder in folders]


def named(run: tuple[Manifest, Scores], name: str) -> tuple[Manifest, Scores]:
    return run[0], msgspec.structs.replace(run[1], model=name)


def test_tables_hold_models_by_tasks_with_interval_and_n_in_the_note(runs: list[tuple[Manifest, Scores]]) -> None:
    scores = [one for _, one in runs]
    latex, markdown = exports.latex(scores), exports.markdown(scores)
    assert re.search(r"^new & 50\.0 \{\\scriptsize \(3\d\.\d -- 6\d\.\d\)\} \\\\$", latex, re.MULTILINE)
    assert r"Model & exam (accuracy) \\" in latex
    assert r"exam (accuracy), old: n = 80, coverage 100.0 \%." in latex
    assert re.search(r"^\| old \| 75\.0 \(6\d\.\d – 8\d\.\d\) \|$", markdown, re.MULTILINE)
    assert "- exam (accuracy), old: n = 80, coverage 100.0 %" in markdown


def test_an_incomplete_run_is_marked_and_a_missing_pair_is_a_dash(runs: list[tuple[Manifest, Scores]]) -> None:
    (_, one), (_, two) = runs
    two = msgspec.structs.replace(two, task="other", complete=False)
    assert r"old & --- & 75.0$^{\dagger}$ {" in exports.latex([one, two])
    assert "other (accuracy), old: n = 80, coverage 100.0 \\%, incomplete." in exports.latex([one, two])
    assert "| old | — | 75.0† (" in exports.markdown([one, two])


def test_two_runs_of_one_model_get_rows_of_their_own(runs: list[tuple[Manifest, Scores]]) -> None:
    one = runs[0][1]
    grid = exports.grid_of([one, msgspec.structs.replace(one, run_id="r2")])
    assert grid.models == ("new", "new (run r2)")


def test_no_character_of_a_name_is_a_latex_command(runs: list[tuple[Manifest, Scores]]) -> None:
    assert exports.latex_text("50% of_a\\b {x} $y$ #1 & ~ ^") == (
        r"50\% of\_a\textbackslash{}b \{x\} \$y\$ \#1 \& \textasciitilde{} \textasciicircum{}"
    )
    assert exports.latex_text("a\n\nb [c]") == "a b {[}c{]}"
    (line,) = [one for one in exports.latex([named(runs[0], HOSTILE)[1]]).splitlines() if one.startswith("a\\text")]
    assert line.count(" & ") == 1
    assert "\\input" not in line


def test_model_index_is_the_hubs_schema_and_survives_hostile_names(runs: list[tuple[Manifest, Scores]]) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML reads what is written without it")
    found: dict[str, Any] = yaml.safe_load(exports.model_index([named(runs[0], HOSTILE), runs[1]]))
    first_model, second = found["model-index"]
    assert (first_model["name"], second["name"]) == (HOSTILE, "old")
    (result,) = second["results"]
    assert result["task"]["type"] == "visual-question-answering"
    assert result["dataset"] == {"type": "exam", "name": "exam", "split": "dev"}
    (metric,) = result["metrics"]
    assert (metric["type"], metric["value"]) == ("accuracy", 75)
    assert metric["args"]["low"] < 75 < metric["args"]["high"]
    assert (metric["args"]["samples"], metric["args"]["coverage"]) == (80, 1)
    assert metric["args"]["signature"] == runs[1][1].signature


def test_model_index_names_the_hubs_data_set_and_an_incomplete_run(runs: list[tuple[Manifest, Scores]]) -> None:
    manifest, scores = runs[0]
    origin = msgspec.structs.replace(manifest.origin, dataset="lmms-lab/POPE", revision="abc")
    manifest.origin = origin
    text = exports.model_index([(manifest, msgspec.structs.replace(scores, complete=False))])
    assert 'type: "lmms-lab/POPE"' in text
    assert 'revision: "abc"' in text
    assert "(incomplete run)" in text


def test_a_run_without_a_figure_has_no_result(runs: list[tuple[Manifest, Scores]]) -> None:
    manifest, scores = runs[0]
    empty = msgspec.structs.replace(scores, estimates=())
    assert exports.model_index([(manifest, empty)]) == 'model-index:\n- name: "new"\n  results: []\n'
    assert "new: n = 0, coverage —" in exports.markdown([empty])


@pytest.mark.parametrize(("value", "text"), [(1e-9, "0"), (66.5, "66.5"), (100.0, "100"), (1e20, "1" + "0" * 20)])
def test_numbers_have_no_exponent(value: float, text: str) -> None:
    assert exports.yaml_number(value) == text
