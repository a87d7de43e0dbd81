"""The last line of a generated card, by which one that people edited is told from one that may be replaced."""

import re

from schemas.digest import digest_bytes

_MARK = "<!-- Generated from the data, and not edited while this is the digest of all above: {} -->\n"
_BEGIN = b"<!-- Generated "
_LINE = re.compile(re.escape(_MARK).replace(r"\{\}", r"(sha256:[0-9a-f]{64})").encode("ascii"))


def marked(text: str) -> str:
    """Return a card with its mark. The text ends with a line's end; halves of characters become question marks."""
    data = text.encode("utf-8", "replace")
    return data.decode("utf-8") + _MARK.format(digest_bytes(data))


def is_generated(card: bytes) -> bool:
    """Tell whether a card is as it was generated."""
    start = max(card.rfind(_BEGIN), 0)
    found = _LINE.fullmatch(card, start)
    return found is not None and digest_bytes(card[:start]).encode("ascii") == found[1]
