"""Q-Bench 1: choice questions about the quality of images: distortions, and other matters of how a picture looks.

Wu et al. 2024, Q-Bench: A Benchmark for General-Purpose Foundation Models on Low-level Vision, ICLR 2024,
arXiv:2309.14181. This is its perception part.
"""

from vlmeval.benchmark import Benchmark, Row, Sample, Split, Tsv, choice_sample

URL = "https://huggingface.co/datasets/zhangzicheng/qbench_tsv/resolve/main/Q-Bench1_VAL.tsv"


def sample(row: Row) -> Sample:
    """Return a question."""
    return choice_sample(row, tags={"category": ("category",)})


BENCHMARK = Benchmark(
    name="qbench",
    title="Q-Bench 1",
    sample=sample,
    splits={"val": Split((Tsv("Q-Bench1_VAL", URL, "837bdb6cd2da571713543462815187b7"),))},
    licence="not stated",
    citation="Wu et al. 2024, arXiv:2309.14181",
    homepage="https://q-future.github.io/Q-Bench",
)
