"""LLaVA-Bench (in the wild): 60 open questions about 24 images, scored by a judge beside a reference answer.

Liu et al. 2023, Visual Instruction Tuning, NeurIPS 2023, arXiv:2304.08485, section 5.1. The judge does not see the
image but a description of it.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, row_id, row_images

URL = "https://opencompass.openxlab.space/utils/VLMEval/LLaVABench.tsv"
SOURCES = (
    Tsv("LLaVABench", URL, "d382a093f749a697820d3dadd61c8428"),
    Hub(("lmms-lab/llava-bench-in-the-wild",), split="train", revision="main"),
)


def sample(row: Row) -> Sample:
    """Return a question; its reference is GPT-4's answer, its field `caption` the description for the judge."""
    images = row_images(row)
    caption = row.value("caption", "context")
    if caption is None:
        raise row.missing("caption", "context")
    lines = caption if isinstance(caption, (list, tuple)) else [row.required("caption", "context")]
    category = row.text("category")
    return Sample(
        id=row_id(row, ("question_id", "index", "id")),
        parts=(*images, row.required("question")),
        references=(row.required("gpt_answer", "gpt4_ans", "answer"),),
        tags={"category": category} if category else {},
        cluster=row.text("image_id") or "+".join(image.sha256 for image in images),
        fields={"caption": "\n".join(map(str, lines))},
    )


BENCHMARK = Benchmark(
    name="llavabench",
    title="LLaVA-Bench (in the wild)",
    sample=sample,
    splits={"train": Split(SOURCES, questions=60)},
    licence="not stated",
    citation="Liu et al. 2023, arXiv:2304.08485",
    homepage="https://huggingface.co/datasets/liuhaotian/llava-bench-in-the-wild",
    quirks=(
        "the score is relative to that of GPT-4's answers written from the description, as the same judge rates both",
        "VLMEvalKit and lmms-eval count -1 where the judge's words cannot be read; here such a sample has no score",
    ),
)
