"""One request to a fake server, for the tests of the openai wrapper."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes import FakeServer, Reply
from vlmeval.errors import ModelError
from vlmeval.models.openai import OpenAIModel, open_openai
from vlmeval.types import Failure, Output, Request

KEY = "sk-very-secret-0123456789"


def model_of(server: FakeServer, **options: Any) -> OpenAIModel:
    return open_openai("m", {"base_url": server.url, "timeout": 10, **options})


def question(text: str = "Which?", **given: Any) -> Request:
    return Request("s1", "rot0", (text,), **given)


def ask(reply: Reply, **options: Any) -> Output | Failure:
    with FakeServer([reply]) as server:
        model = model_of(server, **options)
        try:
            return model.generate([question()])[0]
        finally:
            model.close()


def error_of(reply: Reply, **options: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(reply, **options)
    return caught.value
