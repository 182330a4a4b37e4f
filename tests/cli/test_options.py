from pathlib import Path

import pytest

from vlmeval.cli import options
from vlmeval.errors import ConfigError


def test_names_split_at_commas_and_keep_their_order_once() -> None:
    assert options.names(["b, a", "a,c", ""]) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("1e-3", 0.001), ("true", True), ("False", False), ("bf16", "bf16"), ("", "")],
)
def test_a_scalar_is_what_it_spells(text: str, value: object) -> None:
    found = options.scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_pairs_take_underscores_and_hyphens() -> None:
    assert options.pairs(["max-pixels=5,a=b=c"], option="--model-args") == {"max_pixels": 5, "a": "b=c"}


@pytest.mark.parametrize("value", ["x", "=3", "a=1,,b=2"])
def test_pairs_name_the_option_and_the_wrong_item(value: str) -> None:
    with pytest.raises(ConfigError, match=r"--model-args .*expected key=value"):
        options.pairs([value], option="--model-args")


def test_task_files_need_a_task_and_a_path_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a=b.tsv"
    file.touch()
    assert options.task_files([f"mmbench={file}"]) == {"mmbench": file}
    with pytest.raises(ConfigError, match="expected TASK=PATH"):
        options.task_files([str(tmp_path)])
    with pytest.raises(ConfigError, match="does not exist"):
        options.task_files(["mmbench=nowhere.tsv"])
