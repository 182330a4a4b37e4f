"""RealWorldQA: everyday spatial questions about photographs, most from cars.

xAI 2024, https://x.ai/blog/grok-1.5v. The TSV of VLMEvalKit has turned every question into a choice.
"""

from vlmeval.benchmark import Benchmark, Row, Sample, Split, Tsv, choice_sample

URL = "https://opencompass.openxlab.space/utils/VLMEval/RealWorldQA.tsv"


def sample(row: Row) -> Sample:
    """Return a question."""
    return choice_sample(row)


BENCHMARK = Benchmark(
    name="realworldqa",
    title="RealWorldQA",
    sample=sample,
    splits={"test": Split((Tsv("RealWorldQA", URL, "4de008f55dc4fd008ca9e15321dc44b7"),), questions=765)},
    licence="CC BY-ND 4.0 (not verified)",
    citation="xAI 2024, https://x.ai/blog/grok-1.5v",
    homepage="https://huggingface.co/datasets/xai-org/RealworldQA",
    quirks=(
        "the original has options inside the question, and answers in words: another protocol, not read here",
        "the gold of question 731 is the wording of option A, 'Uphill': VLMEvalKit counts every answer as wrong, here A"
        " is right",
    ),
)
