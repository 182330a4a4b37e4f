"""MM-Vet and LLaVA-Bench in the hub's schema and in VLMEvalKit's, sockets blocked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.asked import cell, read, write_parquet
from tests.data.made import b64, png, write_tsv
from vlmeval.data.catalog import find_task
from vlmeval.errors import ConfigError, DataError
from vlmeval.kinds.open import OpenKind
from vlmeval.types import Image

pytestmark = pytest.mark.usefixtures("offline")


def test_mm_vet_reads_the_hubs_schema_with_abilities_and_their_integration(tmp_path: Path) -> None:
    row = {
        "question_id": "v1_0", "image": cell(), "question": "What is x in the equation?", "answer": "-1 <AND> -5",
        "image_source": "made", "capability": "ocr,math",
    }  # fmt: skip
    (sample,) = read("mm_vet", write_parquet(tmp_path / "m.parquet", [row]))
    assert (sample.id, sample.references) == ("v1_0", ("-1 <AND> -5",))
    assert sample.tags == {"capability": "math\nocr", "integration": "math, ocr"}
    (request,) = OpenKind(find_task("MMVet")).requests(sample)
    assert isinstance(request.parts[0], Image)
    assert request.text == "What is x in the equation?"


def test_mm_vet_reads_the_tsv_and_names_the_row_of_a_missing_reference(tmp_path: Path) -> None:
    columns = ("index", "question", "answer", "category", "image")
    row = {
        "index": 1,
        "question": "What is it?",
        "answer": "a cat <OR> a kitten",
        "category": "rec",
        "image": b64(png()),
    }
    (sample,) = read("mm_vet", write_tsv(tmp_path / "MMVet.tsv", columns, [row]))
    assert sample.references == ("a cat <OR> a kitten",)
    with pytest.raises(DataError, match=r'line 2, column "answer"'):
        read("mm_vet", write_tsv(tmp_path / "MMVet.tsv", columns, [{**row, "answer": None}]))


def test_llava_bench_reads_the_hubs_schema_with_description_and_image_as_cluster(tmp_path: Path) -> None:
    row = {
        "question_id": 0, "question": "What is the name of this place?", "image": cell(),
        "caption": "A beach from above.",
        "gpt_answer": "A famous beach.", "category": "conv", "image_id": "001.jpg",
    }  # fmt: skip
    (sample,) = read("llava_bench", write_parquet(tmp_path / "l.parquet", [row]))
    assert (sample.id, sample.references, sample.cluster) == ("0", ("A famous beach.",), "001.jpg")
    assert sample.fields == {"caption": "A beach from above."}
    assert sample.tags == {"category": "conv"}


def test_llava_bench_takes_a_description_of_several_sentences_and_refuses_none(tmp_path: Path) -> None:
    row = {"question_id": 0, "question": "Where?", "image": cell(), "gpt_answer": "There.", "category": "detail"}
    (sample,) = read("llava_bench", write_parquet(tmp_path / "l.parquet", [{**row, "caption": ["One.", "Two."]}]))
    assert sample.fields == {"caption": "One.\nTwo."}
    with pytest.raises(DataError, match='no column "caption"'):
        read("llava_bench", write_parquet(tmp_path / "n.parquet", [row]))


def test_an_unknown_protocol_is_an_error_that_names_the_task() -> None:
    task = find_task("mm_vet")
    task.options["protocol"] = "elo"
    with pytest.raises(ConfigError, match=r"task mm_vet, \[options\].*elo"):
        OpenKind(task)
