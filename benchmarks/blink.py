"""BLINK: 14 tasks of visual perception that people solve in a blink, with one to four images a question.

Fu et al. 2024, BLINK: Multimodal Large Language Models Can See but Not Perceive, ECCV 2024, arXiv:2404.12390.
"""

from vlmeval.benchmark import (
    Benchmark,
    Hub,
    Row,
    Sample,
    Split,
    Tsv,
    gold_letter,
    numbered_images,
    row_choices,
    row_id,
)  # fmt: skip

TASKS = (
    "Art_Style", "Counting", "Forensic_Detection", "Functional_Correspondence", "IQ_Test", "Jigsaw",
    "Multi-view_Reasoning", "Object_Localization", "Relative_Depth", "Relative_Reflectance", "Semantic_Correspondence",
    "Spatial_Relation", "Visual_Correspondence", "Visual_Similarity",
)  # fmt: skip
URL = "https://opencompass.openxlab.space/utils/VLMEval/BLINK.tsv"
TSV = Tsv("BLINK", URL, "d5e8af148b10ac69f535ff7b23f3f989")


def sample(row: Row) -> Sample:
    """Return a question, its images in front.

    The data set's `prompt` says more than its `question` (which point is meant, ...); the options that end it are
    cut off, for the task's prompt to write.
    """
    images = tuple(numbered_images(row).values())
    if not images:
        raise row.missing("image_1", "image")
    choices = row_choices(row)
    text, _, _ = (row.text("prompt") or "").partition("\n(A)")
    task = row.text("sub_task", "category")
    return Sample(
        id=row_id(row, ("idx", "index", "id")),
        parts=(*images, text.strip() or row.required("question")),
        references=gold_letter(row, choices),
        choices=choices,
        tags={"category": task} if task else {},
    )


def hub(split: str) -> Hub:
    """Return all 14 configurations as one."""
    return Hub(("BLINK-Benchmark/BLINK",), split=split, revision="main", config=TASKS)


BENCHMARK = Benchmark(
    name="blink",
    title="BLINK",
    sample=sample,
    splits={
        "val": Split((hub("val"), TSV), questions=1901),
        "test": Split((hub("test"),), hidden=True),
    },
    licence="Apache-2.0 (not verified)",
    citation="Fu et al. 2024, arXiv:2404.12390",
    homepage="https://zeyofu.github.io/blink",
    quirks=("the paper's figure is the mean of the 14 tasks' accuracies, not the mean over questions",),
)
