"""`vlmeval models`: the names that `--model` takes."""

from __future__ import annotations

from pathlib import Path

from vlmeval.cli.browse import browser, table_lines
from vlmeval.errors import ConfigError
from vlmeval.jsonio import encode
from vlmeval.models.aliases import find_alias, list_aliases, spellings
from vlmeval.registry import did_you_mean

SCHEMES = (
    ("demo, demo-small", "tiny models that come with vlmeval; no download"),
    ("hf:ORG/NAME", "a checkpoint of the hub or a folder, through transformers"),
    ("vllm:ORG/NAME", "a checkpoint through vLLM's offline engine, on GPUs (pip install 'vlmeval[vllm]')"),
    ("openai:NAME", "any OpenAI-compatible server (--base-url), or a provider's preset"),
    ("clip:ORG/NAME", "a dual encoder, for retrieval"),
    ("replay:FILE", "answers from a run folder, JSONL, CSV, TSV or VLMEvalKit's .xlsx"),
    ("my.py:MyModel", "your own class: generate(requests) -> list of texts"),
)


def entries(roots: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Return the schemes, then the aliases with what they stand for."""
    return [*SCHEMES, *((alias.name, alias.target) for alias in list_aliases())]


def card(name: str, roots: tuple[Path, ...]) -> str:
    """Return what an alias stands for and the settings it carries."""
    alias = find_alias(name)
    if alias is None:
        schemes = [
            f"{scheme}: {text}"
            for scheme, text in SCHEMES
            if name.partition(":")[0] in scheme.partition(":")[0].split(", ")
        ]
        if schemes:
            return "\n".join(schemes)
        raise ConfigError(f'unknown model "{name}"{did_you_mean(name, spellings())}; `vlmeval models` lists the names')
    rows = [
        ("model", alias.name),
        ("target", alias.target),
        ("also", ", ".join(alias.also)),
        ("settings", encode(alias.options).decode() if alias.options else ""),
        ("published with", alias.published),
        ("licence", alias.licence),
        ("gated", "yes: accept its licence on the hub and set HF_TOKEN" if alias.gated else ""),
        ("remote code", "yes: runs only with --model-args trust_remote_code=true" if alias.remote_code else ""),
        *(("note", note) for note in alias.notes),
    ]
    return "\n".join(table_lines(rows))


command = browser("model", summary="List, search and show model names.", entries=entries, card=card)
