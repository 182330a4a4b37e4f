"""ChartQA: questions about charts, half written by people and half generated from summaries, one answer each.

Masry et al. 2022, ChartQA: A Benchmark for Question Answering about Charts with Visual and Logical Reasoning, Findings
of ACL 2022, arXiv:2203.10244.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, plain_answer, short_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval/ChartQA_TEST.tsv"
SOURCES = (
    Tsv("ChartQA_TEST", URL, "c902e0aa9be5582a7aad6dcf52734b42"),
    Hub(("lmms-lab/ChartQA", "lmms-lab-encoder/ChartQA"), split="test", revision="main"),
)
# The same two halves, as VLMEvalKit, lmms-eval and HuggingFaceM4 call them.
HALVES = {
    "test_human": "human", "human_test": "human", "human": "human", "0": "human",
    "test_augmented": "augmented", "augmented_test": "augmented", "machine": "augmented", "1": "augmented",
}  # fmt: skip


def sample(row: Row) -> Sample:
    """Return a question with the half it is of; an answer "[2014, 2016]" is one text, not two answers."""
    half = HALVES.get(row.text("split", "type", "human_or_machine") or "")
    found = short_sample(row, references=plain_answer(row, "answer", "label"))
    if half:
        found.tags["half"] = half
    return found


BENCHMARK = Benchmark(
    name="chartqa",
    title="ChartQA",
    sample=sample,
    splits={"test": Split(SOURCES, questions=2500)},
    licence="GPL-3.0 (not verified)",
    citation="Masry et al. 2022, arXiv:2203.10244",
    homepage="https://github.com/vis-nlp/ChartQA",
    quirks=(
        "both halves have 1,250 questions: their mean is the overall figure; the augmented half is far easier",
        "'5%' is 0.05 and not '5'; '1,000' is no number to the official program",
    ),
)
