"""ST-VQA: questions about text in natural images, one or several accepted answers each.

Biten et al. 2019, Scene Text Visual Question Answering, ICCV 2019, arXiv:1905.13648. Scored by ANLS on the server
https://rrc.cvc.uab.es/?ch=11, task 3 (no dictionary).
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Row, Sample, Split, short_sample

HUB = Hub(("lmms-lab/ST-VQA", "lmms-lab-encoder/ST-VQA"), split="test", revision="main")
NOTE = "from https://rrc.cvc.uab.es/?ch=11&com=downloads, with the folders of images beside the file"


def sample(row: Row) -> Sample:
    """Return a question with the collection that its image comes from."""
    return short_sample(row, tags={"dataset": ("dataset",)})


def files(name: str) -> Files:
    """Return the official file."""
    return Files((f"stvqa/{name}", f"ST-VQA/{name}"), NOTE)


BENCHMARK = Benchmark(
    name="stvqa",
    title="ST-VQA",
    sample=sample,
    splits={
        "test": Split((files("test_task_3.json"), HUB), hidden=True, questions=4070),
        "train": Split((files("train_task_3.json"),)),
    },
    licence="terms of the Robust Reading Competition (not verified)",
    citation="Biten et al. 2019, arXiv:1905.13648",
    homepage="https://rrc.cvc.uab.es/?ch=11",
    quirks=("there is no official validation split: papers that report one cut it from training, each in its way",),
)
