"""What each request is answered with: limits first, then the fault that is drawn, then a completion."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType
from typing import NamedTuple, TextIO

from pydantic import ValidationError
from pydantic_core import to_json

from curation.scene_graph import questions, traces
from curation.simulator.answers import ChatRequest, Prompt, compose, prompt_tokens, read_prompt, render, text_tokens
from curation.simulator.judging import decide, read_case
from curation.simulator.settings import Settings
from curation.simulator.sight import caption, describe, habits_for, look
from schemas.digest import digest_bytes
from schemas.trace import Stage

FINGERPRINT = "simulator-1"
"""system_fingerprint of every completion; traces made from them are marked as simulated by it."""

_TOKENS_PER_MINUTE = 30_000_000
_PAGE = b"<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"


class Call(NamedTuple):
    """One request to the endpoint for chat completions."""

    body: bytes
    authorization: str = ""
    client_request_id: str | None = None


class Reply(NamedTuple):
    """What the simulator says to a request; `delay` in seconds, `hangs_up` for no answer at all."""

    status: int
    outcome: str
    """`ok`, the name of a fault, or why the request was turned away."""
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    content_type: str = "application/json"
    usage: tuple[int, int] | None = None
    """Tokens of the prompt and of the completion; None where nothing was produced, and nothing is billed."""
    delay: float = 0.0
    hangs_up: bool = False


@dataclass
class Counts:
    """What a simulator has done so far."""

    requests: int = 0
    billed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    peak: int = 0
    """The most requests that were in work at once."""
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, reply: Reply) -> None:
        """Count a reply."""
        self.requests += 1
        self.outcomes[reply.outcome] += 1
        if reply.usage:
            self.billed += 1
            self.prompt_tokens += reply.usage[0]
            self.completion_tokens += reply.usage[1]


class Bucket:
    """A token bucket that holds a minute's requests and begins full."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._level = float(per_minute)
        self._at = clock()

    def take(self) -> float:
        """Take one request out. Return the seconds until there is one, 0 where there was."""
        now = self._clock()
        self._level = min(self.per_minute, self._level + (now - self._at) * self.per_minute / 60)
        self._at = now
        if self._level < 1 - 1e-9:
            return (1 - self._level) * 60 / self.per_minute
        self._level -= 1
        return 0.0

    def headers(self) -> dict[str, str]:
        """Return the x-ratelimit headers."""
        full = (self.per_minute - self._level) * 60 / self.per_minute
        return _limit_headers(self.per_minute, int(self._level), full)


def _limit_headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    """Return OpenAI's rate limit headers; tokens are never what runs out here."""
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": as_duration(reset),
        "x-ratelimit-limit-tokens": str(_TOKENS_PER_MINUTE),
        "x-ratelimit-remaining-tokens": str(_TOKENS_PER_MINUTE),
        "x-ratelimit-reset-tokens": as_duration(0),
    }


def as_duration(seconds: float) -> str:
    """Write seconds as OpenAI's headers do: 120ms, 1s, 8.64s, 6m0s, 1h0m0s."""
    millis = math.ceil(round(seconds * 1000, 6))
    if 0 < millis < 1000:
        return f"{millis}ms"
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    prefix = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{prefix}{rest / 1000:g}s"


def error_reply(
    status: int,
    outcome: str,
    message: str,
    kind: str = "invalid_request_error",
    *,
    param: str | None = None,
    code: str | None = None,
) -> Reply:
    """Return a reply with OpenAI's error body."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return Reply(status, outcome, to_json({"error": error}))


def _too_many(outcome: str, wait: float, headers: dict[str, str]) -> Reply:
    # Rounded up: a client that waits exactly as long as it was told must get in.
    after = math.ceil(round(wait * 1000, 6)) / 1000
    message = f"Rate limit reached on requests per min (RPM). Please try again in {as_duration(after)}."
    reply = error_reply(429, outcome, message, "requests", code="rate_limit_exceeded")
    return reply._replace(headers={"Retry-After": str(after), **headers})


def _invalid(error: ValidationError) -> Reply:
    """Say what is wrong with a request, without quoting it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    param = ".".join(map(str, first["loc"])) or "body"
    if first["type"] == "json_invalid":
        return error_reply(400, "malformed", "We could not parse the JSON body of your request.")
    if first["type"] == "missing":
        message, code = f"Missing required parameter: '{param}'.", "missing_required_parameter"
    else:
        message, code = f"Invalid value for '{param}': {first['msg']}.", "invalid_value"
    return error_reply(400, "malformed", message, param=param, code=code)


