"""MME: two yes/no questions about each image, one to be answered yes and one no, in fourteen categories.

Fu et al. 2023, MME: A Comprehensive Evaluation Benchmark for Multimodal Large Language Models, arXiv:2306.13394.
"""

from vlmeval.benchmark import (
    Benchmark,
    Hub,
    Row,
    Sample,
    Split,
    Tsv,
    plain_question,
    row_images,
    yes_no_gold,
)

TSV = Tsv("MME", "https://opencompass.openxlab.space/utils/VLMEval/MME.tsv", "b36b43c3f09801f5d368627fb92187c3")
HUB = Hub(("lmms-lab/MME", "lmms-lab-encoder/MME"), split="test", revision="main")


def sample(row: Row) -> Sample:
    """Return a question. The hub names both questions about an image alike, so their ids get the number of the row."""
    images = row_images(row)
    category = " ".join(row.required("category").split())
    pair = row.text("image_path", "question_id") or (images[0].sha256 if images else f"row {row.number}")
    pair = pair if pair.startswith(f"{category}/") else f"{category}/{pair}"
    number = row.required("index") if row.has("index") else f"{pair}#{row.number}"
    return Sample(
        id=number,
        parts=(*images, plain_question(row, "question")),
        references=yes_no_gold(row, "answer"),
        tags={"category": category},
        cluster=pair,
        fields={"row": number},
    )


BENCHMARK = Benchmark(
    name="mme",
    title="MME",
    sample=sample,
    splits={"test": Split((TSV, HUB), questions=2374)},
    licence="research only (not verified)",
    citation="Fu et al. 2023, arXiv:2306.13394",
    homepage="https://github.com/BradyFU/Awesome-Multimodal-Large-Language-Models/tree/Evaluation",
    quirks=("scores are points, not shares: at most 2,000 for perception and 800 for cognition",),
)
