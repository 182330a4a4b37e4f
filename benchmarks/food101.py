"""Food-101: 25,250 test images of 101 dishes, for zero-shot classification.

Bossard et al. 2014, Food-101, ECCV.
The labels are numbers; the names of the classes are in tasks/food101_zeroshot.toml, in that order.
"""

from vlmeval.benchmark import Benchmark, Hub, Split, class_sample

BENCHMARK = Benchmark(
    name="food101",
    title="Food-101",
    sample=class_sample,
    splits={"validation": Split((Hub(("ethz/food101",), split="validation", revision="main"),), questions=25250)},
    licence="images under their owners' terms",
    citation="Bossard et al. 2014",
    homepage="https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
)
