"""ImageNet-1k: 50,000 validation images of 1,000 classes, for zero-shot classification.

Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge, arXiv:1409.0575.
The labels are numbers; the names of the classes are in tasks/imagenet1k_zeroshot.toml, in that order.
"""

from vlmeval.benchmark import Benchmark, Hub, Split, class_sample

BENCHMARK = Benchmark(
    name="imagenet1k",
    title="ImageNet-1k",
    sample=class_sample,
    splits={"validation": Split((Hub(("ILSVRC/imagenet-1k",), split="validation", revision="main"),), questions=50000)},
    licence="non-commercial research terms",
    citation="Russakovsky et al. 2015",
    homepage="https://www.image-net.org",
)