class _Draft(NamedTuple):
    """A completion in the making."""

    digest: str
    occurrence: int
    model: str
    prompt_tokens: int
    content: str | None
    finish: str = "stop"
    refusal: str | None = None

    @property
    def usage(self) -> tuple[int, int]:
        return self.prompt_tokens, text_tokens(self.content or self.refusal or "")

    def body(self) -> bytes:
        message: dict[str, object] = {
            "role": "assistant",
            "content": self.content,
            "refusal": self.refusal,
            "annotations": [],
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish}
        prompt, completion = self.usage
        details = {"cached_tokens": 0, "audio_tokens": 0}
        tokens = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        return to_json(
            {
                "id": f"chatcmpl-{self.digest[7:29]}{self.occurrence:02x}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": f"{self.model}-simulated",
                "choices": [choice],
                "usage": tokens | {"prompt_tokens_details": details},
                "service_tier": "default",
                "system_fingerprint": FINGERPRINT,
            }
        )


def _spoil(draft: _Draft, kind: str | None, rng: Random) -> _Draft:
    """Do the faults that change how a completion ends."""
    text = draft.content or ""
    part = text[: int(len(text) * rng.uniform(0.2, 0.8))]
    match kind:
        case "null_content":
            return draft._replace(content=None)
        case "refusal":
            return draft._replace(content=None, refusal="I'm sorry, I can't assist with that.")
        case "cut_off":
            return draft._replace(content=part, finish="length")
        case "filtered":
            return draft._replace(content=rng.choice((None, part)), finish="content_filter")
    return draft


def _shorten(draft: _Draft, limit: int | None) -> _Draft:
    """Hold a completion to the tokens that the request allows."""
    if limit is None or draft.content is None or draft.usage[1] <= limit:
        return draft
    return draft._replace(content=draft.content[: limit * 4], finish="length")


