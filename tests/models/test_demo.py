from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
hf = pytest.importorskip("transformers")

from tests.models import tiny  # noqa: E402
from tests.models.parts import picture  # noqa: E402
from tests.models.tiny_encoders import save_encoder  # noqa: E402
from vlmeval.errors import ConfigError  # noqa: E402
from vlmeval.models.demo import PLACES, DemoModel, DemoOptions, demo_folder, one_thread, open_demo  # noqa: E402
from vlmeval.registry import MODELS  # noqa: E402
from vlmeval.types import Chooser, Embedder, Generator, Model, Output, Request, Sampling  # noqa: E402

hf.utils.logging.disable_progress_bar()
NAMES = ("demo", "demo-small")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny.save("llava", root / "demo" / "vlm")
    save_encoder("clip", root / "demo" / "clip")
    return root


@pytest.fixture
def model(place: Path) -> DemoModel:
    return DemoModel("demo", place / "demo", DemoOptions())


def test_the_demo_model_answers_weighs_and_embeds(model: DemoModel) -> None:
    for protocol in (Model, Generator, Chooser, Embedder):
        assert isinstance(model, protocol)
    asked = Request("s", "", (picture(16, 16, 1), "?"), Sampling(max_tokens=4), options=("A", "B"))
    outcome = model.generate([asked])[0]
    assert isinstance(outcome, Output)
    assert model.generate([asked])[0].text == outcome.text  # type: ignore[union-attr]
    assert len(model.choose([asked])[0]) == 2
    assert model.embed(["a", picture(16, 16, 1)]).shape == (2, 12)
    assert model.render(asked).startswith("<|im_start|>user\n<image>?")


def test_its_recipe_holds_both_models_and_no_path(model: DemoModel, place: Path) -> None:
    recipe = model.recipe()
    assert recipe["vlm"]["dtype"] == recipe["clip"]["dtype"] == "float32"
    assert str(place) not in str(recipe)
    assert model.conditions()["device"] == "cpu"


def test_one_thread_is_used_and_the_number_before_comes_back() -> None:
    torch.set_num_threads(2)
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_the_first_place_that_has_the_model_is_taken(place: Path, tmp_path: Path) -> None:
    assert demo_folder("demo", (tmp_path, place)) == place / "demo"
    with pytest.raises(ConfigError, match="the model demo-small is not here; looked in"):
        demo_folder("demo-small", (tmp_path, place))
    assert PLACES[0].parts[-4:] == ("vlmeval", "_catalog", "demo", "models")


def test_a_target_or_a_wrong_option_is_refused() -> None:
    with pytest.raises(ConfigError, match="takes nothing after a colon"):
        open_demo("large", {})


@pytest.mark.parametrize("name", NAMES)
def test_the_models_in_the_tree_open_by_name_and_answer_the_same_twice(name: str) -> None:
    if not any((path / name / "vlm").is_dir() and (path / name / "clip").is_dir() for path in PLACES):
        pytest.skip(f"{name} is not in this tree")
    model = MODELS.load(name)("", {})
    assert model.name == name
    image = picture(72, 72, 1)
    asked = [Request(str(count), "", (image, "What colour is it?" * count), Sampling(max_tokens=8)) for count in (1, 2)]
    first = [outcome.text for outcome in model.generate(asked)]
    assert first == [model.generate([request])[0].text for request in asked]
    vectors = model.embed([image, "a red square"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
