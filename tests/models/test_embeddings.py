"""An embeddings server as vLLM and Jina have it: what is sent, what is read, what is tried again."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.fakes import FakeServer, Reply, Seen
from tests.models.parts import picture
from vlmeval.errors import ConfigError, ModelError, RejectedError, RetryableError
from vlmeval.models.embeddings import EmbeddingOptions, EmbeddingServer, open_embeddings
from vlmeval.models.spec import open_model
from vlmeval.types import Embedder, Image, Model

PICTURE = picture(12, 8, 1)
ITEMS: list[str | Image] = ["a red square", PICTURE, "two circles"]


def vectors(seen: Seen) -> Reply:
    """Answer with a vector a piece of input, the last first; a message counts as one piece."""
    pieces = seen.json.get("input") or [None]
    data = [
        {"object": "embedding", "index": place, "embedding": [float(place + 1), float(len(pieces)), 2.0]}
        for place in range(len(pieces))
    ]
    return Reply.of({"object": "list", "data": data[::-1], "model": "fake", "usage": {"prompt_tokens": 3}})


Opener = Callable[..., EmbeddingServer]


@pytest.fixture
def encoder() -> Iterator[Opener]:
    """Return what opens a model of a server, without waiting; all are closed in the end."""
    opened: list[EmbeddingServer] = []

    def open_encoder(server: FakeServer, **options: Any) -> EmbeddingServer:
        given = EmbeddingOptions(base_url=server.url, **options)
        opened.append(EmbeddingServer("jina", given, sleep=lambda seconds: None))
        return opened[-1]

    yield open_encoder
    for model in opened:
        model.close()


def test_texts_go_together_and_images_as_messages(encoder: Opener) -> None:
    with FakeServer(answer=vectors) as server:
        model = encoder(server)
        found = model.embed(ITEMS)
        assert isinstance(model, Embedder)
        assert isinstance(model, Model)
        texts, image = (seen.json for seen in server.requests)
        assert [seen.target for seen in server.requests] == ["/v1/embeddings"] * 2
    assert texts == {"model": "jina", "encoding_format": "float", "input": ["a red square", "two circles"]}
    url = image["messages"][0]["content"][0]["image_url"]["url"]
    assert base64.b64decode(url.partition(",")[2]) == PICTURE.read()
    assert "input" not in image
    expected = np.array([[1, 2, 2], [1, 1, 2], [2, 2, 2]], dtype=np.float64)
    assert found == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)


def test_images_go_into_the_list_where_the_server_takes_them_there(encoder: Opener) -> None:
    with FakeServer(answer=vectors) as server:
        model = encoder(server, images="input", dimensions=3, template="Query: {text}", lowercase=True)
        assert model.embed(["A Cat", PICTURE]).shape == (2, 3)
        body = server.requests[0].json
    assert body["input"][0] == {"text": "query: a cat"}
    assert body["input"][1]["image"].startswith("data:image/png;base64,")
    assert body["dimensions"] == 3
    assert model.recipe()["text"] == {"template": "Query: {text}", "lowercase": True}


def test_a_busy_server_is_asked_again_and_a_refusal_is_not(encoder: Opener) -> None:
    with FakeServer([Reply.rate_limited("1"), Reply.broken(), Reply.dropped()], answer=vectors) as server:
        assert encoder(server).embed(["a"]).shape == (1, 3)
        assert len(server.requests) == 4
    with FakeServer([Reply.error(400, "no images here")] * 2) as server:
        with pytest.raises(RejectedError, match="no images here"):
            encoder(server).embed([PICTURE])
        assert len(server.requests) == 1
    with FakeServer([Reply.broken()] * 2) as server, pytest.raises(RetryableError):
        encoder(server, attempts=2).embed(["a"])


def test_replies_that_are_no_vectors_are_errors(encoder: Opener) -> None:
    few = Reply.of({"data": [{"index": 0, "embedding": [1.0]}]})
    with FakeServer([few]) as server, pytest.raises(ModelError, match="1 vectors for 2 items"):
        encoder(server).embed(["a", "b"])
    zero = Reply.of({"data": [{"index": 0, "embedding": [0.0, 0.0]}]})
    with FakeServer([zero]) as server, pytest.raises(ModelError, match="the vector of the text 'a' is zero"):
        encoder(server).embed(["a"])
    with FakeServer([Reply.ok("hello")]) as server, pytest.raises(RetryableError, match="no embeddings in the reply"):
        encoder(server, attempts=1).embed(["a"])


def test_the_scheme_is_registered_and_wrong_options_are_named() -> None:
    model = open_model("embeddings:org/clip", {"base_url": "http://127.0.0.1:9/v1/embeddings"})
    assert model.name == "org-clip"
    with pytest.raises(ConfigError, match="give --base-url"):
        open_model("embeddings:clip", {})
    with pytest.raises(ConfigError, match="needs the name of a model"):
        open_embeddings("", {})
    with pytest.raises(ConfigError, match=r"expected one \{text\}"):
        open_model("embeddings:clip", {"base_url": "http://127.0.0.1:9", "template": "photo"})
