"""The headers of plain PNGs and JPEGs, read without a decoder: size, and whether the file is whole.

Told here is what Pillow would tell of the same bytes, at a tenth of its time; of anything unusual nothing is told, and
Pillow is to be asked. So nothing is an image here that is none there. Read is what Pillow reads, by
https://www.w3.org/TR/png-3/ (a checksum over each chunk) and https://www.w3.org/Graphics/JPEG/itu-t81.pdf (appendix B).
"""

from collections.abc import Mapping
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from schemas.sample import Mime

MAX_BYTES = 64 * 2**20
"""Of a file that is told here."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_CHUNK, _PNG_HEADER, _LENGTH = Struct(">I4s"), Struct(">IIBBBBB"), Struct(">I")
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bits of a channel, by the kind of colour."""
_BEFORE_PIXELS = {
    **dict.fromkeys((b"PLTE", b"bKGD", b"hIST", b"sBIT", b"tIME", b"tEXt", b"iTXt", b"eXIf"), 0),
    b"gAMA": 4,
    b"pHYs": 9,
    b"cHRM": 32,
    b"sRGB": 1,
    b"tRNS": 6,
}
"""Chunks that are looked at no closer, and the bytes that they must have at least."""
_AFTER_PIXELS = frozenset({b"IDAT", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"})

_SEGMENT, _FRAME = Struct(">BBH"), Struct(">BHHB")
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive."""
_TABLES, _SCAN = 0xDB, 0xDA
_NEVER = 2**16
_PROGRAMS: Mapping[int, tuple[tuple[bytes, int], ...]] = {
    0xE0: ((b"JFIF", 7),),
    0xE1: ((b"Exif\0\0", _NEVER),),
    0xE2: ((b"ICC_PROFILE\0", 14), (b"MPF\0", _NEVER)),
    0xED: ((b"Photoshop 3.0\0", 14),),
    0xEE: ((b"Adobe", 7),),
}
"""Programs whose part is read, by how it begins, and the bytes that it must have at least for that."""
_PASSED_OVER = frozenset({0xC4, 0xDD, 0xFE, *range(0xE0, 0xF0)}) - _PROGRAMS.keys()
"""Huffman tables, the restart interval, comments, and what other programs leave in a file."""
_PHOTOSHOP, _RESOURCE = 0xED, b"8BIM"
_END, _NEAR_END = b"\xff\xd9", 4096


class Header(NamedTuple):
    """What a whole file says of its picture; sides in pixels."""

    mime: Mime
    width: int
    height: int


def header(data: bytes) -> Header | None:
    """Return what the bytes of a plain and whole PNG or JPEG say; None for all others, which Pillow is to tell."""
    if len(data) > MAX_BYTES:
        return None
    if data.startswith(_PNG):
        return _png(data)
    return _jpeg(data) if data.startswith(_JPEG) else None


def _png(data: bytes) -> Header | None:
    """Go from chunk to chunk, as far as the last one: length, name, content, checksum."""
    found, pixels, at, view = None, False, len(_PNG), memoryview(data)
    while at + 12 <= len(data):
        length, name = _CHUNK.unpack_from(data, at)
        end = at + 8 + length
        if name == b"IEND":
            return found if pixels else None
        if end + 4 > len(data) or crc32(view[at + 4 : end]) != _LENGTH.unpack_from(data, end)[0]:
            return None
        if found is None:
            found = _png_header(data, at + 8) if (length, name) == (13, b"IHDR") else None
            if found is None:
                return None
        elif name == b"IDAT":
            pixels = True
        elif name not in _AFTER_PIXELS if pixels else not _is_plain_chunk(data, name, at + 8, end):
            return None
        at = end + 4
    return None


def _png_header(data: bytes, at: int) -> Header | None:
    width, height, depth, colour, compression, order, _ = _PNG_HEADER.unpack_from(data, at)
    if not (width and height) or depth not in _DEPTHS.get(colour, ()) or compression or order:
        return None
    return Header("image/png", width, height)


def _is_plain_chunk(data: bytes, name: bytes, at: int, end: int) -> bool:
    """Tell whether a chunk before the pixels is one that can be passed over; a text that is packed is none."""
    if name == b"iTXt":
        packed = data.find(b"\0", at, end) + 1
        return not packed or packed >= end or not data[packed]
    return end - at >= _BEFORE_PIXELS.get(name, MAX_BYTES)


def _jpeg(data: bytes) -> Header | None:
    """Go from segment to segment, as far as the first scan: marker, length, content."""
    found, at = None, 2
    while at + 4 <= len(data):
        mark, kind, length = _SEGMENT.unpack_from(data, at)
        end = at + 2 + length
        if mark != 0xFF or length < 2 or end > len(data):
            return None
        if kind == _SCAN:
            return found if data.find(_END, -_NEAR_END) >= 0 else None
        if kind in _FRAMES and found is None:
            found = _jpeg_header(data, at + 4, end)
            if found is None:
                return None
        elif kind not in _PASSED_OVER and not _is_plain_segment(data, kind, at + 4, end):
            return None
        at = end
    return None


def _jpeg_header(data: bytes, at: int, end: int) -> Header | None:
    if end - at < _FRAME.size:
        return None
    depth, height, width, channels = _FRAME.unpack_from(data, at)
    if depth != 8 or channels not in (1, 3, 4) or end - at != 6 + 3 * channels or not (width and height):
        return None
    return Header("image/jpeg", width, height)


def _is_plain_segment(data: bytes, kind: int, at: int, end: int) -> bool:
    """Tell whether a segment before the first scan is one that can be passed over."""
    if kind == _TABLES:
        while at < end:
            at += 129 if data[at] >> 4 else 65
        return at == end
    for begins, least in _PROGRAMS.get(kind, ()):
        if data.startswith(begins, at) and end - at < least:
            return False
    return kind in _PROGRAMS and (kind != _PHOTOSHOP or _is_whole(data[at:end]))


def _is_whole(content: bytes) -> bool:
    """Tell whether each of Photoshop's resources is there: mark, number, name, length, data; places are even."""
    at = 14
    while content[at : at + 4] == _RESOURCE:
        if at + 7 > len(content):
            return False
        at += 7 + content[at + 6]
        at += at % 2
        if at + 4 > len(content):
            return False
        at += 4 + _LENGTH.unpack_from(content, at)[0]
        at += at % 2
    return True
