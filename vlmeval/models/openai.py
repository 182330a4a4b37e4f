"""Any server that speaks OpenAI's chat completions, over plain HTTP: providers by preset, others by --base-url.

The key comes from the environment and goes nowhere but into the header. What defines the answers (model, settings,
limits on images) is in the recipe; how the server was reached (address, time-out, concurrency) is in the conditions.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta, Struct

from vlmeval.errors import ConfigError
from vlmeval.models.names import slug
from vlmeval.models.options import Scalar, check_names, read_options
from vlmeval.models.payload import SENT_FORMATS, DataUrls, ImageLimits, Payload
from vlmeval.models.presets import Preset, find_preset
from vlmeval.models.reply import read_reply
from vlmeval.models.transport import Transport
from vlmeval.types import Failure, Output, Request, Sampling

AZURE_VERSION = "2024-10-21"
_SETTINGS = ("temperature", "top_p", "top_k", "max_tokens", "seed")


class OpenAIOptions(Struct, frozen=True):
    """What --model-args may say of an `openai:` model.

    Part of the recipe: `preset`, `detail`, the limits on images (`max_base64` counts the base64 text), settings that go
    before the task's (`temperature` .. `seed`), `omit` (settings not to send, "temperature+seed"), `max_tokens_name`,
    `extra_body` (a JSON object of further fields). The rest is how to reach it; `key_variable` names the environment
    variable of the key, `timeout` is the seconds without a byte after which a call is given up.
    """

    preset: str = ""
    base_url: str = ""
    api_version: str = ""
    key_variable: str = ""
    concurrency: Annotated[int, Meta(ge=1)] = 32
    timeout: Annotated[float, Meta(gt=0)] = 300.0
    detail: Literal["low", "high", "auto"] | None = None
    max_pixels: Annotated[int, Meta(ge=1)] | None = None
    max_side: Annotated[int, Meta(ge=1)] | None = None
    max_base64: Annotated[int, Meta(ge=4096)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    seed: int | None = None
    omit: str = ""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] | None = None
    extra_body: str = ""


class OpenAIModel:
    """One model of one server; `generate` may be called from many threads at once."""

    batch = 1

    def __init__(self, model: str, options: OpenAIOptions) -> None:
        preset_name = options.preset or ("compatible" if options.base_url else "openai")
        preset = find_preset(preset_name)
        self.name = slug(model)
        self.concurrency = options.concurrency
        self._options = options
        self._preset_name = preset_name
        self._preset = preset
        self._model = model
        self._overrides = {name: value for name in _SETTINGS if (value := getattr(options, name)) is not None}
        self._omitted = sorted({*preset.omits, *_omitted(options.omit)})
        self._extra = _extra_body(options.extra_body)
        self._urls = DataUrls(
            ImageLimits(
                pixels=options.max_pixels or 0,
                side=options.max_side or preset.max_side,
                base64=options.max_base64 or preset.max_base64,
            )
        )
        names = {name: name for name in Sampling.__struct_fields__ if name not in self._omitted}
        if "max_tokens" in names:
            names["max_tokens"] = options.max_tokens_name or preset.max_tokens_name
        self._names = names
        self._payload = Payload(
            model, self._urls, names=names, overrides=self._overrides, detail=options.detail, extra=self._extra
        )
        headers, secrets = _credentials(preset_name, preset, options.key_variable)
        url = endpoint(preset_name, options.base_url or preset.base_url, model, options.api_version or AZURE_VERSION)
        self._headers, self._secrets = headers, secrets
        self._transport = Transport(url, headers, timeout=options.timeout, secrets=secrets)

    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        """Return one outcome per request, asked one after the other. Raises RetryableError or RejectedError."""
        return [self._ask(request) for request in requests]

    @property
    def address(self) -> str:
        """The address of chat completions."""
        return self._transport.url

    def beside(self, path: str) -> Transport:
        """Return the way to another address of the same server, such as "/files"."""
        url = self.address.removesuffix("/chat/completions") + path
        return Transport(url, self._headers, timeout=self._options.timeout, secrets=self._secrets)

    def pieces(self, request: Request) -> list[bytes]:
        """Return the body that a request is sent with, in pieces. Raises RejectedError, DataError."""
        return self._payload.pieces(request)

    def read(self, status: int, data: bytes, *, seconds: float | None = None) -> Output | Failure:
        """Return what a reply says, whichever way it came. Raises like `generate`."""
        if not 200 <= status < 300:
            raise self._transport.error(status, {}, data)
        return read_reply(
            data,
            seconds=seconds,
            redact=self._transport.redact,
            empty_means_refused=self._preset.empty_means_refused,
        )

    def _ask(self, request: Request) -> Output | Failure:
        body = self.pieces(request)
        started = time.perf_counter()
        data = self._transport.post(body)
        return self.read(200, data, seconds=round(time.perf_counter() - started, 6))

    def recipe(self) -> dict[str, Any]:
        """Return what defines the answers. `sampling` holds the model's own settings; the task's are the task's."""
        limits = self._urls.limits
        return {
            "wrapper": "openai",
            "model": self._model,
            "preset": self._preset_name,
            "api_version": (self._options.api_version or AZURE_VERSION) if self._preset_name == "azure" else "",
            "sampling": self._overrides,
            "not_sent": self._omitted,
            "max_tokens_name": self._names.get("max_tokens", ""),
            "detail": self._options.detail,
            "images": f"original bytes ({', '.join(SENT_FORMATS)}), others as PNG",
            "max_pixels": limits.pixels,
            "max_side": limits.side,
            "max_base64": limits.base64,
            "extra_body": self._extra,
        }

    def conditions(self) -> dict[str, Any]:
        """Return how the server was reached, and how many images were not sent as they are."""
        return {
            "url": self._transport.url,
            "concurrency": self.concurrency,
            "timeout": self._options.timeout,
            "images_encoded": self._urls.encoded,
            "images_converted": self._urls.converted,
            "images_resized": self._urls.resized,
        }

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def open_openai(target: str, options: Mapping[str, Scalar]) -> OpenAIModel:
    """Return the model `target` of the server that the options name. Raises ConfigError before anything is sent."""
    if not target:
        raise ConfigError("openai: needs the name of a model, such as openai:gpt-4o-2024-11-20")
    return OpenAIModel(target, read_options(options, OpenAIOptions, where=f"openai:{target}"))


