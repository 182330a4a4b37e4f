"""Images of one's own with their classes: a folder of images for each class, or a table with image and label."""

from vlmeval.benchmark import Benchmark, Files, Split, class_sample

NOTE = "or pass --data zeroshot=PATH: a folder with a folder of images for each class, or a table with image and label"

BENCHMARK = Benchmark(
    name="image_classes",
    title="Images with classes",
    sample=class_sample,
    splits={"test": Split((Files(("image_classes", "image_classes.tsv", "image_classes.jsonl"), NOTE),))},
    licence="yours",
)
