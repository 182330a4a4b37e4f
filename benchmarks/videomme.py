"""Video-MME: 2,700 questions about 900 videos, as frames, without subtitles.

Fu et al. 2024, Video-MME: The First-Ever Comprehensive Evaluation Benchmark of Multi-modal LLMs in Video Analysis,
arXiv:2405.21075. Schema as read by EvolvingLMMs-Lab/lmms-eval, tasks/videomme/utils.py (`videoID`, `duration`,
`question`, `options` that begin with their letters, `answer`); not verified: `question_id`, `domain`, `sub_category`,
`task_type`. The hub has videos, not frames: frames go into frames/VIDEOID/, or a file has a column `frames`.
"""

from functools import partial

from vlmeval.benchmark import (
    LETTERS,
    Benchmark,
    Files,
    Hub,
    Row,
    Sample,
    Split,
    gold_letter,
    row_choices,
    row_frames,
    row_id,
    row_tags,
)  # fmt: skip

TAGS = {"duration": ("duration",), "domain": ("domain",), "category": ("task_type",)}
SOURCES = (
    Files(("videomme.parquet", "videomme.jsonl", "Video-MME/videomme"), "from lmms-lab/Video-MME, frames/ beside it"),
    Hub(("lmms-lab/Video-MME",), split="test", revision="main"),
)


def sample(row: Row, frames: int) -> Sample:
    """Return a question, the frames of its video in front; questions about one video are resampled together."""
    video = row.text("videoID", "video_id", "video")
    shown = row_frames(row, frames, video)
    choices = tuple(text.removeprefix(f"{letter}. ") for letter, text in zip(LETTERS, row_choices(row), strict=False))
    return Sample(
        id=row_id(row, ("question_id", "index", "id")),
        parts=(*shown.images, row.required("question")),
        references=gold_letter(row, choices),
        choices=choices,
        tags=row_tags(row, TAGS),
        cluster=video or "",
        fields={"frames": shown.note},
    )


def split(frames: int) -> Split:
    """Return the only split, with so many frames a video."""
    return Split(SOURCES, sample=partial(sample, frames=frames), questions=2700)


BENCHMARK = Benchmark(
    name="videomme",
    title="Video-MME",
    sample=partial(sample, frames=8),
    splits={f"test_{frames}": split(frames) for frames in (8, 16, 32, 64)},
    licence="for research, terms of the authors (not verified)",
    citation="Fu et al. 2024, arXiv:2405.21075",
    homepage="https://video-mme.github.io",
    quirks=("the number of frames moves the score by points: compare figures of one number only",),
)
