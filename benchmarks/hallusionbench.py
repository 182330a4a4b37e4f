"""HallusionBench: yes/no questions about figures and their edited twins, scored by figure and by question.

Guan et al. 2024, HallusionBench: An Advanced Diagnostic Suite for Entangled Language Hallucination and Visual Illusion
in Large Vision-Language Models, CVPR 2024, arXiv:2310.14566. VD: the image is needed; VS: it supplements what one may
know.
"""

import re

from vlmeval.benchmark import (
    Benchmark,
    DataError,
    Hub,
    Row,
    Sample,
    Split,
    Tsv,
    plain_question,
    row_images,
    yes_no_gold,
)

INDEX = re.compile(r"(?P<l2>.+)_(?P<input>[^_]+)_(?P<set>[^_]+)_(?P<figure>[^_]+)_(?P<question>[^_]+)")
URL = "https://opencompass.openxlab.space/utils/VLMEval/HallusionBench.tsv"
TSV = Tsv("HallusionBench", URL, "0c23ac0dc9ef46832d7a24504f2a0c7c")
HUB = Hub(("lmms-lab/HallusionBench", "lmms-lab-encoder/HallusionBench"), split="image", revision="main")


def index_of(row: Row) -> str:
    """Return <category>_<subcategory>_<visual input>_<set>_<figure>_<question>: a column, or made of the six."""
    parts = ("category", "subcategory", "visual_input", "set_id", "figure_id", "question_id")
    return row.required("index") if row.has("index") else "_".join(row.required(name) for name in parts)


def sample(row: Row) -> Sample:
    """Return a question; its index says which figure and which question of its set it is."""
    index = index_of(row)
    found = INDEX.fullmatch(index)
    if found is None:
        raise DataError(
            f'{row.at("index")}: "{index[:80]}" is no <category>_<subcategory>_<input>_<set>_<figure>_<question>'
        )
    second = found["l2"]
    return Sample(
        id=index,
        parts=(*row_images(row), plain_question(row, "question")),
        references=yes_no_gold(row, "answer", "gt_answer"),
        tags={"category": second.partition("_")[0], "l2-category": second},
        cluster=f"{second}_{found['set']}",
        fields={"set_id": found["set"], "figure_id": found["figure"], "question_id": found["question"], "row": index},
    )


BENCHMARK = Benchmark(
    name="hallusionbench",
    title="HallusionBench",
    sample=sample,
    splits={"image": Split((TSV, HUB), questions=951)},
    licence="BSD-3-Clause (not verified)",
    citation="Guan et al. 2024, arXiv:2310.14566",
    homepage="https://github.com/tianyi-lab/HallusionBench",
    quirks=(
        "951 questions with an image; the 178 that are asked without one are no part of it, as in VLMEvalKit",
        "some questions cannot be answered with yes or no (which country ...); few replies to them can be read",
    ),
)
