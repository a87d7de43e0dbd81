"""Digests tagged with their algorithm, over bytes and over canonical JSON."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Serialise plain JSON data in one way only: sorted keys, no blanks, ASCII.

    Equal values give equal bytes on every machine, and any string (lone surrogates too) can be written.
    Raises TypeError for what JSON cannot hold.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest_bytes(data: bytes) -> str:
    """Return `sha256:<64 hex digits>` of the bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_json(value: Any) -> str:
    """Return the digest of the value's canonical JSON."""
    return digest_bytes(canonical_json(value))
