"""GQA: compositional questions about Visual Genome images, one answer each.

Hudson and Manning 2019, GQA: A New Dataset for Real-World Visual Reasoning and Compositional Question Answering,
CVPR 2019, arXiv:1902.09506. Tables report testdev_balanced.
"""

from vlmeval.benchmark import Benchmark, Files, Row, Sample, Split, Tsv, plain_answer, short_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval/GQA_TestDev_Balanced.tsv"
TSV = Tsv("GQA_TestDev_Balanced", URL, "99b62f22e224d9b2f32dcbe41359d1c9")
NAME = "testdev_balanced_questions.json"
NOTE = "questions and images/ from https://cs.stanford.edu/people/dorarad/gqa/download.html side by side"


def sample(row: Row) -> Sample:
    """Return a question; questions about one image are resampled together."""
    tags = {"category": ("category",)}
    return short_sample(row, tags=tags, references=plain_answer(row, "answer"))


BENCHMARK = Benchmark(
    name="gqa",
    title="GQA",
    sample=sample,
    splits={"testdev_balanced": Split((Files((f"gqa/{NAME}", f"GQA/{NAME}"), NOTE), TSV), questions=12578)},
    licence="CC BY 4.0 (not verified)",
    citation="Hudson and Manning 2019, arXiv:1902.09506",
    homepage="https://cs.stanford.edu/people/dorarad/gqa",
    quirks=(
        "the hub's copy (lmms-lab/GQA) keeps questions and images in two configurations and is not read here",
        "programs forgive different things: case and full stops (LLaVA), all punctuation (lmms-eval), articles (Qwen-VL)",
    ),
)
