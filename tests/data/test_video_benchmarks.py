"""Video-MME and MVBench on small folders of frames, from the file to the score, with a model that takes many images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.data.asked import read, scored, values, write_jsonl, write_parquet
from tests.data.made import png
from tests.run.asking import Asked
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.errors import DataError
from vlmeval.registry import KINDS
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.score.scorer import score_run
from vlmeval.types import Image, Output, Request

pytestmark = pytest.mark.usefixtures("offline")


def frames(folder: Path, count: int, color: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(png((color, number, 0)))


def mme_row(number: int, answer: str, **more: Any) -> dict[str, Any]:
    """Return a row as lmms-lab/Video-MME has it."""
    return {
        "video_id": f"{number // 3:03}", "duration": "short", "domain": "Knowledge", "sub_category": "History",
        "url": "https://video.example/1", "videoID": f"clip-{number // 3}", "task_type": "Counting",
        "question_id": f"{number // 3:03}-{number % 3}", "question": f"How many ({number})?",
        "options": ["A. One.", "B. Two.", "C. Three.", "D. A. Four."], "answer": answer, **more,
    }  # fmt: skip


def mv_row(number: int, answer: str, task: str, video: str) -> dict[str, Any]:
    return {
        "video": video, "question": f"What happens ({number})?", "candidates": ["It falls.", "It flies.", "B"],
        "answer": answer, "task_type": task,
    }  # fmt: skip


def by_light(request: Request) -> Output:
    """Answer from the images alone: A where the frames grow lighter, B where they are told backwards."""
    greens = [color[1] for image in request.images if isinstance(color := image.open().getpixel((0, 0)), tuple)]
    return Output("A" if len(greens) > 1 and greens == sorted(greens) else "B")


@pytest.mark.parametrize("write", [write_parquet, write_jsonl])
def test_videomme_runs_from_folders_of_frames_to_a_score(write: Any, tmp_path: Path) -> None:
    rows = [mme_row(number, "A" if number < 4 else "C") for number in range(6)]
    path = write(tmp_path / ("v.parquet" if write is write_parquet else "v.jsonl"), rows)
    for video in (0, 1):
        frames(tmp_path / "frames" / f"clip-{video}", 20, 9 + video)
    task = find_task("videomme")
    with open_samples(task, DataOptions(data=path)) as samples:
        run = run_task(task, samples, Asked(by_light), RunSettings(quiet=True), results=tmp_path / "results")
    scores = score_run(run.folder)
    assert values(scores, "accuracy") == pytest.approx(
        {"": 4 / 6, "duration=short": 4 / 6, "domain=Knowledge": 4 / 6, "category=Counting": 4 / 6}
    )
    (overall,) = [one for one in scores.estimates if one.metric == "accuracy" and one.slice == ""]
    assert (overall.samples, overall.clusters) == (6, 2)


def test_videomme_asks_with_all_frames_in_front_and_records_which(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "v.parquet", [mme_row(0, "D")])
    frames(tmp_path / "frames" / "clip-0", 20, 9)
    (sample,) = read("videomme_8f", path)
    assert sample.choices == ("One.", "Two.", "Three.", "A. Four.")
    assert sample.fields["frames"] == "uniform 8 of 20: 1 3 6 8 11 13 16 18"
    task = find_task("videomme_8f")
    (request,) = KINDS.load("choice")(task).requests(sample)
    assert [isinstance(part, Image) for part in request.parts] == [True] * 8 + [False]
    assert request.text == (
        "Select the best answer to the following multiple-choice question based on the video. Respond with only the "
        "letter (A, B, C, or D) of the correct option.\nHow many (0)?\nA. One.\nB. Two.\nC. Three.\nD. A. Four.\n"
        "The best answer is:"
    )


def test_another_number_of_frames_is_another_signature(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "v.parquet", [mme_row(0, "A")])
    frames(tmp_path / "frames" / "clip-0", 40, 9)
    signatures = set()
    for name, count in (("videomme_8f", 8), ("videomme_16f", 16), ("videomme_32f", 32), ("videomme_64f", 40)):
        assert len(read(name, path)[0].parts) == count + 1
        (score,) = {one.signature for one in scored(name, path, {"000-0": "A"}, tmp_path / name).estimates}
        signatures.add(score.partition("|data:")[2])
    assert len(signatures) == 4


def test_mvbench_takes_the_text_of_an_option_for_gold_and_is_the_mean_of_its_tasks(tmp_path: Path) -> None:
    rows = [
        mv_row(0, "It falls.", "Action Sequence", "a/1.mp4"),
        mv_row(1, "It falls.", "Action Sequence", "a/1.mp4"),
        mv_row(2, "It falls.", "Action Sequence", "a/2.webm"),
        mv_row(3, "It flies.", "Scene Transition", "a/2.webm"),
    ]
    path = write_jsonl(tmp_path / "mvbench.jsonl", rows)
    for video in (1, 2):
        frames(tmp_path / "frames" / "a" / str(video), 3, video)
    found = read("mvbench", path)
    assert [one.references for one in found] == [("A",), ("A",), ("A",), ("B",)]
    assert {one.cluster for one in found} == {"a/1.mp4", "a/2.webm"}
    assert found[0].fields == {"frames": "uniform 3 of 3: 0 1 2"}
    (request,) = KINDS.load("choice")(find_task("mvbench")).requests(found[0])
    assert request.text == (
        "Question:What happens (0)?\nOption:\n(A) It falls.\n(B) It flies.\n(C) B\nOnly give the best option."
    )
    scores = scored("mvbench_16f", path, {str(number): "(A) It falls." for number in range(4)}, tmp_path)
    assert values(scores, "macro_category")[""] == 0.5
    assert values(scores, "accuracy")[""] == 0.75


def test_a_file_with_a_column_of_frames_needs_no_folder(tmp_path: Path) -> None:
    cells = [{"bytes": png((1, number, 0)), "path": None} for number in range(10)]
    path = write_parquet(tmp_path / "v.parquet", [{**mv_row(0, "It flies.", "x", "gone.mp4"), "frames": cells}])
    (sample,) = read("mvbench_8f", path)
    assert sample.fields["frames"] == "uniform 8 of 10: 0 1 3 4 5 6 8 9"


def test_a_video_that_is_not_there_stops_before_the_first_request(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "mvbench.jsonl", [mv_row(0, "It falls.", "x", "gone.mp4")])
    with pytest.raises(DataError, match=r'line 1: no frames of the video "gone\.mp4"'):
        read("mvbench", path)


def test_too_few_options_are_refused(tmp_path: Path) -> None:
    frames(tmp_path / "frames" / "a", 2, 1)
    path = write_jsonl(tmp_path / "m.jsonl", [{**mv_row(0, "It falls.", "x", "a.mp4"), "candidates": ["It falls."]}])
    with pytest.raises(DataError, match="1 options; a choice needs two at least"):
        read("mvbench", path)
