"""OK-VQA: questions about COCO images that need outside knowledge, ten answers each.

Marino et al. 2019, OK-VQA: A Visual Question Answering Benchmark Requiring External Knowledge, CVPR 2019,
arXiv:1906.00067. Scored by the VQA evaluation code: GT-Vision-Lab/VQA, vqaEvaluation/vqaEval.py.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Row, Sample, Split, short_sample

NOTE = "questions and annotations from https://okvqa.allenai.org side by side, images in val2014/"
NAME = "OpenEnded_mscoco_val2014_questions.json"
FILES = Files((f"okvqa/{NAME}", f"OKVQA/{NAME}", NAME), NOTE)
HUB = Hub(("lmms-lab/OK-VQA", "lmms-lab-encoder/OK-VQA"), split="val2014", revision="main")


def sample(row: Row) -> Sample:
    """Return a question."""
    return short_sample(row, tags={"question_type": ("question_type",), "answer_type": ("answer_type",)})


BENCHMARK = Benchmark(
    name="okvqa",
    title="OK-VQA",
    sample=sample,
    splits={"validation": Split((FILES, HUB), questions=5046)},
    licence="CC BY 4.0 (not verified)",
    citation="Marino et al. 2019, arXiv:1906.00067",
    homepage="https://okvqa.allenai.org",
    quirks=(
        "papers call val2014 both validation and test: it is the only part beside training",
        "five people answered, each stands twice in the list: one of them alone gives 0.6, two give 1",
    ),
)
