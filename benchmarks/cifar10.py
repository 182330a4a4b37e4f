"""CIFAR-10: 10,000 test images of 10 classes, for zero-shot classification.

Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
The labels are numbers; the names of the classes are in tasks/cifar10_zeroshot.toml, in that order.
"""

from vlmeval.benchmark import Benchmark, Hub, Split, class_sample

BENCHMARK = Benchmark(
    name="cifar10",
    title="CIFAR-10",
    sample=class_sample,
    splits={"test": Split((Hub(("uoft-cs/cifar10",), split="test", revision="main"),), questions=10000)},
    licence="not stated",
    citation="Krizhevsky 2009",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
)
