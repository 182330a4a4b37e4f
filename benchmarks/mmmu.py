"""MMMU: college-level questions of 30 subjects, with several images inside question and options.

Yue et al. 2024, MMMU: A Massive Multi-discipline Multimodal Understanding and Reasoning Benchmark for Expert AGI,
CVPR 2024, arXiv:2311.16502. Official program: MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py.
"""

import re

from vlmeval.benchmark import Benchmark, Hub, Row, Sample, Split, Tsv, placeholder_sample

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


def sample(row: Row) -> Sample:
    """Return a question with its subject (part of the id) and domain."""
    found = ID.fullmatch(row.text("id") or "")
    subject = found[1] if found else row.text("category", "subject")
    domain = row.text("l2_category") or DOMAIN_OF.get(subject or "")
    more = {"difficulty": row.text("topic_difficulty"), "domain": domain, "subject": subject}
    return placeholder_sample(row, tags={name: text for name, text in more.items() if text})


def hub(split: str) -> Hub:
    """Return all subjects of a split in one."""
    return Hub(HUB_IDS, split=split, revision="main")


BENCHMARK = Benchmark(
    name="mmmu",
    title="MMMU",
    sample=sample,
    splits={
        "validation": Split((hub("validation"), DEV_VAL), where={"split": ("validation", "val")}, questions=900),
        "dev": Split((hub("dev"), DEV_VAL), where={"split": ("dev",)}),
        "test": Split((hub("test"), TEST), hidden=True),
    },
    licence="Apache-2.0 (not verified)",
    citation="Yue et al. 2024, arXiv:2311.16502",
    homepage="https://mmmu-benchmark.github.io",
    quirks=(
        "53 of the 900 validation questions are open; their gold may be a list",
        "newer TSV files give open questions two options (the answer, 'Other Answers'): another task, easier",
    ),
)
