"""AI2D: choice questions about school diagrams, with and without the letters that mask the diagram's words.

Kembhavi et al. 2016, A Diagram Is Worth a Dozen Images, ECCV 2016, arXiv:1603.07396.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, choice_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval"


def sample(row: Row) -> Sample:
    """Return a question; the hub's copies give the gold as a position counted from 0."""
    return choice_sample(row, tags={"category": ("category",)}, indexed=not row.has("A"))


def tsv(name: str, md5: str) -> Tsv:
    """Return the published file."""
    return Tsv(name, f"{URL}/{name}.tsv", md5)


def hub(*ids: str) -> Hub:
    """Return the copy on the hub."""
    return Hub(ids, split="test", revision="main")


MASKED = (tsv("AI2D_TEST", "0f593e0d1c7df9a3d69bf1f947e71975"), hub("lmms-lab/ai2d", "lmms-lab-encoder/ai2d"))
UNMASKED = (tsv("AI2D_TEST_NO_MASK", "fd8f463634d4fe9fbd23b876e8eea5be"), hub("Efficient-Large-Model/ai2d-no-mask"))

BENCHMARK = Benchmark(
    name="ai2d",
    title="AI2D",
    sample=sample,
    splits={"test": Split(MASKED, questions=3088), "test_no_mask": Split(UNMASKED, questions=3088)},
    licence="unclear",
    citation="Kembhavi et al. 2016, arXiv:1603.07396",
    homepage="https://prior.allenai.org/projects/diagram-understanding",
    quirks=("with and without mask are two tasks that differ by several points",),
)
