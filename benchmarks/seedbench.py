"""SEED-Bench: choice questions in nine dimensions of image understanding (the image part).

Li et al. 2023, SEED-Bench: Benchmarking Multimodal LLMs with Generative Comprehension, arXiv:2307.16125.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, choice_sample

URL = "https://opencompass.openxlab.space/utils/benchmarks/SEEDBench/SEEDBench_IMG.tsv"
SOURCES = (
    Tsv("SEEDBench_IMG", URL, "68017231464752261a2526d6ca3a10c0"),
    Hub(("lmms-lab/SEED-Bench", "lmms-lab-encoder/SEED-Bench"), split="test", revision="main"),
)
DIMENSIONS = {
    "1": "Scene Understanding", "2": "Instance Identity", "3": "Instance Attributes", "4": "Instance Location",
    "5": "Instances Counting", "6": "Spatial Relation", "7": "Instance Interaction", "8": "Visual Reasoning",
    "9": "Text Understanding",
}  # fmt: skip


def sample(row: Row) -> Sample:
    """Return a question with its dimension: a text in the TSV, a number in the hub's copy."""
    tags = {"category": ("category",), "dimension": ("question_type_id",)}
    found = choice_sample(row, id_columns=("index", "question_id"), tags=tags)
    dimension = found.tags.pop("dimension", "")
    if dimension in DIMENSIONS:
        found.tags.setdefault("category", DIMENSIONS[dimension])
    return found


BENCHMARK = Benchmark(
    name="seedbench",
    title="SEED-Bench",
    sample=sample,
    splits={"image": Split(SOURCES, where={"data_type": ("image",)})},
    licence="CC BY-NC 4.0 (not verified)",
    citation="Li et al. 2023, arXiv:2307.16125",
    homepage="https://github.com/AILab-CVC/SEED-Bench",
    quirks=("papers report all, image or video questions; this is the image part",),
)
