"""`vlmeval report` and `vlmeval compare --html`: which files there are, and that each figure carries its recipe."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.cli import test_run
from tests.cli.test_run import Vlmeval
from tests.score.compared import first, scored

vlmeval = test_run.vlmeval


def test_every_form_holds_value_interval_n_coverage_and_signature(vlmeval: Vlmeval, tmp_path: Path) -> None:
    scored(tmp_path / "r", "old", first(60))
    status, out, err = vlmeval("report", tmp_path / "r", "-o", "out")
    assert (status, err) == (0, "")
    assert "scores.md" in out
    text = Path("out/scores.md").read_text("utf8")
    (run,) = json.loads(Path("out/scores.json").read_bytes())["runs"]
    headline = next(one for one in run["scores"]["estimates"] if not one["slice"])
    assert (headline["value"], headline["samples"], run["coverage_share"]) == (0.75, 80, 1.0)
    assert headline["signature"] in text
    for words in ("75.0", f"{100 * headline['low']:.1f} – {100 * headline['high']:.1f}", "80", "100.0 %"):
        assert words in text
    rows = list(csv.DictReader(Path("out/scores.csv").read_text("utf8").splitlines()))
    assert [row["slice"] for row in rows] == ["", "category=even", "category=odd"]
    for row in rows:
        assert all(row[name] for name in ("value", "low", "high", "samples", "clusters", "coverage", "signature"))
    (page,) = Path("out").glob("exam/old/*.html")
    for words in ("75.0", "n = 80", "coverage 100.0 %", headline["signature"]):
        assert words in page.read_text("utf8")


def test_only_the_forms_asked_for_are_written(vlmeval: Vlmeval, tmp_path: Path) -> None:
    folder = scored(tmp_path / "r", "old", first(60)).path
    assert vlmeval("report", folder, "-o", "out", "--format", "json", "--format", "csv")[0] == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["scores.csv", "scores.json"]
    assert vlmeval("report", folder, "-o", "pages", "--format", "html")[0] == 0
    assert sorted(path.name for path in Path("pages").iterdir()) == ["exam", "index.html"]


def test_compare_writes_its_page_beside_the_table_and_keeps_its_status(vlmeval: Vlmeval, tmp_path: Path) -> None:
    old, new = (scored(tmp_path / "r", name, first(count)).path for name, count in (("old", 60), ("new", 40)))
    status, out, _ = vlmeval("compare", old, new, "--html", "-o", "out", "--fail-if-worse", 1)
    assert status == 1
    (page,) = Path("out/compare").glob("*.html")
    assert f"report   {page}" in out
    assert "worse by 25.0 points" in page.read_text("utf8")
    status, out, err = vlmeval("compare", old, new, "--html", "-o", "out", "--format", "json")
    assert status == 0
    assert json.loads(out)["comparison"]["tasks"][0]["model"] == "new"
    assert str(page) in err
