"""One request over the wire, by the openai client.

That client takes most of a second to import: who asks nothing doesn't import this module.
"""

from collections.abc import Iterator, Mapping

import aiohttp
import openai

from curation.calls.answer import read
from curation.calls.failures import Rejected, Reply, Transient, Unreachable
from curation.errors import CurationError, MissingError, StoppedError

_PATH = "/chat/completions"
_OVERLOAD = frozenset({429, 503, 529})
_FINAL_FOR_ROW = frozenset({400, 413, 415, 422})


class Client:
    """Sends ready-made bodies through the openai client, which adds authentication and headers.

    Its own retries are off: they would be hidden from limits and ledger.
    """

    def __init__(self, base_url: str, api_key: str, timeout: float) -> None:
        self.base_url = base_url
        self._key = api_key
        self._openai = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAioHttpClient(timeout=timeout),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._openai.close()

    async def send(self, body: bytes, key: str) -> Reply:
        """Send one chat completion. Raises Rejected, Transient, or a CurationError that ends the run."""
        try:
            answer = await self._openai.post(
                _PATH,
                content=body,
                cast_to=openai.HttpxBinaryResponseContent,
                options={"headers": {"Content-Type": "application/json", "X-Client-Request-Id": key}},
            )
        except openai.APIConnectionError as error:
            raise self._disconnected(error) from error
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        return self._received(self._clean(answer.text), answer.response.headers)

    def _clean(self, text: str) -> str:
        """Take out what may not be kept: the key, if the endpoint repeats it, and what no database stores."""
        return text.replace(self._key, "[key]").replace("\0", "\ufffd")

    def _received(self, text: str, headers: Mapping[str, str]) -> Reply:
        if "html" in headers.get("content-type", ""):
            raise self._wrong_place(f"it answers HTML ({' '.join(text[:60].split())!r})")
        try:
            return Reply(text, read(text), headers)
        except ValueError as error:
            raise Transient(str(error), billed=True) from error

    def _disconnected(self, error: openai.APIConnectionError) -> Transient:
        causes = list(_causes(error))
        reason = f"{type(causes[-1]).__name__}: {causes[-1]}".removesuffix(": ")
        if any(isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) for cause in causes):
            return Unreachable(reason, billed=False)
        return Transient(f"the connection was lost ({reason})", billed=True)

    def _wrong_place(self, seen: str) -> MissingError:
        return MissingError(
            f"{self.base_url} is not an OpenAI-compatible endpoint: {seen}; --base-url mostly ends in /v1"
        )

    def _refused(self, error: openai.APIStatusError) -> Exception:
        """Tell what an HTTP error means for the row and for the run."""
        status, body = error.status_code, self._clean(error.response.text)
        said = self._clean(f"HTTP {status}: {_said(error)}")
        if status in {401, 403}:
            return MissingError(f"{self.base_url} refuses the key: {said}; check OPENAI_API_KEY")
        if error.code == "insufficient_quota":
            return StoppedError(f"the account's quota is used up: {said}; the same command goes on from here")
        if status == 404:
            return self._wrong_place(said) if error.code is None else MissingError(f"{self.base_url}: {said}")
        if status in _FINAL_FOR_ROW:
            schema = "response_format" in body or "json_schema" in body
            return Rejected(said, body[:4000], schema=schema)
        if status in {408, 409} or status >= 429:
            headers = error.response.headers
            return Transient(said, billed=False, overload=status in _OVERLOAD, retry_after=_retry_after(headers))
        return CurationError(f"{self.base_url} answers in a way that is not understood: {said}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _said(error: openai.APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(message or error.response.text)[:300].split())


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After` in seconds (or its millisecond form); a date is left to our own back-off."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    return None
