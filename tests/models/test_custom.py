"""A user's own class: the 15 lines that work, and what is said where they do not."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PIL_Image

from vlmeval.errors import ConfigError, ModelError, RetryableError
from vlmeval.models.custom import open_custom
from vlmeval.types import Chooser, Embedder, Failure, Generator, Image, Model, Output, Request

SMALLEST = """
class MyModel:
    def generate(self, requests):
        return [request.text.upper() for request in requests]
"""


def file_of(folder: Path, text: str, name: str = "my.py") -> str:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf8")
    return str(path)


def request(text: str = "a") -> Request:
    return Request("s1", "", (text,), options=("x", "y"))


def error(folder: Path, text: str, options: dict[str, str | int | float | bool] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        open_custom(file_of(folder, text), "MyModel", options or {})
    return str(caught.value)


def test_three_lines_are_a_generator_and_nothing_else(tmp_path: Path) -> None:
    model = open_custom(file_of(tmp_path, SMALLEST), "MyModel", {})
    assert isinstance(model, Model)
    assert isinstance(model, Generator)
    assert not isinstance(model, Chooser)
    assert not isinstance(model, Embedder)
    assert (model.name, model.concurrency, model.batch) == ("my-MyModel", 1, 1)
    outcomes = model.generate([request("a"), request("b")])
    assert [outcome.text for outcome in outcomes if isinstance(outcome, Output)] == ["A", "B"]
    model.close()


def test_the_recipe_records_class_options_and_the_file_s_digest(tmp_path: Path) -> None:
    source = "class MyModel:\n    def __init__(self, size=3): self.size = size\n    def generate(self, r): return []\n"
    model = open_custom(file_of(tmp_path, source), "MyModel", {"size": 5})
    recipe = model.recipe()
    assert (recipe["class"], recipe["options"]) == ("my.py:MyModel", {"size": 5})
    changed = open_custom(file_of(tmp_path, source.replace("[]", "() ")), "MyModel", {"size": 5})
    assert changed.recipe()["file_sha256"] != recipe["file_sha256"]


def test_everything_a_user_may_say_is_heard(tmp_path: Path) -> None:
    source = """
        from vlmeval.types import Failure, Output
        from beside import REPLY

        class MyModel:
            name, concurrency, batch, closed = "My Best/Model", 4, 8, False

            def generate(self, requests):
                return (reply for reply in (REPLY, Output("o", "length"), Failure("refused", "no")))

            def choose(self, requests):
                return np.zeros((len(requests), 2))

            def embed(self, items):
                return [[3.0, 4.0] for _ in items]

            def recipe(self):
                return {"weights": "v1"}

            def close(self):
                MyModel.closed = True

        import numpy as np
    """
    file_of(tmp_path, 'REPLY = "beside"', "beside.py")
    model = open_custom(file_of(tmp_path, source), "MyModel", {})
    assert isinstance(model, Generator)
    assert isinstance(model, Chooser)
    assert isinstance(model, Embedder)
    assert (model.name, model.concurrency, model.batch) == ("My-Best-Model", 4, 8)
    said, output, failure = model.generate([request()] * 3)
    assert isinstance(said, Output)
    assert said.text == "beside"
    assert said.seconds is not None
    assert output == Output("o", "length")
    assert failure == Failure("refused", "no")
    assert model.choose([request()]) == [[0.0, 0.0]]
    vectors = model.embed(["a", "b"])
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]] * 2
    assert model.recipe()["weights"] == "v1"
    assert "file_sha256" not in model.recipe()
    model.close()


def test_images_open_as_pictures(tmp_path: Path) -> None:
    written = io.BytesIO()
    PIL_Image.new("RGB", (5, 4), (255, 0, 0)).save(written, "png")
    image = Image("0" * 64, 5, 4, "png").with_reader(written.getvalue)
    source = "class MyModel:\n def generate(self, rs):\n  return [str(r.images[0].open().size) for r in rs]\n"
    model = open_custom(file_of(tmp_path, source), "MyModel", {})
    assert isinstance(model, Generator)
    (outcome,) = model.generate([Request("s", "", (image, "?"))])
    assert isinstance(outcome, Output)
    assert outcome.text == "(5, 4)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return ['a']", r"my\.py:MyModel: generate returned 1 items for 2 requests"),
        ("return 'ab'", r"my\.py:MyModel: generate returned str, expected a list"),
        ("return None", r"my\.py:MyModel: generate returned NoneType, expected a list"),
        ("return ['a', 3]", r"my\.py:MyModel: generate returned int for sample s1, expected a str or an Output"),
    ],
)
def test_replies_of_the_wrong_number_or_kind_are_errors_of_the_model(tmp_path: Path, body: str, message: str) -> None:
    model = open_custom(file_of(tmp_path, f"class MyModel:\n def generate(self, r):\n  {body}\n"), "MyModel", {})
    assert isinstance(model, Generator)
    with pytest.raises(ModelError, match=message):
        model.generate([request(), request()])


def test_scores_and_vectors_are_checked(tmp_path: Path) -> None:
    source = """
        class MyModel:
            def choose(self, requests): return [[0.5]]
            def embed(self, items): return [[0.0, 0.0]]
    """
    model = open_custom(file_of(tmp_path, source), "MyModel", {})
    assert isinstance(model, Chooser)
    assert isinstance(model, Embedder)
    with pytest.raises(ModelError, match="1 scores for the 2 options of sample s1"):
        model.choose([request()])
    with pytest.raises(ModelError, match="length 0"):
        model.embed(["a"])


@pytest.mark.parametrize("score", ["nan", "-inf"])
def test_a_score_that_no_journal_can_hold_is_named(tmp_path: Path, score: str) -> None:
    source = f"class MyModel:\n    def choose(self, requests): return [[0.5, float('{score}')]]\n"
    model = open_custom(file_of(tmp_path, source), "MyModel", {})
    assert isinstance(model, Chooser)
    with pytest.raises(ModelError, match="sample s1; expected finite numbers"):
        model.choose([request()])


def test_the_user_s_own_errors_pass_unchanged(tmp_path: Path) -> None:
    source = """
        from vlmeval.errors import RetryableError

        class MyModel:
            def generate(self, requests):
                if requests[0].text == "busy":
                    raise RetryableError("busy")
                return [1 / 0]
    """
    model = open_custom(file_of(tmp_path, source), "MyModel", {})
    assert isinstance(model, Generator)
    with pytest.raises(RetryableError):
        model.generate([request("busy")])
    with pytest.raises(ZeroDivisionError):
        model.generate([request()])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os\nraise ValueError('no weights')\n", "my.py:2: ValueError: no weights\n    raise ValueError("),
        ("def f():\n    return 1 / 0\nx = f()\n", "my.py:2: ZeroDivisionError: division by zero\n    return 1 / 0\n"),
        ("import json\njson.loads('{')\n", "my.py:2: JSONDecodeError: "),
        ("class MyModel\n", "my.py:1: SyntaxError: expected ':'"),
        ("import no_such_package\n", "my.py:1: ModuleNotFoundError: No module named 'no_such_package'"),
        ("raise SystemExit(3)\n", "my.py:1: SystemExit: 3"),
    ],
)
def test_an_error_on_import_names_file_line_and_code_on_one_screen(tmp_path: Path, text: str, message: str) -> None:
    said = error(tmp_path, text)
    assert message in said
    assert "while importing the file" in said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 4


def test_an_error_while_building_names_its_line(tmp_path: Path) -> None:
    said = error(tmp_path, "class MyModel:\n def __init__(self): raise OSError('disk')\n def generate(self, r): ...\n")
    assert said.startswith("my.py:2: OSError: disk")
    assert said.endswith("while building MyModel")


def test_unknown_and_missing_options_list_the_constructor_s(tmp_path: Path) -> None:
    source = "class MyModel:\n def __init__(self, size, *, beams=1): ...\n def generate(self, r): ...\n"
    said = error(tmp_path, source, {"size": 1, "beam": 2})
    assert said == 'my.py:MyModel: unknown option "beam"; did you mean "beams"?; it takes: beams, size'
    assert "needs the option size" in error(tmp_path, source)
    assert "it takes none" in error(tmp_path, SMALLEST, {"size": 1})


def test_a_constructor_may_take_any_option(tmp_path: Path) -> None:
    source = "class MyModel:\n def __init__(self, **given): self.given = given\n def generate(self, r): return ['x']\n"
    assert open_custom(file_of(tmp_path, source), "MyModel", {"a": 1}).recipe()["options"] == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class MyModle: ...\n", 'my.py has no class "MyModel"; did you mean "MyModle"?'),
        ("from pathlib import Path\nx = 1\n", "its classes: none"),
        ("class MyModel: ...\n", "has none of generate, choose, embed"),
        ("class MyModel:\n batch = 0\n def generate(self, r): ...\n", "batch is 0, expected a positive whole number"),
    ],
)
def test_what_is_no_model_is_said_so(tmp_path: Path, text: str, message: str) -> None:
    assert message in error(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        open_custom(str(tmp_path / "none.py"), "MyModel", {})


def test_a_recipe_that_json_cannot_hold_is_an_error(tmp_path: Path) -> None:
    source = "class MyModel:\n def generate(self, r): ...\n def recipe(self): return {'x': object()}\n"
    with pytest.raises(ModelError, match="what JSON can hold"):
        open_custom(file_of(tmp_path, source), "MyModel", {}).recipe()


def test_an_edited_file_is_run_anew_and_no_cache_is_left_beside_it(tmp_path: Path) -> None:
    for word in ("one", "two"):
        source = f"class MyModel:\n def generate(self, r): return ['{word}']\n"
        model = open_custom(file_of(tmp_path, source), "MyModel", {})
        assert isinstance(model, Generator)
        (outcome,) = model.generate([request()])
        assert isinstance(outcome, Output)
        assert outcome.text == word
    assert [path.name for path in tmp_path.iterdir()] == ["my.py"]
