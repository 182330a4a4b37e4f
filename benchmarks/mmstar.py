"""MMStar: 1,500 choice questions that cannot be answered without the image.

Chen et al. 2024, Are We on the Right Way for Evaluating Large Vision-Language Models?, arXiv:2403.20330.
"""

import re

from vlmeval.benchmark import Benchmark, DataError, Hub, Row, Sample, Split, Tsv, choice_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval/MMStar.tsv"
SOURCES = (
    Tsv("MMStar", URL, "e1ecd2140806c1b1bbf54b43372efb9e"),
    Hub(("Lin-Chen/MMStar",), split="val", revision="main"),
)
TAGS = {"category": ("category",), "l2-category": ("l2_category",)}
OPTION = re.compile(r"(?:^|,\s*)([A-D]):\s*", re.ASCII)


def sample(row: Row) -> Sample:
    """Return a question; the hub's copy has its options inside the question, after "Options:"."""
    if row.has("A"):
        return choice_sample(row, tags=TAGS)
    question, mark, tail = row.required("question").rpartition("Options:")
    pieces = OPTION.split(tail.strip())
    if not mark or pieces[1::2] != list("ABCD"[: len(pieces) // 2]):
        raise DataError(f'{row.where}: expected "Options: A: ..., B: ..." at the end of the question')
    choices = tuple(text.strip() for text in pieces[2::2])
    return choice_sample(row, tags=TAGS, question=question.strip(), choices=choices)


BENCHMARK = Benchmark(
    name="mmstar",
    title="MMStar",
    sample=sample,
    splits={"val": Split(SOURCES, questions=1500)},
    licence="not stated",
    citation="Chen et al. 2024, arXiv:2403.20330",
    homepage="https://mmstar-benchmark.github.io",
    quirks=("some options are the word 'None', which spreadsheet programs lose; here it is an option",),
)
