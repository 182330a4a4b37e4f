"""OCRBench: 1,000 questions about text in images, from recognition to handwritten mathematics.

Liu et al. 2024, OCRBench: On the Hidden Mystery of OCR in Large Multimodal Models, arXiv:2305.07895.
"""

from vlmeval.benchmark import Benchmark, DataError, Hub, Row, Sample, Split, Tsv, short_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval/OCRBench.tsv"
SOURCES = (
    Tsv("OCRBench", URL, "e953d98a987cc6e26ef717b61260b778"),
    Hub(("echo840/OCRBench",), split="test", revision="main"),
)
RECOGNITION = frozenset((
    "Regular Text Recognition", "Irregular Text Recognition", "Artistic Text Recognition", "Handwriting Recognition",
    "Digit String Recognition", "Non-Semantic Text Recognition",
))  # fmt: skip


def sample(row: Row) -> Sample:
    """Return a question with its category, one of ten, and its group, one of five: reports add up recognition."""
    found = short_sample(row, id_columns=("index",), tags={"category": ("category", "question_type")})
    category = found.tags.get("category", "")
    if not category:
        raise row.missing("category", "question_type")
    if any(not text.strip() for text in found.references):
        raise DataError(f"{row.at('answer')}: an answer is empty, so that every reply contains it; mend the cell")
    found.tags["group"] = "Text Recognition" if category in RECOGNITION else category
    return found


BENCHMARK = Benchmark(
    name="ocrbench",
    title="OCRBench",
    sample=sample,
    splits={"test": Split(SOURCES, questions=1000)},
    licence="unclear",
    citation="Liu et al. 2024, arXiv:2305.07895",
    homepage="https://github.com/Yuliang-Liu/MultimodalOCR",
    quirks=(
        "a reply is right that contains an answer: one that lists everything scores well",
        "lmms-eval lower-cases handwritten formulas' replies and not their answers: capital letters are lost there",
    ),
)
