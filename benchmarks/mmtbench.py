"""MMT-Bench: 32 abilities in 162 sub-tasks, with two to nine options.

Ying et al. 2024, MMT-Bench: A Comprehensive Multimodal Benchmark for Evaluating Large Vision-Language Models Towards
Multitask AGI, ICML 2024, arXiv:2404.16006. Files: open-compass/VLMEvalKit; "MI" keeps the images of a question apart.
"""

from vlmeval.benchmark import Benchmark, Row, Sample, Split, Tsv, choice_sample

URL = "https://opencompass.openxlab.space/utils/benchmarks/MMT-Bench"


def sample(row: Row) -> Sample:
    """Return a question with its sub-task (category) and ability (l2-category)."""
    return choice_sample(row, tags={"category": ("category",), "l2-category": ("l2_category",)}, fewest=1)


def tsv(name: str, md5: str) -> Tsv:
    """Return the published file."""
    return Tsv(name, f"{URL}/{name}.tsv", md5)


BENCHMARK = Benchmark(
    name="mmtbench",
    title="MMT-Bench",
    sample=sample,
    splits={
        "val": Split((tsv("MMT-Bench_VAL", "8dd4b730f53dbf9c3aed90ca31c928e0"),), questions=3127),
        "val_mi": Split((tsv("MMT-Bench_VAL_MI", "c7d7b998eb5cd9aa36c7d4f721472462"),)),
        "all": Split((tsv("MMT-Bench_ALL", "b273a2f4c596fe4f2605de0494cd632f"),), hidden=True),
        "all_mi": Split((tsv("MMT-Bench_ALL_MI", "5272157097e19cdd7cb41e412ab3b7c7"),), hidden=True),
    },
    licence="CC BY 4.0 (not verified)",
    citation="Ying et al. 2024, arXiv:2404.16006",
    homepage="https://mmt-bench.github.io",
    quirks=(
        "the overall figure is a mean over questions, an ability's figure the mean of its sub-tasks' accuracies",
        "one question of the validation file (index 8279) has a single option, which is right: figures count it",
        "the plain file has several images of a question joined into one, the MI file has them apart",
    ),
)
