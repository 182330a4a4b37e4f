"""Vectors from a server that speaks OpenAI's embeddings API: `embeddings:NAME --base-url URL`.

Texts go as `input`, a list of strings (platform.openai.com, Embeddings). Images are no part of OpenAI's API; two ways
are in use, chosen by `images`: "messages", one chat message with an image_url each (docs.vllm.ai, "Pooling models",
multi-modal inputs), and "input", objects {"image": data URL} and {"text": ...} in one list (api.jina.ai, Embeddings).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from vlmeval.errors import ConfigError, ModelError, RejectedError, RetryableError
from vlmeval.models.names import slug
from vlmeval.models.openai import bearer, endpoint
from vlmeval.models.options import Scalar, read_options
from vlmeval.models.payload import SENT_FORMATS, DataUrls, ImageLimits
from vlmeval.models.transport import Transport
from vlmeval.models.unit import check_template, unit_rows, written
from vlmeval.types import Image, Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0


class EmbeddingOptions(Struct, frozen=True):
    """Options of `embeddings:`.

    Part of the recipe: `images` (see above), `dimensions` (asked of the server, where it can shorten vectors),
    `template` and `lowercase` for texts, `image_text` (words sent beside each image), limits on images. The rest is how
    to reach it; a call that meets a busy or failing server is made `attempts` times at most.
    """

    base_url: str = ""
    key_variable: str = "OPENAI_API_KEY"
    images: Literal["messages", "input"] = "messages"
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    template: str = "{text}"
    lowercase: bool = False
    image_text: str = ""
    max_pixels: Annotated[int, Meta(ge=1)] | None = None
    max_side: Annotated[int, Meta(ge=1)] | None = None
    batch: Annotated[int, Meta(ge=1)] = 32
    attempts: Annotated[int, Meta(ge=1)] = 6
    timeout: Annotated[float, Meta(gt=0)] = 300.0


class _Vector(Struct):
    embedding: list[float]
    index: int = 0


class _Reply(Struct):
    data: list[_Vector]


class EmbeddingServer:
    """Embedder over one model of one server."""

    def __init__(self, model: str, options: EmbeddingOptions, *, sleep: Callable[[float], None] = time.sleep) -> None:
        where = f"model embeddings:{model}"
        check_template(options.template, where=where)
        if not options.base_url:
            raise ConfigError(f"{where}: give --base-url, such as http://127.0.0.1:8000/v1")
        self.name = slug(model)
        self.batch = options.batch
        self.options = options
        self._model = model
        self._sleep = sleep
        self._urls = DataUrls(ImageLimits(pixels=options.max_pixels or 0, side=options.max_side or 0))
        headers, secrets = bearer(options.key_variable)
        base = options.base_url.rstrip("/").removesuffix("/embeddings")
        url = endpoint("compatible", base, model, "").removesuffix("/chat/completions") + "/embeddings"
        self._transport = Transport(url, headers, timeout=options.timeout, secrets=secrets)

    def recipe(self) -> dict[str, Any]:
        """Return what defines the vectors."""
        return {
            "wrapper": "embeddings",
            "model": self._model,
            "dimensions": self.options.dimensions,
            "images": self.options.images,
            "image_bytes": f"original bytes ({', '.join(SENT_FORMATS)}), others as PNG",
            "image_text": self.options.image_text,
            "max_pixels": self.options.max_pixels or 0,
            "max_side": self.options.max_side or 0,
            "text": {"template": self.options.template, "lowercase": self.options.lowercase},
        }

    def conditions(self) -> dict[str, Any]:
        """Return how the server was reached. Whether it cuts long texts is the server's to say."""
        return {
            "url": self._transport.url,
            "images_converted": self._urls.converted,
            "images_resized": self._urls.resized,
        }

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        """Return unit vectors, shape (n, d), in the order of `items`.

        Raises RejectedError for what the server does not take, RetryableError where it stays busy.
        """
        rows: list[Any] = [None] * len(items)
        for places in self._calls(items):
            vectors = self._ask(self._body([items[place] for place in places]), len(places))
            for place, vector in zip(places, vectors, strict=True):
                rows[place] = vector
        return unit_rows(rows, items, name=self.name)

    def _calls(self, items: Sequence[Part]) -> list[list[int]]:
        """Return the places of the items that go into one call each."""
        together = [place for place, item in enumerate(items) if isinstance(item, str) or self._listed]
        calls = [together[start : start + self.batch] for start in range(0, len(together), self.batch)]
        return calls + [[place] for place in range(len(items)) if place not in set(together)]

    @property
    def _listed(self) -> bool:
        return self.options.images == "input"

    def _body(self, items: Sequence[Part]) -> bytes:
        fields: dict[str, Any] = {"model": self._model, "encoding_format": "float"}
        if self.options.dimensions:
            fields["dimensions"] = self.options.dimensions
        if not self._listed and isinstance(items[0], Image):
            content: list[Any] = [{"type": "image_url", "image_url": {"url": self._url(items[0])}}]
            if self.options.image_text:
                content.append({"type": "text", "text": self.options.image_text})
            fields["messages"] = [{"role": "user", "content": content}]
        elif self._listed:
            fields["input"] = [
                {"image": self._url(item)} if isinstance(item, Image) else {"text": self._text(item)} for item in items
            ]
        else:
            fields["input"] = [self._text(item) for item in items if isinstance(item, str)]
        try:
            return msgspec.json.encode(fields)
        except UnicodeEncodeError as error:
            raise RejectedError(f"{self.name}: a text is not valid Unicode: {error}") from error

    def _text(self, text: str) -> str:
        return written(text, template=self.options.template, lowercase=self.options.lowercase)

    def _url(self, image: Image) -> str:
        return self._urls.get(image).decode()

    def _ask(self, body: bytes, count: int) -> list[list[float]]:
        wait = FIRST_WAIT
        for attempt in range(1, self.options.attempts + 1):
            try:
                return self._read(self._transport.post(body), count)
            except RetryableError as error:
                if attempt == self.options.attempts:
                    raise
                self._sleep(min(LONGEST_WAIT, wait if error.retry_after is None else error.retry_after))
                wait *= 2
        raise ModelError(f"{self.name}: no attempt was made")

    def _read(self, data: bytes, count: int) -> list[list[float]]:
        try:
            found = msgspec.json.decode(data, type=_Reply).data
        except msgspec.DecodeError as error:
            raise RetryableError(f"{self._transport.url}: no embeddings in the reply: {error}") from error
        vectors = sorted(found, key=lambda one: one.index)
        if len(vectors) != count:
            raise ModelError(f"{self._transport.url}: {len(vectors)} vectors for {count} items")
        return [one.embedding for one in vectors]


def open_embeddings(target: str, options: Mapping[str, Scalar]) -> EmbeddingServer:
    """Return the model `target` of the server that the options name. Raises ConfigError before anything is sent."""
    if not target:
        raise ConfigError("embeddings: needs the name of a model, such as embeddings:jina-clip-v2")
    return EmbeddingServer(target, read_options(options, EmbeddingOptions, where=f"embeddings:{target}"))
