"""What a chat completion's body says, read once and by the few fields that matter."""

import json
import re
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from schemas.call import Outcome, Usage

_UNSTORABLE = re.compile("[\ud800-\udfff\0]")


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Completion(BaseModel):
    """The few fields of a chat completion that are read."""

    choices: list[_Choice]
    model: str = ""
    usage: _Usage | None = None
    system_fingerprint: str | None = None


class Answer(NamedTuple):
    """A completion, read. `text` is empty where `outcome` is not ANSWERED."""

    outcome: Outcome
    reason: str
    text: str
    model: str
    usage: Usage
    simulated: bool


def read(raw: str) -> Answer:
    """Read a chat completion's body. Raises ValueError where it is none."""
    try:
        completion = _load(raw)
        choice = completion.choices[0]
    except (ValueError, IndexError, RecursionError) as error:
        raise ValueError(f"not a chat completion: {raw[:80]!r}") from error
    text = choice.message.content or ""
    text = text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("\ufffd", text)
    outcome, reason = _outcome(choice, text)
    simulated = (completion.system_fingerprint or "").startswith("simulator")
    return Answer(outcome, reason, text, completion.model, _usage(completion.usage), simulated)


def _load(raw: str) -> _Completion:
    try:
        return _Completion.model_validate_json(raw)
    except ValidationError:
        # Half a surrogate pair, which Python's own parser lets through, is no reason to pay for another answer.
        repaired = json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "replace")
        return _Completion.model_validate_json(repaired)


def _outcome(choice: _Choice, text: str) -> tuple[Outcome, str]:
    if choice.message.refusal:
        return Outcome.REFUSED, choice.message.refusal[:300]
    if choice.finish_reason == "content_filter":
        return Outcome.FILTERED, "the provider's content filter withheld the answer"
    if choice.finish_reason == "length":
        return Outcome.CUT_OFF, f"the answer was cut off at the token limit, after {text[-80:]!r}"
    if not text.strip():
        return Outcome.EMPTY, "the answer has no content"
    return Outcome.ANSWERED, ""


def _usage(usage: _Usage | None) -> Usage:
    if usage is None:
        return Usage()
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None
    return Usage(
        prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, cached_tokens=cached or 0
    )
