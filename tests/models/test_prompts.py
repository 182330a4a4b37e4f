from types import SimpleNamespace
from typing import Any

import jinja2
import pytest

from tests.models.parts import picture
from vlmeval.errors import ConfigError
from vlmeval.models.prompts import Prompter
from vlmeval.types import Request

PLAIN = "{% for m in messages %}{{ m['role'] }}:{% for p in m['content'] %}{{ '<image>' if p['type'] == 'image' else p['text'] }}{% endfor %};{% endfor %}"  # noqa: E501
SYSTEM_AS_TEXT = (
    "{% if messages[0]['role'] == 'system' %}SYS {{ messages[0]['content'] | trim }};"
    "{% set messages = messages[1:] %}{% endif %}" + PLAIN
)
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('Only user and assistant') }}{% endif %}" + PLAIN
)
SILENT = PLAIN.replace("{{ m['role'] }}", "{% if m['role'] == 'user' %}").replace(
    "{% endfor %};", "{% endfor %}{% endif %}"
)
TEXT_ONLY = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
FIRST_TEXT = "<image>{{ messages[0]['content'][1]['text'] }}"


class Processor:
    """A processor that renders with jinja, as transformers does."""

    image_token = "<image>"

    def __init__(self, chat_template: str | None, tokenizer_template: str | None = None) -> None:
        self.chat_template = chat_template
        self.tokenizer = SimpleNamespace(chat_template=tokenizer_template)

    def apply_chat_template(self, messages: Any, *, chat_template: str, **settings: Any) -> str:
        def raise_exception(message: str) -> None:
            raise jinja2.TemplateError(message)

        environment = jinja2.Environment()  # noqa: S701
        environment.globals["raise_exception"] = raise_exception
        return environment.from_string(chat_template).render(messages=messages, **settings)


def request(*parts: Any, system: str | None = None) -> Request:
    return Request("s", "", parts, system=system)


QUESTION = request("Look: ", picture(8, 8, 1), "what is it?")
WITH_SYSTEM = request(picture(8, 8, 1), "what?", system="Be brief.")


def test_a_chat_template_gets_text_and_images_in_reading_order() -> None:
    prompter = Prompter(Processor(PLAIN), "llava")
    assert prompter.render(QUESTION) == "user:Look: <image>what is it?;"
    assert prompter.render(WITH_SYSTEM) == "system:Be brief.;user:<image>what?;"
    assert prompter.recipe()["prompt"] == "chat template"


def test_the_tokenizers_template_serves_where_the_processor_has_none() -> None:
    assert Prompter(Processor(None, PLAIN), "llava").render(QUESTION) == "user:Look: <image>what is it?;"


def test_of_several_templates_the_default_one_is_taken() -> None:
    several: Any = {"tools": TEXT_ONLY, "default": PLAIN}
    assert Prompter(Processor(several), "llava").render(QUESTION) == "user:Look: <image>what is it?;"
    nameless: Any = {"tools": TEXT_ONLY}
    with pytest.raises(ConfigError, match="none of its chat templates is the default one"):
        Prompter(Processor(nameless), "llava")


def test_a_template_that_wants_the_system_prompt_as_text_gets_it_so() -> None:
    rendered = Prompter(Processor(SYSTEM_AS_TEXT), "mllama").render(WITH_SYSTEM)
    assert rendered.startswith("SYS Be brief.;")


def test_a_template_that_refuses_a_system_prompt_is_an_error() -> None:
    prompter = Prompter(Processor(NO_SYSTEM), "llava", name="hf:x")
    assert prompter.render(QUESTION) == "user:Look: <image>what is it?;"
    with pytest.raises(ConfigError, match=r"hf:x: its chat template refuses a system prompt.*Only user and assistant"):
        prompter.render(WITH_SYSTEM)


def test_a_template_that_drops_something_silently_is_an_error() -> None:
    with pytest.raises(ConfigError, match="leaves out the system prompt"):
        Prompter(Processor(SILENT), "llava").render(WITH_SYSTEM)
    with pytest.raises(ConfigError, match="leaves out a part of the question"):
        Prompter(Processor(FIRST_TEXT), "llava").render(request(picture(8, 8, 1), "one", picture(8, 8, 2), "two"))


def test_a_template_for_text_alone_is_an_error_and_no_python_reaches_the_model() -> None:
    with pytest.raises(ConfigError, match="leaves out the structure of the message"):
        Prompter(Processor(TEXT_ONLY), "llava").render(QUESTION)


@pytest.mark.parametrize(
    ("model_type", "expected"),
    [
        ("blip-2", "Question: Look: what is it? Answer:"),
        ("paligemma", "<image>Look: what is it?"),
        ("florence2", "Look: what is it?"),
        ("instructblip", "Look: what is it?"),
        ("idefics2", "Look: <image>what is it?"),
    ],
)
def test_models_without_a_template_get_their_documented_prompt(model_type: str, expected: str) -> None:
    prompter = Prompter(Processor(None), model_type)
    assert prompter.render(QUESTION) == expected
    assert prompter.recipe()["prompt"] == "text"


def test_a_template_of_ones_own_replaces_the_chat_template() -> None:
    prompter = Prompter(Processor(PLAIN), "llava", template="USER: {question} ASSISTANT:")
    assert prompter.render(QUESTION) == "USER: Look: <image>what is it? ASSISTANT:"
    assert prompter.recipe() == {"prompt": "own", "template": "USER: {question} ASSISTANT:"}


def test_braces_in_a_question_stay_as_they_are() -> None:
    prompter = Prompter(Processor(PLAIN), "llava", template="USER: {question}")
    assert prompter.render(request("{question} {x} {{ y }}")) == "USER: {question} {x} {{ y }}"
    assert Prompter(Processor(None), "blip-2").render(request("{question}")) == "Question: {question} Answer:"
    assert Prompter(Processor(PLAIN), "llava").render(request("{{ 1 + 1 }}")) == "user:{{ 1 + 1 }};"
