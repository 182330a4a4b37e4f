"""MMMU and MMMU-Pro: college-level questions of 30 subjects, with several images inside question and options.

Yue et al. 2024, MMMU: A Massive Multi-discipline Multimodal Understanding and Reasoning Benchmark for Expert AGI,
CVPR 2024, arXiv:2311.16502. Official program: MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py.
Yue et al. 2025, MMMU-Pro: A More Robust Multi-discipline Multimodal Understanding Benchmark, ACL 2025,
arXiv:2409.02813: up to ten options, and the questions as screenshots. Official program: mmmu-pro/evaluate.py.
"""

import re

from vlmeval.benchmark import (
    Benchmark,
    Hub,
    Row,
    Sample,
    Source,
    Split,
    Tsv,
    gold_letter,
    placeholder_sample,
    row_choices,
    row_id,
    row_images,
)  # fmt: skip

DOMAINS = {
    "Art & Design": ("Art", "Art_Theory", "Design", "Music"),
    "Business": ("Accounting", "Economics", "Finance", "Manage", "Marketing"),
    "Science": ("Biology", "Chemistry", "Geography", "Math", "Physics"),
    "Health & Medicine": (
        "Basic_Medical_Science", "Clinical_Medicine", "Diagnostics_and_Laboratory_Medicine", "Pharmacy",
        "Public_Health",
    ),
    "Humanities & Social Science": ("History", "Literature", "Psychology", "Sociology"),
    "Tech & Engineering": (
        "Agriculture", "Architecture_and_Engineering", "Computer_Science", "Electronics", "Energy_and_Power",
        "Materials", "Mechanical_Engineering",
    ),
}  # fmt: skip
DOMAIN_OF = {subject: domain for domain, subjects in DOMAINS.items() for subject in subjects}
ID = re.compile(r"(?:dev|validation|test)_(.+)_\d+")
HUB_IDS = ("lmms-lab/MMMU", "lmms-lab-encoder/MMMU")
URL = "https://opencompass.openxlab.space/utils/VLMEval"
DEV_VAL = Tsv("MMMU_DEV_VAL", f"{URL}/MMMU_DEV_VAL.tsv", "585e8ad75e73f75dcad265dfd0417d64")
TEST = Tsv("MMMU_TEST", f"{URL}/MMMU_TEST.tsv", "c19875d11a2d348d07e5eb4bdf33166d")
PRO_10 = Tsv("MMMU_Pro_10c", f"{URL}/MMMU_Pro_10c.tsv", "22cee868fe6b680d14b99bfff6db8172")
PRO_VISION = Tsv("MMMU_Pro_V", f"{URL}/MMMU_Pro_V.tsv", "d01441a87b3dbe721b5a04652ae38009")


def sample(row: Row) -> Sample:
    """Return a question with its subject (part of the id) and domain."""
    return placeholder_sample(row, tags=tags(row))


def screenshot(row: Row) -> Sample:
    """Return a question of MMMU-Pro that is one image, options included."""
    choices = row_choices(row)
    golds = gold_letter(row, choices)
    return Sample(
        row_id(row, ("id", "index")), parts=row_images(row), references=golds, choices=choices, tags=tags(row)
    )


def tags(row: Row) -> dict[str, str]:
    """Return subject, domain and difficulty, as far as they are known."""
    found = ID.fullmatch(row.text("id") or "")
    subject = found[1] if found else row.text("category", "subject")
    domain = DOMAIN_OF.get(subject or "") or row.text("l2_category")
    more = {"difficulty": row.text("topic_difficulty"), "domain": domain, "subject": subject}
    return {name: text for name, text in more.items() if text}


def hub(split: str) -> Hub:
    """Return all subjects of a split in one."""
    return Hub(HUB_IDS, split=split, revision="main")


def pro(config: str) -> Hub:
    """Return a configuration of MMMU-Pro."""
    return Hub(("MMMU/MMMU_Pro", "MMMU/MMMU_pro"), split="test", revision="main", config=config)


def pro_split(*sources: Source, vision: bool = False) -> Split:
    """Return a split of MMMU-Pro."""
    return Split(sources, questions=1730, sample=screenshot if vision else None)


BENCHMARK = Benchmark(
    name="mmmu",
    title="MMMU and MMMU-Pro",
    sample=sample,
    splits={
        "validation": Split((hub("validation"), DEV_VAL), where={"split": ("validation", "val")}, questions=900),
        "dev": Split((hub("dev"), DEV_VAL), where={"split": ("dev",)}),
        "test": Split((hub("test"), TEST), hidden=True),
        "pro_standard4": pro_split(pro("standard (4 options)")),
        "pro_standard10": pro_split(pro("standard (10 options)"), PRO_10),
        "pro_vision": pro_split(pro("vision"), PRO_VISION, vision=True),
    },
    licence="Apache-2.0 (not verified)",
    citation="Yue et al. 2024, arXiv:2311.16502; MMMU-Pro: Yue et al. 2025, arXiv:2409.02813",
    homepage="https://mmmu-benchmark.github.io",
    quirks=(
        "53 of the 900 validation questions are open; their gold may be a list",
        "newer TSV files give open questions two options (the answer, 'Other Answers'): another task, easier",
    ),
)
