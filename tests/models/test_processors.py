import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from transformers.models.smolvlm import processing_smolvlm  # noqa: E402

from tests.models import tiny  # noqa: E402
from tests.models.parts import TEXT, clip_images  # noqa: E402
from tests.models.parts import picture as draw  # noqa: E402
from tests.models.tiny_decoders import qwen_images  # noqa: E402
from vlmeval.errors import ConfigError  # noqa: E402
from vlmeval.models.packages import installed  # noqa: E402
from vlmeval.models.processors import image_settings, load_processor, processor_settings  # noqa: E402

hf.utils.logging.disable_progress_bar()
WITH_VIDEO = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "glm4v", "smolvlm", "internvl", "llava_onevision"]
without_torchvision = pytest.mark.skipif(installed("torchvision"), reason="torchvision is installed")


def load(folder: Path) -> Any:
    config = hf.AutoConfig.from_pretrained(folder)
    return load_processor(str(folder), config, revision=None, trust_remote_code=False)


@without_torchvision
@pytest.mark.parametrize("kind", WITH_VIDEO)
def test_a_processor_that_could_read_videos_reads_images_without_torchvision(kind: str, tmp_path: Path) -> None:
    folder = tiny.save(kind, tmp_path / kind)
    processor = load(folder)
    assert type(processor).__name__ == tiny.KINDS[kind]().processor
    assert isinstance(processor, getattr(hf, type(processor).__name__))
    assert type(processor.image_processor).__name__.endswith("Pil")
    assert json.loads(processor.to_json_string())["video_processor"] == {}


@without_torchvision
def test_smolvlm_needs_no_num2words_and_leaves_nothing_changed_behind(tmp_path: Path) -> None:
    before = processing_smolvlm.num2words
    load(tiny.save("smolvlm", tmp_path))
    assert processing_smolvlm.num2words is before


@without_torchvision
def test_the_class_is_found_where_only_the_image_processor_names_it(tmp_path: Path) -> None:
    folder = tiny.save("qwen2_vl", tmp_path)
    (folder / "processor_config.json").unlink()
    assert type(load(folder)).__name__ == "Qwen2VLProcessor"
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    settings["processor_class"] = "Qwen2_5_VLProcessor"
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    assert type(load(folder)).__name__ == "Qwen2_5_VLProcessor"


@pytest.mark.parametrize(("kind", "side"), [("pixtral", 8), ("mistral3", 16)])
def test_pixtrals_image_is_written_as_rows_of_patches(kind: str, side: int, tmp_path: Path) -> None:
    processor = load(tiny.save(kind, tmp_path))
    inputs = processor(text=["[IMG]?"], images=[[draw(32, 16, 1).open()]], return_tensors="pt")
    row = "[IMG]" * (32 // side)
    written = processor.tokenizer.decode(inputs["input_ids"][0])
    assert written == "<s>" + "[IMG_BREAK]".join([row] * (16 // side)) + "[IMG_END]?"
    assert inputs["image_sizes"].tolist() == [[16, 32]]


@pytest.mark.parametrize("kind", ["llava", "llava_next", "blip_2"])
def test_a_processor_saved_without_image_sizes_gets_them_from_the_model(kind: str, tmp_path: Path) -> None:
    folder = tiny.save(kind, tmp_path)
    whole = load(folder)
    path = folder / "processor_config.json"
    path.write_text(json.dumps({"processor_class": json.loads(path.read_text())["processor_class"]}))
    picture = draw(24, 24, 1).open()
    text = "?" if kind == "blip_2" else "<image>?"
    expected, found = (part(text=[text], images=[[picture]], return_tensors="pt") for part in (whole, load(folder)))
    assert torch.equal(expected["input_ids"], found["input_ids"])


def test_a_tokenizer_without_padding_pads_with_its_end_token(tmp_path: Path) -> None:
    folder = tiny.save("llava", tmp_path)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["pad_token"]
    path.write_text(json.dumps(settings))
    assert load(folder).tokenizer.pad_token == "</s>"


def test_a_folder_with_a_tokenizer_alone_is_no_processor(tmp_path: Path) -> None:
    folder = tiny.save("llava", tmp_path)
    (folder / "processor_config.json").unlink()
    (folder / "preprocessor_config.json").unlink()
    hf.LlamaConfig(**TEXT).save_pretrained(folder)
    with pytest.raises(ConfigError, match="does not take images and text"):
        load(folder)


def test_sizes_are_merged_into_the_ones_saved() -> None:
    qwen = qwen_images()
    assert image_settings(qwen, {"min_pixels": 128}, where="m") == {
        "size": {"shortest_edge": 128, "longest_edge": 1024}
    }
    both = image_settings(qwen, {"min_pixels": 128, "max_pixels": 256}, where="m")
    assert both == {"size": {"shortest_edge": 128, "longest_edge": 256}}
    idefics = tiny.KINDS["idefics3"]().images
    assert image_settings(idefics, {"longest_edge": 64}, where="m") == {"size": {"longest_edge": 64}}
    assert image_settings(idefics, {"do_image_splitting": False}, where="m") == {"do_image_splitting": False}
    with pytest.raises(ConfigError, match=r'm: .* takes no max_pixel; did you mean "max_pixels"'):
        image_settings(qwen, {"max_pixel": 1}, where="m")
    with pytest.raises(ConfigError, match="takes no min_pixels"):
        image_settings(idefics, {"min_pixels": 1}, where="m")


def test_settings_of_an_image_processor_are_json() -> None:
    settings = processor_settings(clip_images())
    assert json.loads(json.dumps(settings)) == settings
    assert settings["class"].startswith("CLIPImageProcessor")
    assert settings["crop_size"] == {"height": 16, "width": 16}
