"""How each provider of the OpenAI protocol differs: address, key, names of settings, limits on images.

Sources: platform.openai.com API reference (`max_completion_tokens`); docs.anthropic.com "OpenAI SDK compatibility"
(`seed` is ignored) and its vision page (8000 px a side; the 5 MB are counted on the base64 text); ai.google.dev "OpenAI
compatibility" (an unknown field such as `seed` is a 400); learn.microsoft.com Azure OpenAI REST reference.
"""

from __future__ import annotations

from msgspec import Struct

from vlmeval.errors import ConfigError
from vlmeval.registry import did_you_mean


class Preset(Struct, frozen=True):
    """One provider. `omits` names sampling settings that it does not take: they are not sent, and recorded so.

    `key` is the environment variable of the key; a local server needs none. `max_base64` bounds an image's base64 text,
    `max_side` its sides; 0 means no limit. `empty_means_refused`: no choices at all is how it reports a blocked prompt.
    """

    base_url: str = ""
    key: str = "OPENAI_API_KEY"
    key_needed: bool = True
    key_header: str = "Authorization"
    max_tokens_name: str = "max_tokens"
    omits: tuple[str, ...] = ()
    max_side: int = 0
    max_base64: int = 0
    empty_means_refused: bool = False


PRESETS = {
    "openai": Preset("https://api.openai.com/v1", max_tokens_name="max_completion_tokens", omits=("top_k",)),
    "azure": Preset(key="AZURE_OPENAI_API_KEY", key_header="api-key", omits=("top_k",)),
    "gemini": Preset(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        omits=("seed", "top_k"),
        empty_means_refused=True,
    ),
    "anthropic": Preset(
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        omits=("seed", "top_k"),
        max_side=8000,
        max_base64=5 * 1024 * 1024,
    ),
    "openrouter": Preset("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "vllm": Preset("http://127.0.0.1:8000/v1", "VLLM_API_KEY", key_needed=False),
    "sglang": Preset("http://127.0.0.1:30000/v1", "SGLANG_API_KEY", key_needed=False),
    "lmdeploy": Preset("http://127.0.0.1:23333/v1", "LMDEPLOY_API_KEY", key_needed=False),
    "ollama": Preset("http://127.0.0.1:11434/v1", "OLLAMA_API_KEY", key_needed=False, omits=("top_k",)),
    "compatible": Preset(key_needed=False),
}
"""`compatible` is any server behind --base-url: the plain protocol, and a key only where OPENAI_API_KEY is set."""


def find_preset(name: str) -> Preset:
    """Return the preset. Raises ConfigError with the nearest name for an unknown one."""
    if name not in PRESETS:
        hint = did_you_mean(name, PRESETS) or f"; known: {', '.join(sorted(PRESETS))}"
        raise ConfigError(f'unknown preset "{name}"{hint}')
    return PRESETS[name]