class Simulator:
    """An endpoint without its server.

    Which fault a request gets, and its text, depend on the seed, the digest of its body, and how many times
    that body came through before; what was turned away for its key or for a limit doesn't count as through.
    """

    def __init__(
        self, settings: Settings, log: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self.counts = Counts()
        self._log = log
        self._clock = clock
        self._bucket = Bucket(settings.rpm, clock) if settings.rpm else None
        self._seen: Counter[str] = Counter()
        self._first: float | None = None

    def reply(self, call: Call) -> Reply:
        """Decide what the request gets. It is in the log, on its way to the disk, when this returns."""
        digest = digest_bytes(call.body)
        occurrence = self._seen[digest]
        reply = self.refuse(call.authorization) or self._limit()
        if reply is None:
            self._seen[digest] += 1
            reply = self._attend(call.body, digest, occurrence)
        self.record(reply, digest, occurrence, call.client_request_id)
        limits = self._bucket.headers() if self._bucket else {}
        identity = {"x-request-id": f"req_{digest[7:31]}{self.counts.requests:08x}"}
        return reply._replace(headers={**identity, **limits, **reply.headers})

    def refuse(self, authorization: str) -> Reply | None:
        """Return the answer that every path gets: a web page, or 401 for a wrong key."""
        if self.settings.html:
            return Reply(200, "html", _PAGE, content_type="text/html")
        if self.settings.api_key is None or authorization == f"Bearer {self.settings.api_key}":
            return None
        return error_reply(401, "unauthorized", "Incorrect API key provided.", code="invalid_api_key")

    def record(self, reply: Reply, digest: str, occurrence: int, client_request_id: str | None) -> None:
        """Count the reply and write its log line."""
        self.counts.add(reply)
        if self._log is None:
            return
        line = {
            "time": datetime.now(UTC).isoformat(),
            "request": digest,
            "client_request_id": client_request_id,
            "occurrence": occurrence,
            "status": reply.status,
            "outcome": reply.outcome,
            "billed": reply.usage is not None,
        }
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()

    def _limit(self) -> Reply | None:
        """Return 429 in a storm or above the requests per minute."""
        now = self._clock()
        self._first = now if self._first is None else self._first
        for storm in self.settings.storms:
            left = storm.start + storm.duration - (now - self._first)
            if 0 < left <= storm.duration:
                return _too_many("storm", left, _limit_headers(self.settings.rpm or 500, 0, left))
        if self._bucket and (wait := self._bucket.take()):
            return _too_many("rpm", wait, {})
        return None

    def _attend(self, body: bytes, digest: str, occurrence: int) -> Reply:
        """Read the request, and answer it or do the fault that is drawn."""
        try:
            request = ChatRequest.model_validate_json(body)
        except ValidationError as error:
            return _invalid(error)
        if request.stream:
            return error_reply(400, "malformed", "Streaming is not supported here.", param="stream")
        if request.format == "json_schema" and not self.settings.schemas:
            message = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
            return error_reply(400, "no_schemas", message, param="response_format")
        rng = Random(f"{self.settings.seed}:{digest}:{occurrence}")  # noqa: S311 - draws, not secrets
        kind = self.settings.faults.draw(rng.random())
        return self._decline(kind, rng) or self._complete(request, digest, occurrence, kind, rng)

    def _decline(self, kind: str | None, rng: Random) -> Reply | None:
        """Return the answer of a fault that comes before any completion."""
        match kind:
            case "rate_limit":
                wait = self.settings.retry_after
                return _too_many(kind, wait, _limit_headers(self.settings.rpm or 500, 0, wait))
            case "server_error":
                message = "The server had an error while processing your request. Sorry about that!"
                return error_reply(rng.choice((500, 502, 503)), kind, message, "server_error")
            case "bad_request":
                message = "Your request was rejected as a result of our safety system."
                return error_reply(400, kind, message, code="content_policy_violation")
        return None

    def _complete(self, request: ChatRequest, digest: str, occurrence: int, kind: str | None, rng: Random) -> Reply:
        text = self._text(request, kind, rng)
        draft = _Draft(digest, occurrence, request.model, prompt_tokens(request), text)
        draft = _shorten(_spoil(draft, kind, rng), request.limit)
        body = draft.body()
        delay = max(0.0, self.settings.latency + rng.uniform(-1, 1) * self.settings.jitter)
        return Reply(
            200,
            kind or "ok",
            body[: len(body) // 2] if kind == "torn" else body,
            usage=draft.usage,
            delay=delay + (self.settings.slow_seconds if kind == "slow" else 0),
            hangs_up=kind == "drop",
        )

    def _text(self, request: ChatRequest, kind: str | None, rng: Random) -> str:
        """Write a verdict where one is asked for, else the stages."""
        if case := read_case(request):
            return decide(case, rng, kind, self.settings.misjudges)
        as_json = request.format in ("json_schema", "json_object")
        return render(self._stages(request, kind, rng), rng, kind, as_json=as_json)

    def _stages(self, request: ChatRequest, kind: str | None, rng: Random) -> dict[Stage, str]:
        """Write the stages that are asked for."""
        prompt = read_prompt(request)
        stages = self._all_stages(prompt, kind, rng)
        return {stage: stages[stage] for stage in prompt.wanted}

    def _all_stages(self, prompt: Prompt, kind: str | None, rng: Random) -> dict[Stage, str]:
        """Say what is seen where the image is a scene that is asked about, and what could be there elsewhere."""
        question = questions.parse(prompt.question)
        captioning = prompt.wanted == (Stage.CAPTION,) and not prompt.standard
        if prompt.scene is None or (question is None and not captioning):
            return compose(prompt, rng, kind)
        heeds = prompt.finding is not None and rng.random() < self.settings.heeds
        habits = frozenset[str]() if heeds else habits_for(prompt.scene, self.settings.habits, self.settings.seed)
        if question is None:
            return {Stage.CAPTION: caption(prompt.scene.rows, rng, kind, habits)}
        told = traces.parse_caption(prompt.caption) if prompt.caption and not heeds else None
        seen = look(told, question, habits & {"miscount"}) if told else look(prompt.scene.rows, question, habits)
        return describe(seen, question, rng, kind)
