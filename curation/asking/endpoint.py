"""Where paid requests go: OpenAI, a server of one's own, or the simulator, which is started for them."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from curation.errors import MissingError, UsageError
from curation.simulator import Settings, serve

OPENAI_URL = "https://api.openai.com/v1"
SIMULATOR = "simulator"
"""The simulator's name in keys and records."""


class Endpoint(NamedTuple):
    """A place that answers."""

    name: str
    """In keys and records: the URL, or `simulator`."""
    url: str
    key: str


@asynccontextmanager
async def simulated(settings: Settings) -> AsyncIterator[Endpoint]:
    """Serve the simulator for as long as the context lasts."""
    async with serve(settings) as running:
        yield Endpoint(SIMULATOR, running.url, "offline")


def real(base_url: str | None) -> Endpoint:
    """Return the endpoint that is meant, with its key. Raises MissingError without a key where one is needed."""
    url = url_of(base_url)
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key.isascii() or not key.isprintable():
        raise UsageError("OPENAI_API_KEY holds characters that no key has; set it again")
    if not key and url == OPENAI_URL:
        raise MissingError(
            "no key: set OPENAI_API_KEY, or use --offline for the built-in simulator, "
            "or --base-url for a server of your own"
        )
    return Endpoint(url, url, key or "none")


def url_of(base_url: str | None) -> str:
    """Return the URL that is given, or that of the environment, or OpenAI's. Raises UsageError for one that is none."""
    url = (base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL).rstrip("/")
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise UsageError(
            "--base-url may not hold a password, because it is recorded; the key comes from OPENAI_API_KEY"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"--base-url {url!r} is not a URL; write it like https://host/v1")
    return url
