"""MM-Vet: 218 open questions that need several abilities at once, scored by a judge.

Yu et al. 2024, MM-Vet: Evaluating Large Multimodal Models for Integrated Capabilities, ICML 2024, arXiv:2308.02490.
"""

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, row_id, row_images

URL = "https://opencompass.openxlab.space/utils/VLMEval/MMVet.tsv"
SOURCES = (
    Tsv("MMVet", URL, "748aa6d4aa9d4de798306a63718455e3"),
    Hub(("lmms-lab/MMVet",), split="test", revision="main"),
)


def sample(row: Row) -> Sample:
    """Return a question; its reference keeps <AND> and <OR>, which the judge is told to read.

    The TSV calls the abilities `category`, the hub's copy `capability`; both have them as one text with commas.
    """
    images = row_images(row)
    abilities = sorted({name.strip() for name in (row.text("capability", "category") or "").split(",")} - {""})
    return Sample(
        id=row_id(row, ("question_id", "index", "id")),
        parts=(*images, row.required("question")),
        references=(row.required("answer"),),
        tags={"capability": "\n".join(abilities), "integration": ", ".join(abilities)} if abilities else {},
        cluster="+".join(image.sha256 for image in images),
    )


BENCHMARK = Benchmark(
    name="mmvet",
    title="MM-Vet",
    sample=sample,
    splits={"test": Split(SOURCES, questions=218)},
    licence="CC BY-NC 4.0 (not verified)",
    citation="Yu et al. 2024, arXiv:2308.02490",
    homepage="https://github.com/yuweihao/MM-Vet",
    quirks=(
        "the official judge is GPT-4 (0613); toolkits use gpt-4o or gpt-4-turbo, and their figures are not comparable",
        "lmms-eval counts 0 where the call of the judge fails; here such a sample has no score",
    ),
)
