"""How large an image in a data URL is, from its first bytes; nothing is decoded."""

import binascii
import struct
from typing import NamedTuple

_HEADS = (4_096, 400_000)
"""Base64 characters to look for a size in: a JPEG's can stand behind a long preview."""


class Size(NamedTuple):
    """Pixels."""

    width: int
    height: int


def image_size(url: str) -> Size | None:
    """Read the size from the first bytes of a PNG, JPEG, GIF or WebP in a data URL; None where that fails."""
    start = url.find(",", 0, 100) + 1
    if not url.startswith("data:") or not start:
        return None
    for length in _HEADS:
        try:
            return _header_size(binascii.a2b_base64(url[start : start + length]))
        except (struct.error, IndexError):
            continue
        except ValueError:
            return None
    return None


def _header_size(head: bytes) -> Size | None:
    if head.startswith(b"\x89PNG"):
        return Size(*struct.unpack_from(">II", head, 16))
    if head.startswith(b"GIF8"):
        return Size(*struct.unpack_from("<HH", head, 6))
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(head)
    return _webp_size(head) if head[8:12] == b"WEBP" else None


def _jpeg_size(head: bytes) -> Size:
    at = 2
    while not (0xC0 <= head[at + 1] <= 0xCF and head[at + 1] not in (0xC4, 0xC8, 0xCC)):
        at += 2 + int(struct.unpack_from(">H", head, at + 2)[0])
    height, width = struct.unpack_from(">HH", head, at + 5)
    return Size(width, height)


def _webp_size(head: bytes) -> Size | None:
    match head[12:16]:
        case b"VP8X":
            return Size(*(1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27)))
        case b"VP8L":
            bits = int(struct.unpack_from("<I", head, 21)[0])
            return Size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        case b"VP8 ":
            return Size(*(side & 0x3FFF for side in struct.unpack_from("<HH", head, 26)))
    return None
