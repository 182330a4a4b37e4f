"""The blind baseline in every report: page, Markdown, CSV; for judged and grounding tasks, too."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from tests.score import runs
from vlmeval.cli.main import run
from vlmeval.cli.pages import write_reports
from vlmeval.data.catalog import find_task
from vlmeval.data.task import Task
from vlmeval.jsonio import encode, write_json
from vlmeval.kinds.judge import Scored
from vlmeval.report.page import page_path, write_run_page
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder, run_folder
from vlmeval.store.manifest import recipe_of
from vlmeval.store.results import Origin, Scores
from vlmeval.types import Image, Output, Record, Sample

PICTURE = Image("1" * 64, 100, 100, "png")
QUESTIONS = [runs.question(number) for number in range(40)]
CHOICE = msgspec.structs.replace(runs.CHOICE, chance=0.25)
JUDGED = find_task("mm-vet")
GROUNDING = find_task("refcoco_val")


def written(
    results: Path,
    task: Task,
    samples: list[Sample],
    replies: list[str],
    *,
    blind: str = "",
    grades: tuple[str, ...] = (),
) -> RunFolder:
    """Write and score a run with a reply for each sample; with `grades`, a judge "wise" gave one for each."""
    origin = Origin("exam", "0", blind=blind)
    folder = run_folder(results, task.name, "parrot", blind or "sighted")
    folder.path.mkdir(parents=True)
    said = dict(zip([sample.id for sample in samples], replies, strict=True))
    journal = runs.records(task, samples, lambda sample, request: said[sample.id])
    manifest = runs.manifest_of(
        task, origin=origin, recipe=recipe_of(task, "parrot", {}, origin), run_id=blind or "sighted",
        judge="wise" if grades else None,
    )  # fmt: skip
    write_json(folder.manifest_path, manifest)
    folder.questions.write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    folder.outputs.write_bytes(b"".join(encode(record) + b"\n" for record in journal))
    kind = runs.kind_of(task)
    if grades:
        assert isinstance(kind, Scored)
        verdicts = [
            Record(request.key, sample.id, request.variant, Output(grade))
            for sample, grade in zip(samples, grades, strict=True)
            for request in kind.judge_requests(sample, {"": Output(said[sample.id])})
        ]
        folder.judge.write_bytes(b"".join(encode(record) + b"\n" for record in verdicts))
    score_run(folder)
    return folder


def exam(results: Path) -> tuple[RunFolder, RunFolder]:
    """Write a run that is right on 30 of 40 questions with the image and on 10 without it."""
    return (
        written(results, VANILLA, QUESTIONS, ["B"] * 30 + ["A"] * 10),
        written(results, VANILLA, QUESTIONS, ["B"] * 10 + ["A"] * 30, blind="black"),
    )


VANILLA = msgspec.structs.replace(
    CHOICE, metrics=("vanilla",), primary="vanilla", options={"circular": False}, slices=()
)


def figures(page: str) -> list[str]:
    """Return the cells of the first line of the page's table on the blind baseline, then interval and n."""
    (card,) = re.findall(r'<div class="card" id="blind">.*?</div>', page, re.DOTALL)
    (row, *_) = re.findall(r"<tr>\s*(<th scope.*?)</tr>", card, re.DOTALL)
    ((interval, samples), *_) = re.findall(r"<b>([^<]*)</b> · n = (\d+)", card)
    return [*re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row), interval, samples]


def test_the_page_shows_accuracy_blind_accuracy_chance_and_gain_with_its_interval(tmp_path: Path) -> None:
    sighted, blind = exam(tmp_path)
    for folder in (sighted, blind):
        cells = figures(write_run_page(folder, tmp_path / "reports").read_text("utf8"))
        assert cells[:5] == ["black", "75.0", "25.0", "25.0", "+50.0"]
        assert re.fullmatch(r"\+3\d\.\d – \+6\d\.\d", cells[5])
        assert cells[6] == "40"


def test_a_run_without_a_blind_one_has_no_such_card(tmp_path: Path) -> None:
    folder = written(tmp_path, VANILLA, QUESTIONS, ["B"] * 40)
    assert 'id="blind"' not in write_run_page(folder, tmp_path / "reports").read_text("utf8")


