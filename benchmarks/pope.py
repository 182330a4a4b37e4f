"""POPE: is there such an object in the image? Yes/no questions on COCO val2014 images, sampled in three ways.

Li et al. 2023, Evaluating Object Hallucination in Large Vision-Language Models, EMNLP 2023, arXiv:2305.10355. The
objects that are not there are random, popular, or adversarial (often seen beside what is there). A question may be in
several of these categories; a file names them joined by commas, or repeats the row. A sample is a question in one
category, as in the official files: 9,000 of them from 5,127 rows.
"""

import functools
from collections.abc import Iterator

from vlmeval.benchmark import (
    Benchmark,
    DataError,
    Hub,
    Row,
    Sample,
    Source,
    Split,
    Tsv,
    plain_question,
    row_id,
    row_images,
    yes_no_gold,
)

CATEGORIES = ("random", "popular", "adversarial")
HUB_IDS = ("lmms-lab/POPE", "lmms-lab-encoder/POPE")
URL = "https://opencompass.openxlab.space/utils/VLMEval/POPE.tsv"
TSV = Tsv("POPE", URL, "c12f5acb142f2ef1f85a26ba2fbe41d5")


def categories(row: Row, default: str) -> list[str]:
    """Return the row's categories in their usual order; `default` where the file has no such column."""
    named = [name.strip() for name in (row.text("category") or default).split(",")]
    unknown = sorted(set(named) - set(CATEGORIES))
    if unknown:
        raise DataError(f'{row.at("category")}: "{unknown[0]}" is none of {", ".join(CATEGORIES)}')
    return [name for name in CATEGORIES if name in named]


def samples(row: Row, only: str = "") -> Iterator[Sample]:
    """Yield the row's question once for each of its categories, or for `only` one."""
    number = row_id(row, ("index", "id", "question_id"))
    images = row_images(row)
    image_id = images[0].sha256 if images else row.text("image_source", "image_path") or number
    question, gold = plain_question(row, "question", "text"), yes_no_gold(row, "answer", "label")
    for name in categories(row, only):
        if only in ("", name):
            yield Sample(
                id=f"{name}:{number}",
                parts=(*images, question),
                references=gold,
                tags={"category": name},
                cluster=image_id,
                fields={"row": number},
            )


def count(row: Row, only: str = "") -> int:
    """Return how many samples a row gives, without reading its image."""
    return sum(only in ("", name) for name in categories(row, only))


def split(name: str) -> Split:
    """Return the questions of one category."""
    sources: tuple[Source, ...] = (TSV, Hub(HUB_IDS, split=name, revision="main", config="Full"))
    return Split(sources, sample=functools.partial(samples, only=name), samples_of=functools.partial(count, only=name))


BENCHMARK = Benchmark(
    name="pope",
    title="POPE",
    sample=samples,
    splits={
        "test": Split((TSV, Hub(HUB_IDS, split="test", revision="main")), samples_of=count),
        **{name: split(name) for name in CATEGORIES},
    },
    licence="MIT (not verified); images under COCO's terms",
    citation="Li et al. 2023, arXiv:2305.10355",
    homepage="https://github.com/RUCAIBox/POPE",
    quirks=(
        "releases differ: 'random' has 2,910 questions in the release LLaVA-1.5 was measured on, 3,000 since",
        "a question may stand in several categories: a model is asked once for each, and each counts",
    ),
)
