"""The body of a chat completion as an outcome. What is not an answer is never made one.

    finish_reason content_filter, SAFETY, ...  or a `refusal`     Failure "refused"
    content null                                                   RetryableError: null is not text
    content null, finish_reason length                             Output "", length: the budget went into thinking
    content ""                                                     Output "" (the model said nothing)
    half a body, another shape                                     RetryableError

`reasoning_content` and `reasoning` (thinking that a server has taken out of the reply) are not part of the text.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from vlmeval.errors import ModelError, RetryableError
from vlmeval.models.transport import read_error, rejection
from vlmeval.types import Failure, Finish, Output

_FINISH: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "filter",
    # Gemini passes its own names through its compatible endpoint.
    "safety": "filter",
    "recitation": "filter",
    "blocklist": "filter",
    "prohibited_content": "filter",
    "spii": "filter",
    "image_safety": "filter",
    "refusal": "filter",
}
_EXCERPT = 300


class _Part(Struct):
    type: str = "text"
    text: str | None = None


class _Message(Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw()


_DECODER = msgspec.json.Decoder(_Completion)
SNIPPET_BYTES = 80


def read_reply(
    data: bytes, *, seconds: float | None, redact: Callable[[str], str], empty_means_refused: bool = False
) -> Output | Failure:
    """Return what the body of a reply with status 200 says, as the table above. `seconds`: how long it took, if known.

    `redact` takes the key out of all that is kept: a server that echoes it must not put it on disk.
    """
    try:
        completion = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        start = redact(data[:SNIPPET_BYTES].decode("utf8", "replace"))
        hint = "; is this the --base-url of a chat API?" if data.lstrip()[:1] == b"<" else ""
        raise RetryableError(f"the reply is cut off or not a chat completion: {error}: {start!r}{hint}") from error
    if not completion.choices:
        if bytes(completion.error) not in (b"", b"null"):
            raise _error(data, redact)
        if empty_means_refused:
            return Failure("refused", "the provider blocked the prompt: the reply has no choices")
        raise RetryableError("the reply has no choices")
    choice = completion.choices[0]
    if choice.message.refusal:
        return Failure("refused", f"the model refused: {redact(choice.message.refusal)[:_EXCERPT]}")
    reason = (choice.finish_reason or "stop").lower()
    finish = _FINISH.get(reason, "stop")
    if finish == "filter":
        return Failure("refused", f"the provider stopped the reply: finish_reason {choice.finish_reason}")
    text = _text(choice.message.content)
    if reason == "error" or (text is None and finish != "length"):
        raise RetryableError(f"the reply has no text: content null, finish_reason {choice.finish_reason}")
    usage = completion.usage or _Usage()
    return Output(redact(text or ""), finish, usage.prompt_tokens, usage.completion_tokens, seconds)


def _text(content: str | list[_Part] | None) -> str | None:
    if not isinstance(content, list):
        return content
    texts = [part.text for part in content if part.type == "text" and part.text is not None]
    return "".join(texts) if texts else None


def _error(data: bytes, redact: Callable[[str], str]) -> ModelError:
    """Return what an error within a reply of status 200 means (OpenRouter passes a provider's on like this)."""
    body = read_error(data)
    message = f"the server reports an error: {redact(body.message)[:_EXCERPT]}"
    status = next((int(code) for code in body.code.split() if code.isdecimal()), 0)
    if status == 429:
        return RetryableError(message, kind="rate_limit")
    if 400 <= status < 500 and status != 408:
        return rejection(message, f"{body.code} {body.message}", status=status)
    return RetryableError(message)