def endpoint(preset: str, base_url: str, model: str, api_version: str) -> str:
    """Return the address of chat completions behind `base_url`. Raises ConfigError for what is no base URL.

    A bare http://host:port gets /v1, where all local servers have it; the full address of the end point is taken too.
    """
    if not base_url:
        raise ConfigError(f'preset "{preset}" has no address of its own; give --base-url https://NAME.openai.azure.com')
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f'--base-url "{base_url}": expected something like http://127.0.0.1:8000/v1')
    if parts.username or parts.password or parts.query or parts.fragment:
        shown = f"{parts.scheme}://{parts.hostname}"
        raise ConfigError(f"--base-url {shown}...: no user, key or query belongs in it; keys come from the environment")
    root = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    if preset == "azure" and not path.endswith("/v1"):
        deployment = f"{path.removesuffix('/openai')}/openai/deployments/{quote(model, safe='')}"
        return f"{root}{deployment}/chat/completions?api-version={quote(api_version, safe='')}"
    return f"{root}{path or '/v1'}/chat/completions"


def _credentials(preset_name: str, preset: Preset, variable: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the header that carries the key, and the key. Raises ConfigError where a needed key is not set."""
    variable = variable or preset.key
    key = os.environ.get(variable, "").strip()
    if not key:
        if preset.key_needed:
            raise ConfigError(f'preset "{preset_name}" needs a key: set the environment variable {variable}')
        return {}, ()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(f"{variable}: the key has characters that no header may have; was it copied whole?")
    return {preset.key_header: f"Bearer {key}" if preset.key_header == "Authorization" else key}, (key,)


def bearer(variable: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the header with the key in the environment variable, and the key; nothing where it is not set."""
    return _credentials("compatible", find_preset("compatible"), variable)


def _omitted(text: str) -> list[str]:
    """Return the names in "temperature+seed". Raises ConfigError for one that is no setting."""
    names = re.findall(r"\w+", text)
    check_names(names, Sampling.__struct_fields__, where="option omit")
    return names


def _extra_body(text: str) -> dict[str, Any]:
    """Return the JSON object that `text` spells; {} for "". Raises ConfigError for what is none or must not be set."""
    if not text:
        return {}
    try:
        extra = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ConfigError(f"option extra_body: expected a JSON object, not {text}: {error}") from error
    for name in ("model", "messages", "n", "stream", *_SETTINGS):
        if name in extra:
            raise ConfigError(f'option extra_body: "{name}" is not set here; settings have options of their own')
    return extra
