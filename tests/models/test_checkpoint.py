import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from tests.models import tiny  # noqa: E402
from tests.models.parts import TEXT, picture  # noqa: E402
from tests.models.tiny_encoders import save_encoder  # noqa: E402
from vlmeval.errors import ConfigError, ModelError  # noqa: E402
from vlmeval.models import checkpoint as module  # noqa: E402
from vlmeval.models.checkpoint import Checkpoint, answering_class  # noqa: E402
from vlmeval.models.clip import open_clip  # noqa: E402
from vlmeval.models.transformers import open_transformers  # noqa: E402
from vlmeval.types import Request  # noqa: E402

hf.utils.logging.disable_progress_bar()
ASKED = Request("s", "", (picture(16, 16, 1), "?"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.save("llava", tmp_path / "llava")


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_missing_weight_is_an_error_and_never_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in weights if "q_proj" in name)
    del weights[lost]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights of LlavaForConditionalGeneration .*q_proj"):
        open_transformers(str(folder), {}).generate([ASKED])


def test_a_weight_of_another_shape_is_an_error(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if "embed_tokens" in name)
    weights[name] = weights[name][:-1].contiguous()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights of LlavaForConditionalGeneration .*embed_tokens"):
        open_transformers(str(folder), {}).generate([ASKED])


def test_a_folder_that_is_not_there_is_not_looked_up_on_the_hub() -> None:
    for name in ("./nowhere", "/no/such/model", "a/b/c"):
        with pytest.raises(ConfigError, match=f"{re.escape(name)}: there is no such folder"):
            Checkpoint(name)


def test_code_from_a_repository_runs_only_when_asked_for(folder: Path) -> None:
    change_config(folder, model_type="homemade", auto_map={"AutoConfig": "code.Config", "AutoModel": "code.Model"})
    (folder / "code.py").write_text("raise SystemExit('this code ran')")
    with pytest.raises(ConfigError, match=r"needs code from its own repository.*trust_remote_code=true"):
        open_transformers(str(folder), {})


def test_an_unknown_model_type_is_named_with_a_way_out(folder: Path) -> None:
    change_config(folder, model_type="llava_llama")
    with pytest.raises(
        ConfigError, match=rf"transformers {hf.__version__} does not know its model type.*my\.py:MyModel"
    ):
        open_transformers(str(folder), {})


def test_a_broken_config_is_named(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"cannot be (read|used)"):
        open_transformers(str(folder), {})


def test_a_dual_encoder_asked_to_speak_says_what_it_is(tmp_path: Path) -> None:
    folder = save_encoder("clip", tmp_path / "clip")
    with pytest.raises(ConfigError, match=f"is a clip model, which does not answer in text.*clip:{folder}"):
        open_transformers(str(folder), {})


def test_a_speaker_asked_to_embed_says_what_it_is(folder: Path) -> None:
    with pytest.raises(ConfigError, match=f"is a llava model, not a dual encoder.*hf:{folder}"):
        open_clip(str(folder), {})


def test_a_text_model_is_refused(tmp_path: Path) -> None:
    hf.LlamaConfig(**TEXT).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"\(llama\) has no class for images and text"):
        answering_class(Checkpoint(str(tmp_path)))


def test_the_identity_is_of_the_files_and_not_of_their_place(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "llava"
    moved.parent.mkdir()
    before = Checkpoint(str(folder)).identity
    folder.rename(moved)
    assert Checkpoint(str(moved)).identity == before
    change_config(moved, vision_feature_layer=-2)
    assert Checkpoint(str(moved)).identity != before


def test_large_weights_are_told_apart_by_size_and_header(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HASHED_BYTES", 1000)
    before = Checkpoint(str(folder)).identity["files"]["model.safetensors"]
    assert "bytes, header " in before
    weights = load_file(folder / "model.safetensors")
    name = next(iter(weights))
    weights[name] = torch.cat([weights[name], weights[name]])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert Checkpoint(str(folder)).identity["files"]["model.safetensors"] != before


def test_offline_a_model_of_the_hub_is_not_asked_for_over_the_network() -> None:
    code = (
        "import socket\n"
        "def refuse(*arguments): raise SystemExit('the network was used')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from vlmeval.errors import ConfigError\n"
        "from vlmeval.models.transformers import open_transformers\n"
        "try:\n"
        "    open_transformers('example/absent-model', {})\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "example/absent-model cannot be read" in done.stdout
    assert "hf download example/absent-model" in done.stdout


AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"}


class Loads:
    """An Auto class that remembers how it was called, and has no memory for the weights."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def from_pretrained(self, source: str, **given: Any) -> Any:
        self.given = given
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_quantized_checkpoint_is_loaded_as_it_is_and_recorded(folder: Path) -> None:
    change_config(folder, quantization_config=AWQ, dtype="float16")
    model = open_transformers(str(folder), {"device": "cpu"})
    recipe = model.recipe()
    assert recipe["quantized"].items() >= AWQ.items()
    assert (recipe["quantize"], recipe["dtype"]) == ("none", "float16")
    loads = Loads()
    with pytest.raises(ModelError, match="weights do not fit"):
        model.checkpoint.load(loads, model.options)
    assert "quantization_config" not in loads.given
    assert loads.given["device_map"] == {"": "cpu"}
    assert loads.given["dtype"] == torch.float16
    assert loads.given["config"].quantization_config == AWQ


def test_a_quantized_checkpoint_is_not_quantized_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_config(folder, quantization_config=AWQ)
    monkeypatch.setattr(module, "require_quantization", lambda: None)
    placement = module.Placement(quantize="4bit", device="cpu")
    with pytest.raises(ConfigError, match=r"quantized already \(awq\); leave quantize=4bit out"):
        Checkpoint(str(folder)).load(Loads(), placement)


@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_bitsandbytes_is_asked_for_with_the_dtype_to_compute_in(
    folder: Path, bits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "require_quantization", lambda: None)
    loads = Loads()
    placement = module.Placement(quantize=bits, dtype="bfloat16", device="cpu")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="weights do not fit"):
        Checkpoint(str(folder)).load(loads, placement)
    config: Any = loads.given["quantization_config"]
    assert (config.load_in_4bit, config.load_in_8bit) == (bits == "4bit", bits == "8bit")
    assert config.bnb_4bit_compute_dtype == torch.bfloat16
    assert loads.given["device_map"] == {"": "cpu"}


def test_weights_spread_by_a_device_map_are_not_moved(folder: Path) -> None:
    loads = Loads()
    with pytest.raises(ModelError, match="device_map=auto spreads them"):
        Checkpoint(str(folder)).load(loads, module.Placement(device_map="auto", device="cpu"))
    assert loads.given["device_map"] == "auto"
