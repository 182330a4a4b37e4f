"""ScienceQA: school science questions with two to five options, half of them with an image.

Lu et al. 2022, Learn to Explain, NeurIPS 2022, arXiv:2209.09513. Tables report the accuracy on questions with an image.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, choice_sample

URL = "https://opencompass.openxlab.space/utils/benchmarks/ScienceQA"
HUB_IDS = ("lmms-lab/ScienceQA", "lmms-lab-encoder/ScienceQA")
TAGS = {"subject": ("subject",), "topic": ("topic",), "category": ("category",), "grade": ("grade",)}


def sample(row: Row) -> Sample:
    """Return a question; the hub's copy gives the gold as a position counted from 0 and may have no image."""
    from_hub = not row.has("A")
    found = choice_sample(row, tags=TAGS, indexed=from_hub, text_only=from_hub)
    found.tags["image"] = "with image" if len(found.parts) > 1 else "without image"
    return found


def tsv(name: str, md5: str) -> Tsv:
    """Return the published file, which holds the questions with an image only."""
    return Tsv(name, f"{URL}/{name}.tsv", md5)


def hub(config: str, split: str) -> Hub:
    """Return the copy on the hub."""
    return Hub(HUB_IDS, split=split, revision="main", config=config)


BENCHMARK = Benchmark(
    name="scienceqa",
    title="ScienceQA",
    sample=sample,
    splits={
        "test_img": Split((tsv("ScienceQA_TEST", "e42e9e00f9c59a80d8a5db35bc32b71f"), hub("ScienceQA-IMG", "test"))),
        "val_img": Split(
            (tsv("ScienceQA_VAL", "96320d05e142e585e7204e72affd29f3"), hub("ScienceQA-IMG", "validation"))
        ),
        "test": Split((hub("ScienceQA-FULL", "test"),), questions=4241),
        "val": Split((hub("ScienceQA-FULL", "validation"),), questions=4241),
    },
    licence="CC BY-NC-SA 4.0 (not verified)",
    citation="Lu et al. 2022, arXiv:2209.09513",
    homepage="https://scienceqa.github.io",
    quirks=("a letter past the question's own options is wrong",),
)
