"""Answers that say which model wrote them. They are marked, so that they can be left out; never changed.

Two lists: names that mean nothing else, and names that are also words or people ("Claude Monet", "Gemini" the
constellation), which count where the answer speaks of itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

DISTINCT = (
    r"chat[\s-]?gpt", r"gpt-?[345][a-z0-9.-]*", r"openai", r"anthropic", r"deepmind", r"qwen[\w.-]*",
    r"internvl[\w.-]*", r"internlm[\w.-]*", r"llava[\w.-]*", r"deepseek[\w.-]*", r"minicpm[\w.-]*", r"cogvlm\w*",
    r"chatglm\w*", r"glm-\d[\w.-]*", r"pixtral\w*", r"mixtral\w*", r"mistral ai", r"paligemma\w*", r"instructblip",
    r"idefics\w*", r"smolvlm\w*", r"tongyi", r"doubao", r"hunyuan", r"zhipu", r"openbmb", r"moonshot ai",
)  # fmt: skip
CHINESE = ("通义千问", "文心一言", "豆包", "混元", "书生", "智谱", "阿里云")
AMBIGUOUS = (
    r"claude", r"gemini", r"bard", r"llama", r"gemma", r"grok", r"kimi", r"ernie", r"molmo", r"mistral", r"nova",
    r"phi", r"yi", r"google", r"meta(?: ai)?", r"microsoft", r"alibaba", r"amazon", r"baidu", r"tencent", r"xai",
    r"bytedance", r"apple", r"nvidia", r"hugging ?face", r"cohere", r"copilot", r"gpt",
)  # fmt: skip
_DISTINCT = re.compile(rf"(?<!\w)(?:{'|'.join(DISTINCT)})(?!\w)|{'|'.join(CHINESE)}", re.IGNORECASE)
_AMBIGUOUS = re.compile(
    rf"\b(?:i am|i'm|i’m|my name is)\s+(?:an? )?(?P<name>{'|'.join(AMBIGUOUS)})\b"
    rf"|\b(?:assistant|model|ai|chatbot)\b[^.\n]{{0,40}}\b(?:trained|developed|created|made|built)\s+by\s+"
    rf"(?P<maker>{'|'.join(AMBIGUOUS)})\b"
    rf"|\bi(?: am|'m|’m| was)\b[^.\n]{{0,60}}\b(?:trained|developed|created|made|built)\s+by\s+"
    rf"(?P<parent>{'|'.join(AMBIGUOUS)})\b",
    re.IGNORECASE,
)
SHORTEST = 4


def own_names(models: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds the study's models by name, however their parts are joined; None where no name is telling.

    A name counts whole and without the folder before it ("Qwen/Qwen2-VL-7B" as "qwen2 vl 7b"); one of less than four
    letters and digits ("A", "m1") would be found everywhere.
    """
    spelled = set()
    for model in models:
        parts = re.findall(r"[^\W_]+", model.rsplit("/", 1)[-1])
        if len("".join(parts)) >= SHORTEST:
            spelled.add(r"[\W_]*".join(map(re.escape, parts)))
    ordered = sorted(spelled, key=lambda one: (-len(one), one))
    return re.compile(rf"(?<!\w)(?:{'|'.join(ordered)})(?!\w)", re.IGNORECASE) if ordered else None


def named(answer: str, models: re.Pattern[str] | None) -> str:
    """Return the words by which an answer names a model, "" where it names none."""
    for pattern in (models, _DISTINCT, _AMBIGUOUS):
        found = pattern.search(answer) if pattern is not None else None
        if found is not None:
            return found[0]
    return ""
