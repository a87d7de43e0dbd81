"""From a prompt to the canonical request, its key, and the bytes that go over the wire."""

from typing import Any, Literal, NamedTuple

from curation.calls.vision import Pictures
from curation.images import LoadedImage
from schemas.digest import canonical_json, digest_bytes

AnswerForm = Literal["schema", "tags"]
"""Whether the answer is asked for as a JSON object of a given schema or as tagged text."""
_REASONING = ("o1", "o3", "o4", "gpt-5")


class Prompt(NamedTuple):
    """What a recipe asks. The images stand before the user's text, in their order."""

    system: str
    user: str
    images: tuple[LoadedImage, ...] = ()
    schema: dict[str, Any] | None = None
    """JSON schema of the answer, with its name under `title`; None for free text."""
    sample: int | None = None
    """The number of an answer that is drawn at random, one of several to the same words: its seed, at temperature 1.

    Reasoning models take no other temperature, and some compatible servers have one of their own near 0.
    """
    shared: bool = False
    """The answer serves several turns, and one that is asked for again: it is paid for once."""
    temperature: int | None = None
    """0 for the likeliest words, None for what the endpoint does by itself; reasoning models are not told, as they
    refuse it. Not with `sample`, which has a temperature of its own."""


class Model(NamedTuple):
    """The model that is asked, and how."""

    name: str
    max_tokens: int = 2048
    """The most tokens that an answer may have."""


class Request(NamedTuple):
    """A canonical request. Images stand in it by digest; `size` estimates its prompt tokens."""

    canonical: bytes
    images: tuple[LoadedImage, ...]
    size: int

    def key(self, endpoint: str, attempt: int) -> str:
        """Return the digest under which the answer is kept."""
        return digest_bytes(b"\n".join((endpoint.encode(), str(attempt).encode(), self.canonical)))

    def body(self, pictures: Pictures) -> bytes:
        """Return the bytes to send: the canonical JSON with each image's data URL in the place of its digest."""
        parts: list[bytes] = []
        rest = self.canonical
        for image in self.images:
            # Inside a JSON string every quote is escaped, so this can only be the image's own place.
            before, _, rest = rest.partition(b'"url":"' + image.ref.digest.encode() + b'"')
            parts += before, b'"url":"', pictures.url(image), b'"'
        return b"".join((*parts, rest))


def build(prompt: Prompt, model: Model, pictures: Pictures) -> Request:
    """Make the canonical request of a prompt."""
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": image.ref.digest, "detail": "high"}} for image in prompt.images
    ]
    content.append({"type": "text", "text": prompt.user})
    request: dict[str, Any] = {
        "model": model.name,
        "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": content}],
        _limit_name(model.name): model.max_tokens,
    }
    if prompt.sample is not None:
        request |= {"seed": prompt.sample, "temperature": 1}
    elif prompt.temperature is not None and not model.name.startswith(_REASONING):
        request["temperature"] = prompt.temperature
    if prompt.schema is not None:
        schema = {"name": prompt.schema["title"], "strict": True, "schema": prompt.schema}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    canonical = canonical_json(request)
    size = len(canonical) // 4 + sum(pictures.tokens(image) for image in prompt.images)
    return Request(canonical, prompt.images, size)


def _limit_name(model: str) -> str:
    """Reasoning models refuse the older name of the limit, many compatible servers know only that one."""
    return "max_completion_tokens" if model.startswith(_REASONING) else "max_tokens"
