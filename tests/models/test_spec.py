"""Names of models: aliases, schemes, files; and the way out of a wrong one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vlmeval.errors import ConfigError
from vlmeval.models.aliases import find_alias, list_aliases, spellings
from vlmeval.models.names import slug
from vlmeval.models.openai import OpenAIOptions, open_openai
from vlmeval.models.options import check_names
from vlmeval.models.presets import PRESETS
from vlmeval.models.spec import open_model
from vlmeval.registry import MODELS
from vlmeval.types import Generator

ASKED_FOR = [
    "llava-1.5-7b", "llava-1.5-13b", "llava-next-7b-mistral", "llava-next-7b-vicuna", "llava-onevision-0.5b",
    "llava-onevision-7b", "qwen2-vl-2b", "qwen2-vl-7b", "qwen2-vl-72b", "qwen2.5-vl-3b", "qwen2.5-vl-7b",
    "qwen2.5-vl-32b", "qwen2.5-vl-72b", "qwen3-vl-8b", "qwen-vl-chat", "internvl3-8b", "internvl3-8b-hf",
    "smolvlm-256m", "smolvlm-500m", "smolvlm-2.2b", "idefics2", "idefics3", "paligemma", "gemma-3-4b",
    "llama-3.2-vision", "pixtral", "blip-2", "phi-3.5-vision", "phi-4-vision", "minicpm-v", "molmo",
    "qwen25turkish_vlm", "gpt-4o", "gpt-4.1", "gpt-5", "gemini-2.5-flash", "gemini-2.5-pro", "claude-3.5-sonnet",
    "claude-sonnet-4",
]  # fmt: skip


@pytest.mark.parametrize("name", ASKED_FOR)
def test_the_models_of_the_field_have_a_short_name(name: str) -> None:
    assert find_alias(name) is not None


def test_every_alias_is_complete_and_its_scheme_exists() -> None:
    for alias in list_aliases():
        scheme, _, target = alias.target.partition(":")
        assert scheme in MODELS
        assert target
        assert slug(alias.name) == alias.name
        if scheme == "hf":
            assert alias.published, alias.name


def test_options_of_api_aliases_are_options_that_the_wrapper_takes() -> None:
    for alias in list_aliases():
        if alias.target.startswith("openai:"):
            check_names(alias.options, OpenAIOptions.__struct_fields__, where=alias.name)
            assert alias.options.get("preset", "openai") in PRESETS


def test_no_name_is_an_alias_and_a_scheme() -> None:
    assert set(spellings()).isdisjoint(MODELS.names())


def test_an_alias_carries_its_settings_and_the_user_s_go_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k" * 20)
    model = open_model("Claude-Sonnet-4", {"timeout": 5})
    recipe = model.recipe()
    assert model.name == "claude-sonnet-4"
    assert (recipe["model"], recipe["preset"], recipe["max_side"]) == ("claude-sonnet-4-20250514", "anthropic", 8000)
    assert recipe["sampling"] == {"temperature": 0.0}
    hotter = open_model("claude-sonnet-4", {"temperature": 1})
    assert hotter.recipe()["sampling"] == {"temperature": 1.0}


def test_another_spelling_is_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k" * 20)
    assert open_model("claude-4-sonnet", {}).name == "claude-sonnet-4"


def test_a_scheme_and_a_file_open_their_wrapper(tmp_path: Path) -> None:
    server = open_model("openai:org/Some Model:7b", {"base_url": "http://127.0.0.1:1"})
    assert server.name == "org-Some-Model-7b"
    assert server.recipe()["model"] == "org/Some Model:7b"
    (tmp_path / "a.jsonl").write_text('{"id": 1, "text": "x"}\n', encoding="utf8")
    assert open_model(f"replay:{tmp_path / 'a.jsonl'}", {}).name == "replay-a"
    (tmp_path / "my.py").write_text("class M:\n def generate(self, r): return []\n", encoding="utf8")
    assert isinstance(open_model(f"{tmp_path / 'my.py'}:M", {}), Generator)


def test_code_from_the_hub_is_asked_for_explicitly() -> None:
    with pytest.raises(ConfigError) as caught:
        open_model("molmo", {})
    said = str(caught.value)
    assert "allenai/Molmo-7B-D-0924" in said
    assert "trust_remote_code=true" in said
    assert "--base-url" in said
    with pytest.raises(ConfigError, match="runs Python code"):
        open_model("minicpm-v", {"trust_remote_code": False})


def test_wrong_names_get_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf8")
    expected = {
        "llava-1.5-7": 'did you mean "llava-1.5-7b"',
        "qwen2-vl-2b-instrct": 'did you mean "qwen2-vl-2b-instruct"',
        "opanai:gpt-4o": "unknown model",
        "Org/some-checkpoint": "did you mean hf:Org/some-checkpoint?",
        str(tmp_path): f"did you mean hf:{tmp_path}?",
        "answers.xlsx": "did you mean replay:answers.xlsx?",
        "my.py": "name its class too, my.py:MyModel",
        "zzzzzz": "expected an alias",
        "": "expected an alias",
    }
    for name, message in expected.items():
        with pytest.raises(ConfigError) as caught:
            open_model(name, {})
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("llava-hf/llava-1.5-7b-hf", "llava-hf-llava-1.5-7b-hf"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "model"),
        ("模型", "model"),
        ("a b\x00c", "a-b-c"),
        (".hidden", "hidden"),
    ],
)
def test_a_name_is_safe_as_a_folder(name: str, folder: str) -> None:
    assert slug(name) == folder


def test_a_very_long_name_is_cut_and_stays_its_own() -> None:
    assert len(slug("x" * 300)) == 80
    assert slug("x" * 300) != slug("x" * 301)


def test_a_missing_base_url_scheme_is_said_through_the_front_door() -> None:
    with pytest.raises(ConfigError, match="base-url"):
        open_openai("m", {"base_url": "localhost"})


def test_listing_aliases_imports_nothing_heavy() -> None:
    code = (
        "import sys; from vlmeval.models.aliases import list_aliases; list_aliases();"
        "print({'torch', 'transformers', 'PIL', 'openpyxl', 'urllib3', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
