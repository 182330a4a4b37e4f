"""VizWiz-VQA: questions that blind people asked about their own photographs, ten answers each.

Gurari et al. 2018, VizWiz Grand Challenge: Answering Visual Questions from Blind People, CVPR 2018, arXiv:1802.08218.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Row, Sample, Split, row_answers, row_images

HUB_IDS = ("lmms-lab/VizWiz-VQA", "lmms-lab-encoder/VizWiz-VQA")
NOTE = "annotations and images from https://vizwiz.org/tasks-and-datasets/vqa, images beside the file or in images/"


def sample(row: Row) -> Sample:
    """Return a question; it is known by the name of its image, because each image has one question."""
    name = row.text("question_id") or row.required("image").rpartition("/")[2].rpartition(".")[0]
    kind = row.text("answer_type", "category")
    return Sample(
        id=name,
        parts=(*row_images(row), row.required("question")),
        references=row_answers(row),
        tags={"answer_type": kind} if kind else {},
        cluster=name,
    )


def sources(file: str, split: str) -> tuple[Files, Hub]:
    """Return the official file, then the hub's copy."""
    return Files((f"vizwiz/{file}", f"VizWiz/{file}"), NOTE), Hub(HUB_IDS, split=split, revision="main")


BENCHMARK = Benchmark(
    name="vizwiz",
    title="VizWiz-VQA",
    sample=sample,
    splits={
        "validation": Split(sources("val.json", "val"), questions=4319),
        "test": Split(sources("test.json", "test"), hidden=True, questions=8000),
    },
    licence="CC BY 4.0 (not verified)",
    citation="Gurari et al. 2018, arXiv:1802.08218",
    homepage="https://vizwiz.org/tasks-and-datasets/vqa",
    quirks=(
        "about a third of the questions cannot be answered: whether the prompt says so moves the score by many points",
        "the gold of the test split is not published: a run writes the file for the server",
    ),
)
