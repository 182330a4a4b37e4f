"""`vlmeval leaderboard` as a person types it: demo runs of two models, imported results of real ones, ratings."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.official.cases import REASON, found_cases
from tests.score.boards import model_run
from tests.score.runs import CHOICE, FAILED, question, right, wrong
from vlmeval.cli.main import run
from vlmeval.types import Request, Sample

Vlmeval = Callable[..., tuple[int, str, str]]
SAMPLES = [question(number, category="ab"[number % 2]) for number in range(60)]
IMPORTED = {
    "mmstar": "MMStar", "scienceqatest": "ScienceQA_TEST", "realworldqa": "RealWorldQA", "pope": "POPE",
    "ocrbench": "OCRBench",
}  # fmt: skip


@pytest.fixture
def vlmeval(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vlmeval:
    """Return a function that runs the command line in an empty folder: (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def third(sample: Sample, request: Request) -> str:
    return (right if int(sample.id[1:]) % 3 else wrong)(sample, request)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return the results of three models on one task."""
    folder = tmp_path / "results"
    model_run(folder, "right", SAMPLES, right)
    model_run(folder, "third", SAMPLES, third)
    model_run(folder, "wrong", SAMPLES, wrong)
    return folder


def board(tmp_path: Path) -> Any:
    return json.loads((tmp_path / "reports" / "leaderboard" / "leaderboard.json").read_text("utf8"))


def test_a_board_of_all_runs_is_written_with_data_beside_it(vlmeval: Vlmeval, results: Path, tmp_path: Path) -> None:
    status, said, _ = vlmeval("leaderboard", results)
    assert status == 0
    assert "3 models, 1 tasks, 3 figures" in said
    found = board(tmp_path)
    assert {cell["model"]: cell["tier"] for cell in found["cells"]} == {"right": 1, "third": 2, "wrong": 3}
    assert {cell["page"] for cell in found["cells"]} == {""}
    with open(tmp_path / "reports" / "leaderboard" / "leaderboard.csv", newline="", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    assert {row["slice"] for row in rows} == {"", "category=a", "category=b"}


def test_cells_link_to_the_pages_of_their_runs(vlmeval: Vlmeval, results: Path, tmp_path: Path) -> None:
    assert vlmeval("report", results)[0] == 0
    assert vlmeval("leaderboard", results)[0] == 0
    site = tmp_path / "reports" / "leaderboard"
    links = [cell["page"] for cell in board(tmp_path)["cells"]]
    assert all(link.startswith("../exam/") and (site / link).is_file() for link in links)
    assert vlmeval("leaderboard", results, "--pages", "-o", "site")[0] == 0
    data = json.loads(Path("site/leaderboard.json").read_text("utf8"))
    assert all((Path("site") / cell["page"]).is_file() for cell in data["cells"])


def test_incomplete_runs_are_refused_by_name_unless_allowed(vlmeval: Vlmeval, results: Path, tmp_path: Path) -> None:
    model_run(
        results, "torn", SAMPLES, lambda sample, request: FAILED if sample.id == "q1" else right(sample, request),
        state="incomplete",
    )  # fmt: skip
    status, _, told = vlmeval("leaderboard", results)
    assert status == 1
    assert "left out: exam, torn" in told
    assert "torn" not in {row["name"] for row in board(tmp_path)["rows"]}
    status, _, _ = vlmeval("leaderboard", results, "--allow-incomplete")
    assert status == 0
    assert [cell["complete"] for cell in board(tmp_path)["cells"] if cell["model"] == "torn"] == [False]
    page = (tmp_path / "reports" / "leaderboard" / "index.html").read_text("utf8")
    assert "1 of 4 figures are of incomplete runs" in page


def test_runs_that_are_not_valid_are_left_out_where_that_is_asked(
    vlmeval: Vlmeval, results: Path, tmp_path: Path
) -> None:
    status, _, told = vlmeval("leaderboard", results, "--validate")
    assert status == 2  # made by hand: no fingerprint of theirs is that of their recipe
    assert told.count("not valid, left out: run.json: the fingerprint") == 3


def test_a_suite_is_averaged_and_its_recipe_printed(vlmeval: Vlmeval, results: Path, tmp_path: Path) -> None:
    from vlmeval.data.catalog import find_task  # the catalog's task under which the answers are filed

    task = find_task("mmstar")
    catalog = tmp_path / "catalog"
    (catalog / "tasks" / "suites").mkdir(parents=True)
    (catalog / "tasks" / "suites" / "mine.toml").write_text(
        'name = "mine"\n[[tasks]]\ntask = "mmstar"\n[[tasks]]\ntask = "realworldqa"\nweight = 3\n',
        encoding="utf8",
    )
    own = CHOICE.__class__(
        **{name: getattr(task, name) for name in task.__struct_fields__ if name not in ("published", "options")},
        options={"circular": False},
    )
    model_run(results, "right", SAMPLES, right, task=own, run_id="mmstar")
    status, said, _ = vlmeval("leaderboard", results, "--catalog", catalog, "--suite", "mine")
    assert status == 0
    assert "mine = 0.25 x mmstar + 0.75 x realworldqa" in said
    assert "right: no average, missing: realworldqa" in said
    assert "0.25 x mmstar + 0.75 x realworldqa" in (tmp_path / "reports/leaderboard/index.html").read_text("utf8")
    status, _, told = vlmeval("leaderboard", results, "--suite", "open_vml")
    assert status == 2
    assert 'did you mean "open_vlm"' in told


def test_human_ratings_appear_with_their_correlation(vlmeval: Vlmeval, results: Path, tmp_path: Path) -> None:
    votes = tmp_path / "votes.csv"
    rows = ["model_a,model_b,winner,annotator,prompt"]
    for number in range(60):
        for one, other in (("right", "third"), ("third", "wrong"), ("right", "wrong"), ("stranger", "wrong")):
            outcome = "model_a" if number % 5 else "model_b"
            rows.append(f"{one},{other},{outcome},a{number % 6},p{number % 20}")
    votes.write_text("\n".join(rows) + "\n", encoding="utf8")
    status, _, told = vlmeval("sbs", "rate", votes, "-o", results / "sbs" / "study")
    assert status == 0, told
    assert vlmeval("leaderboard", results)[0] == 0
    (study,) = board(tmp_path)["studies"]
    assert [one["model"] for one in study["ratings"]] == ["right", "third", "wrong"]
    assert study["unmatched"] == ["stranger"]
    assert study["correlations"] == [{"column": "exam", "tau": pytest.approx(1.0), "models": 3}]


def test_wrong_use_is_said(vlmeval: Vlmeval, tmp_path: Path) -> None:
    assert vlmeval("leaderboard")[0] == 2
    (tmp_path / "empty").mkdir()
    status, _, told = vlmeval("leaderboard", "empty")
    assert status == 2
    assert "holds no run" in told


def test_the_published_table_is_written_on_request(vlmeval: Vlmeval, tmp_path: Path) -> None:
    assert vlmeval("leaderboard", "--write-published", tmp_path / "published")[0] == 0
    tracked = Path(__file__).resolve().parents[2] / "results" / "published" / "scores.csv"
    assert (tmp_path / "published" / "scores.csv").read_bytes() == tracked.read_bytes()


def test_demo_runs_of_two_models_and_imported_results_of_real_ones_make_a_board(
    vlmeval: Vlmeval, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    tasks = ("demo_mmbench", "demo_vqa")
    status, _, told = vlmeval(
        "run", "--model", "demo,demo-small", "--tasks", ",".join(tasks), "--limit", 24, "--quiet", "--no-report"
    )
    assert status == 0, told
    imported = 0
    for case in found_cases(*(f"{prefix}_" for prefix in IMPORTED)):
        prefix, _, model = case.folder.name.partition("_")
        if not {"question", "prediction"} <= set(case.rows[0]):
            continue
        file = tmp_path / "foreign" / f"{model}_{IMPORTED[prefix]}.tsv"
        file.parent.mkdir(exist_ok=True)
        names = list(dict.fromkeys(name for row in case.rows for name in row))
        with open(file, "w", newline="", encoding="utf8") as opened:
            writer = csv.DictWriter(opened, names, delimiter="\t")
            writer.writeheader()
            writer.writerows(case.rows)
        status, _, told = vlmeval("import", file)
        imported += status in (0, 1)
    status, _, told = vlmeval("leaderboard", "results", "--allow-incomplete", "--validate")
    assert status == 0, told
    found = board(tmp_path)
    own = {(cell["model"], cell["column"]): cell for cell in found["cells"]}
    assert {(model, task) for model in ("demo", "demo-small") for task in tasks} <= set(own)
    assert all(cell["samples"] and cell["low"] is not None for cell in own.values())
    assert len(own) == 4 + imported
    if not imported:
        pytest.skip(REASON)
    assert {"mmstar", "scienceqa_img_test"} <= {column["task"] for column in found["columns"]}
    shutil.rmtree(tmp_path / "foreign")
