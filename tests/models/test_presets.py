"""Presets of servers that run on a person's own machine (vLLM, SGLang, LMDeploy): an address, and no key."""

import pytest

from tests.fakes import FakeServer, Reply
from tests.models.parts import picture
from vlmeval.errors import ConfigError
from vlmeval.models.openai import open_openai
from vlmeval.models.presets import find_preset
from vlmeval.types import Output, Request, Sampling

PORTS = {"vllm": 8000, "sglang": 30000, "lmdeploy": 23333}


@pytest.mark.parametrize("name", PORTS)
def test_a_server_of_ones_own_is_asked_without_a_key_and_with_every_setting(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", find_preset(name).key):
        monkeypatch.delenv(variable, raising=False)
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=20, max_tokens=7, seed=3)
    with FakeServer([Reply.ok("B")]) as server:
        model = open_openai("org/model", {"preset": name, "base_url": server.url})
        outcome = model.generate([Request("s", "", (picture(8, 8, 1), "Which?"), sampling)])[0]
        recipe = model.recipe()
        model.close()
        (seen,) = server.requests
    assert isinstance(outcome, Output)
    assert outcome.text == "B"
    assert recipe["preset"] == name
    body = seen.json
    wanted = {"model": "org/model", "temperature": 0.5, "top_p": 0.9, "top_k": 20, "max_tokens": 7, "seed": 3}
    assert wanted.items() <= body.items()
    assert body["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")
    assert "authorization" not in {key.lower() for key in seen.headers}


@pytest.mark.parametrize(("name", "port"), PORTS.items())
def test_each_server_is_looked_for_at_its_own_port(name: str, port: int) -> None:
    assert find_preset(name).base_url == f"http://127.0.0.1:{port}/v1"


def test_an_unknown_preset_is_an_error_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match='unknown preset "sglan"; did you mean "sglang"'):
        find_preset("sglan")