def test_markdown_and_csv_have_the_gain_too(tmp_path: Path) -> None:
    folders = list(exam(tmp_path))
    scores = [msgspec.json.decode(folder.scores.read_bytes(), type=Scores) for folder in folders]
    write_reports(scores, folders, tmp_path / "reports")
    text = (tmp_path / "reports" / "scores.md").read_text("utf8")
    assert text.count("gain from the image: 75.0, blind (black) 25.0, chance 25.0") == 1
    rows = list(csv.DictReader(io.StringIO((tmp_path / "reports" / "scores.csv").read_text("utf8"))))
    (gain,) = (row for row in rows if row["metric"] == "gain:vanilla")
    assert (float(gain["value"]), float(gain["sighted"]), float(gain["unseen"])) == (50, 75, 25)
    assert (gain["blind"], float(gain["chance"]), gain["samples"]) == ("black", 25, "40")
    assert float(gain["low"]) < 50 < float(gain["high"])
    assert [row["chance"] for row in rows if row["metric"] == "vanilla"] == ["25.0", "25.0"]


def test_a_page_written_before_the_blind_run_is_brought_up_to_date(tmp_path: Path) -> None:
    out = tmp_path / "reports"
    sighted = written(tmp_path, VANILLA, QUESTIONS, ["B"] * 40)
    write_run_page(sighted, out)
    blind = written(tmp_path, VANILLA, QUESTIONS, ["A"] * 40, blind="noise")
    write_reports([score_run(blind)], [blind], out)
    assert figures(page_path(sighted, out).read_text("utf8"))[:3] == ["noise", "100.0", "0.0"]


def test_a_judged_task_has_a_gain_under_the_same_judge(tmp_path: Path) -> None:
    samples = [Sample(str(n), (PICTURE, f"What is sign {n}?"), ("stop",), cluster=f"c{n // 2}") for n in range(20)]
    said = ["It says stop."] * 20
    sighted = written(tmp_path, JUDGED, samples, said, grades=("0.8", "0.6") * 10)
    written(tmp_path, JUDGED, samples, ["Perhaps stop."] * 20, blind="none", grades=("0.2", "0.4") * 10)
    page = write_run_page(sighted, tmp_path / "reports").read_text("utf8")
    cells = figures(page)
    assert cells[:5] == ["none", "70.0", "30.0", "—", "+40.0"]
    assert "10 clusters" in page


def test_a_grounding_task_has_a_gain(tmp_path: Path) -> None:
    samples = [
        Sample(str(n), (PICTURE, "the dog"), ("10,10,50,50",), fields={"width": "100", "height": "100"})
        for n in range(20)
    ]
    kind = runs.kind_of(GROUNDING)
    right = "[10, 10, 50, 50]"
    assert kind.answers(samples[0], {"": Output(right)})[0].value is not None
    sighted = written(tmp_path, GROUNDING, samples, [right] * 20)
    written(tmp_path, GROUNDING, samples, ["[60, 60, 90, 90]"] * 20, blind="black")
    cells = figures(write_run_page(sighted, tmp_path / "reports").read_text("utf8"))
    assert (cells[0], cells[2]) == ("black", "0.0")
    assert cells[4].startswith("+")


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_score_says_the_gain_in_every_format(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exam(tmp_path)
    with pytest.raises(SystemExit):
        run(["score", str(tmp_path), "--format", form])
    said = " ".join(capsys.readouterr().out.split())
    assert ("gain:vanilla" if form == "csv" else "gain from the image") in said


def test_hostile_names_in_a_gain_are_inert(tmp_path: Path) -> None:
    hostile = msgspec.structs.replace(VANILLA, title="<script>x</script>")
    sighted = written(tmp_path, hostile, QUESTIONS, ["B"] * 40)
    written(tmp_path, hostile, QUESTIONS, ["A"] * 40, blind="black")
    assert "<script>x" not in write_run_page(sighted, tmp_path / "reports").read_text("utf8")
    assert json.loads(sighted.scores.read_bytes())["title"] == "<script>x</script>"


def test_the_card_fits_a_phone(tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    path = write_run_page(exam(tmp_path)[0], tmp_path / "reports")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 360, "height": 900})
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.locator("#blind td").first.inner_text() == "75.0"
        assert page.locator("#rules code").first.is_visible()
        browser.close()
