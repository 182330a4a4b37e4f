"""The public interface of benchmark files: everything that `benchmarks/*.py`, built in or yours, may import.

A benchmark file defines `BENCHMARK`:

    from vlmeval.benchmark import Benchmark, Split, Tsv, choice_sample

    BENCHMARK = Benchmark(
        name="mine", title="My questions", licence="CC BY 4.0", sample=choice_sample,
        splits={"test": Split((Tsv("MyQuestions"),))},
    )
"""

from vlmeval.data.benchmark import Benchmark, Builder, Split
from vlmeval.data.build import (
    LETTERS,
    caption_sample,
    choice_sample,
    gold_letter,
    hint_of,
    interleave,
    literal_answers,
    numbered_images,
    placeholder_sample,
    plain_answer,
    retrieval_count,
    retrieval_samples,
    row_answers,
    row_captions,
    row_choices,
    row_id,
    row_images,
    row_tags,
    short_sample,
    with_fields,
    with_references,
    with_tags,
)
from vlmeval.data.classes import class_sample
from vlmeval.data.frames import Frames, row_frames
from vlmeval.data.grounding import referring_count, referring_samples
from vlmeval.data.joined import JoinedHub
from vlmeval.data.jsonl import read_json
from vlmeval.data.objects import coco_objects
from vlmeval.data.polar import plain_question, yes_no_gold
from vlmeval.data.sources import Bundled, Files, Hub, Source, Tsv, open_table
from vlmeval.data.table import Row, Table
from vlmeval.errors import DataError
from vlmeval.types import Choice, Image, Part, Sample

__all__ = [
    "LETTERS",
    "Benchmark",
    "Builder",
    "Bundled",
    "Choice",
    "DataError",
    "Files",
    "Frames",
    "Hub",
    "Image",
    "JoinedHub",
    "Part",
    "Row",
    "Sample",
    "Source",
    "Split",
    "Table",
    "Tsv",
    "caption_sample",
    "choice_sample",
    "class_sample",
    "coco_objects",
    "gold_letter",
    "hint_of",
    "interleave",
    "literal_answers",
    "numbered_images",
    "open_table",
    "placeholder_sample",
    "plain_answer",
    "plain_question",
    "read_json",
    "referring_count",
    "referring_samples",
    "retrieval_count",
    "retrieval_samples",
    "row_answers",
    "row_captions",
    "row_choices",
    "row_frames",
    "row_id",
    "row_images",
    "row_tags",
    "short_sample",
    "with_fields",
    "with_references",
    "with_tags",
    "yes_no_gold",
]
