"""GQA: compositional questions about Visual Genome images, one answer each.

Hudson and Manning 2019, GQA: A New Dataset for Real-World Visual Reasoning and Compositional Question Answering,
CVPR 2019, arXiv:1902.09506. Tables report testdev_balanced.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, JoinedHub, Row, Sample, Split, Tsv, plain_answer, short_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval/GQA_TestDev_Balanced.tsv"
TSV = Tsv("GQA_TestDev_Balanced", URL, "99b62f22e224d9b2f32dcbe41359d1c9")
NAME = "testdev_balanced_questions.json"
NOTE = "questions and images/ from https://cs.stanford.edu/people/dorarad/gqa/download.html side by side"
HUB_IDS = ("lmms-lab/GQA", "lmms-lab-encoder/GQA")


def hub(part: str) -> Hub:
    """Return the questions or the images of the hub's copy."""
    return Hub(HUB_IDS, split="testdev", revision="main", config=f"testdev_balanced_{part}")


SOURCES = (Files((f"gqa/{NAME}", f"GQA/{NAME}"), NOTE), TSV, JoinedHub(hub("instructions"), hub("images"), "imageId"))


def sample(row: Row) -> Sample:
    """Return a question; questions about one image are resampled together."""
    tags = {"category": ("category",)}
    return short_sample(row, tags=tags, references=plain_answer(row, "answer"))


BENCHMARK = Benchmark(
    name="gqa",
    title="GQA",
    sample=sample,
    splits={"testdev_balanced": Split(SOURCES, questions=12578)},
    licence="CC BY 4.0 (not verified)",
    citation="Hudson and Manning 2019, arXiv:1902.09506",
    homepage="https://cs.stanford.edu/people/dorarad/gqa",
    quirks=(
        "the hub's copy keeps questions and images in two configurations; they are joined by imageId",
        "programs forgive different things: case, full stops (LLaVA), all punctuation (lmms-eval), articles (Qwen-VL)",
    ),
)
