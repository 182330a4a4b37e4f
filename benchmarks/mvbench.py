"""MVBench: 20 tasks of short videos, as frames; and any file of video questions in its schema.

Li et al. 2023, MVBench: A Comprehensive Multi-modal Video Understanding Benchmark, CVPR 2024, arXiv:2311.17005.
Schema as read by EvolvingLMMs-Lab/lmms-eval, tasks/mvbench/utils.py (`video`, `question`, `candidates`, `answer` as the
text of one); `task_type` as in VLMEvalKit's file (not verified). The authors' JSON lists, one a task, make one file
of JSON Lines with `task_type` added. Where a question is about a part of a video (`start`, `end`, in
seconds), its frames are of that part: in a video file by its clock, in a folder of frames by the row's `fps` (3 for
the frames of TVQA, as in the authors' mvbench.ipynb); a column `frames` and a folder without it hold the part already.
"""

from functools import partial

from vlmeval.benchmark import (
    Benchmark,
    DataError,
    Files,
    Row,
    Sample,
    Split,
    Tsv,
    gold_letter,
    row_choices,
    row_frames,
    row_id,
    row_tags,
)  # fmt: skip

SOURCES = (
    Files(("mvbench.jsonl", "MVBench/mvbench.jsonl"), "the JSON lists of OpenGVLab/MVBench joined, frames/ beside it"),
    Tsv("MVBench"),
)


def sample(row: Row, frames: int) -> Sample:
    """Return a question, the frames of its video in front; questions about one video are resampled together."""
    video = row.text("video")
    shown = row_frames(row, frames, video)
    choices = tuple(str(item) for item in row.items("candidates")) or row_choices(row)
    if len(choices) < 2:
        raise DataError(f"{row.at('candidates', 'options')}: {len(choices)} options; a choice needs two at least")
    return Sample(
        id=row_id(row, ("question_id", "index", "id")),
        parts=(*shown.images, row.required("question")),
        references=gold_letter(row, choices),
        choices=choices,
        tags=row_tags(row, {"category": ("task_type", "category")}),
        cluster=video or "",
        fields={"frames": shown.note},
    )


BENCHMARK = Benchmark(
    name="mvbench",
    title="MVBench",
    sample=partial(sample, frames=8),
    splits={f"test_{frames}": Split(SOURCES, sample=partial(sample, frames=frames)) for frames in (8, 16)},
    licence="MIT (not verified); videos under the terms of their sources",
    citation="Li et al. 2023, arXiv:2311.17005",
    homepage="https://github.com/OpenGVLab/Ask-Anything",
    quirks=("the published figure is the mean of the 20 tasks' accuracies",),
)
