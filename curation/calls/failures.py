"""What comes of one request over the wire: a reply, or a failure and what it means.

A failure is one of three: final for the row (`Rejected`), final for the run (a CurationError), or `Transient`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from curation.calls.answer import Answer


class Rejected(Exception):
    """The endpoint will not take this request."""

    def __init__(self, reason: str, raw: str, *, schema: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw
        self.schema = schema
        """It is the JSON schema that the endpoint does not support."""


class Transient(Exception):
    """The same request may succeed later."""

    def __init__(self, reason: str, *, billed: bool, overload: bool = False, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.billed = billed
        """The request may have been billed although no answer can be read."""
        self.overload = overload
        self.retry_after = retry_after
        """Seconds, as the endpoint asked."""


class Unreachable(Transient):
    """No connection could be made, so nothing was sent."""


class Reply(NamedTuple):
    """A body as received, what it says, and the headers that came with it."""

    raw: str
    answer: Answer
    headers: Mapping[str, str]
