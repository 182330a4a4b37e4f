"""CCBench: questions about Chinese culture in the form of MMBench, with CircularEval.

Liu et al. 2023, arXiv:2307.06281; open-compass/MMBench issue 15. File: open-compass/VLMEvalKit.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, choice_sample


def sample(row: Row) -> Sample:
    """Return the base question of a row."""
    return choice_sample(row, tags={"category": ("category",), "source": ("source",)})


TSV = Tsv("CCBench", "https://opencompass.openxlab.space/utils/VLMEval/CCBench.tsv", "f5dde47f24dc5a6fb6e595b409b466ac")
HUB = Hub(("lmms-lab/MMBench", "lmms-lab-encoder/MMBench"), split="test", revision="main", config="cc")

BENCHMARK = Benchmark(
    name="ccbench",
    title="CCBench",
    sample=sample,
    circular=True,
    splits={"test": Split((TSV, HUB), questions=510)},
    licence="Apache-2.0 (not verified)",
    citation="Liu et al. 2023, arXiv:2307.06281",
    homepage="https://github.com/open-compass/MMBench",
    quirks=("no hint and no l2-category", "prompts in English with Chinese questions, as in the toolkits"),
)
