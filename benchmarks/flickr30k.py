"""Flickr30k: images with five captions; captioning and image-text retrieval on Karpathy's 1,000 test images.

Young et al. 2014, From Image Descriptions to Visual Denotations, TACL 2, https://aclanthology.org/Q14-1006; splits of
Karpathy and Fei-Fei 2015, arXiv:1412.2306.
"""

from vlmeval.benchmark import Benchmark, Files, Hub, Source, Split, caption_sample, retrieval_count, retrieval_samples

NOTE = "https://cs.stanford.edu/people/karpathy/deepimagesent/, with the images in flickr30k-images/ beside it"
SOURCES: tuple[Source, ...] = (
    Files(("dataset_flickr30k.json", "flickr30k/dataset_flickr30k.json"), NOTE),
    Hub(("nlphuji/flickr30k",), split="test", revision="main", config="TEST"),
)
TEST = {"split": ("test",)}

BENCHMARK = Benchmark(
    name="flickr30k",
    title="Flickr30k",
    sample=caption_sample,
    splits={
        "test": Split(SOURCES, where=TEST, questions=1000),
        "val": Split(SOURCES, where={"split": ("val",)}, questions=1014),
        "test_retrieval": Split(
            SOURCES, where=TEST, questions=1000, sample=retrieval_samples, samples_of=retrieval_count
        ),
    },
    licence="non-commercial research terms (not verified)",
    citation="Young et al. 2014, TACL 2",
    homepage="https://shannon.cs.illinois.edu/DenotationGraph/",
    quirks=("some copies (lmms-lab/flickr30k, not used here) call all 31,783 images 'test': 67 against 83 CIDEr",),
)
