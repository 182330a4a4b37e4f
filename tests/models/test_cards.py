"""Model cards: facts, which of them were read at their source, and names by which they are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlmeval.errors import ConfigError
from vlmeval.models.cards import Cards


@pytest.mark.parametrize("name", ["llava-1.5-7b", "hf:llava-hf/llava-1.5-7b-hf", "llava_v1.5_7b", "LLaVA-v1.5-7B"])
def test_a_card_is_found_by_alias_target_and_other_spellings(name: str) -> None:
    card = Cards().find([name])
    assert card is not None
    assert (card.name, card.family) == ("llava-1.5-7b", "LLaVA")
    assert card.licence == "Llama 2 Community Licence"


def test_facts_that_were_not_read_at_their_source_are_named() -> None:
    cards = Cards()
    demo, vila = cards.find(["demo"]), cards.find(["vila_8b"])
    assert demo is not None
    assert vila is not None
    assert "parameters" not in demo.unverified
    assert {"parameters", "vision", "language", "released"} <= set(vila.unverified)


def test_an_unknown_model_has_no_card() -> None:
    assert Cards().find(["nobody/knows-this", ""]) is None


def test_cards_of_ones_own_go_before_ours(tmp_path: Path) -> None:
    path = tmp_path / "cards.toml"
    path.write_text('[models.demo]\nfamily = "mine"\nparameters = 7\nreleased = "2025-01"\n', encoding="utf8")
    card = Cards([path]).find(["demo"])
    assert card is not None
    assert (card.family, card.parameters) == ("mine", 7.0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('released = "May 2024"', "expected YYYY-MM-DD"),
        ("parameters = -1", "above 0"),
        ('verified = ["colour"]', "facts are parameters"),
        ('weights = "open"', "weights"),
    ],
)
def test_a_wrong_card_is_an_error_that_names_the_file(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "cards.toml"
    path.write_text(f"[models.demo]\n{line}\n", encoding="utf8")
    with pytest.raises(ConfigError, match=said) as raised:
        Cards([path])
    assert str(path) in str(raised.value)
