"""VQA v2: open questions about COCO images, ten human answers each.

Goyal et al. 2017, Making the V in VQA Matter, CVPR 2017, arXiv:1612.00837. Official scorer: GT-Vision-Lab/VQA,
PythonEvaluationTools/vqaEvaluation/vqaEval.py.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Row, Sample, Split, short_sample

HUB_IDS = ("lmms-lab/VQAv2", "lmms-lab-encoder/VQAv2")
NOTE = "questions and annotations from https://visualqa.org/download.html side by side, images in val2014/"


def sample(row: Row) -> Sample:
    """Return a question; questions about one image are resampled together."""
    return short_sample(row, tags={"answer_type": ("answer_type",), "question_type": ("question_type",)})


def files(name: str) -> Files:
    """Return the official questions file."""
    return Files((name, f"vqav2/{name}", f"VQAv2/{name}"), NOTE)


VALIDATION = (files("v2_OpenEnded_mscoco_val2014_questions.json"), Hub(HUB_IDS, split="validation", revision="main"))
TEST_DEV = (files("v2_OpenEnded_mscoco_test-dev2015_questions.json"), Hub(HUB_IDS, split="testdev", revision="main"))
TEST = (files("v2_OpenEnded_mscoco_test2015_questions.json"), Hub(HUB_IDS, split="test", revision="main"))

BENCHMARK = Benchmark(
    name="vqav2",
    title="VQA v2",
    sample=sample,
    splits={
        "validation": Split(VALIDATION, questions=214354),
        "testdev": Split(TEST_DEV, hidden=True),
        "test": Split(TEST, hidden=True),
    },
    licence="CC BY 4.0 annotations (not verified); images under COCO's terms",
    citation="Goyal et al. 2017, arXiv:1612.00837",
    homepage="https://visualqa.org",
    quirks=("published figures are mostly of test-dev, which only the server scores",),
)
