"""MMBench: single-choice questions about one image, asked with the options in every rotation.

Liu et al. 2023, MMBench: Is Your Multi-modal Model an All-around Player?, arXiv:2307.06281 (v1.0 and v1.1, English and
Chinese). Files: open-compass/VLMEvalKit, vlmeval/dataset/image_mcq.py. They hold the passes of CircularEval as rows.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, choice_sample

URL = "https://opencompass.openxlab.space/utils/benchmarks/MMBench"
HUB_IDS = ("lmms-lab/MMBench", "lmms-lab-encoder/MMBench")


def sample(row: Row) -> Sample:
    """Return the base question of a row."""
    return choice_sample(row, tags={"category": ("category",), "l2-category": ("l2_category",), "source": ("source",)})


def tsv(name: str, md5: str) -> Tsv:
    """Return the published file."""
    return Tsv(name, f"{URL}/{name}.tsv", md5)


def hub(config: str, split: str) -> Hub:
    """Return the copy on the hub."""
    return Hub(HUB_IDS, split=split, revision="main", config=config)


BENCHMARK = Benchmark(
    name="mmbench",
    title="MMBench",
    sample=sample,
    circular=True,
    splits={
        "dev_en": Split((tsv("MMBench_DEV_EN", "b6caf1133a01c6bb705cf753bb527ed8"), hub("en", "dev")), questions=1164),
        "dev_cn": Split((tsv("MMBench_DEV_CN", "08b8fc3324a5ed74155350f57be69fbd"), hub("cn", "dev")), questions=1164),
        "test_en": Split((tsv("MMBench_TEST_EN", "6939fadb0ce626fefc0bdc9c64efc528"), hub("en", "test")), hidden=True),
        "test_cn": Split((tsv("MMBench_TEST_CN", "7e1239baf0ee4c8b513e19705a0f317e"), hub("cn", "test")), hidden=True),
        "dev_en_v11": Split((tsv("MMBench_DEV_EN_V11", "30c05be8f2f347a50be25aa067248184"),)),
        "dev_cn_v11": Split((tsv("MMBench_DEV_CN_V11", "593f9b5f6bea453d870a798b34ae4f37"),)),
        "test_en_v11": Split((tsv("MMBench_TEST_EN_V11", "8d1a704e791df6f5d9fb3ef782b65365"),), hidden=True),
        "test_cn_v11": Split((tsv("MMBench_TEST_CN_V11", "156e6569f9547afb16603eca16e85373"),), hidden=True),
    },
    licence="Apache-2.0 (not verified)",
    citation="Liu et al. 2023, arXiv:2307.06281",
    homepage="https://github.com/open-compass/MMBench",
    quirks=(
        "releases differ: mmbench_dev_20230712 (LLaVA-1.5's figures) has 1,176 questions in 4,377 rows, the dev file "
        "of v1.0 has 1,164 in 4,329",
        "in older releases a last option such as 'All above are not right' stays in place and has one pass less",
        "the gold of the test files is not published: a run can be asked, not scored",
    ),
)
