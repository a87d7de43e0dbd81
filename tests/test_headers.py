"""What a header says is what Pillow says, or nothing: of whatever Pillow can write, whole or damaged."""

import io
import struct
import zlib
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from curation.images import ImageFault, inspect
from curation.images.headers import MAX_BYTES, header

MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["1", "L", "RGB", "CMYK", "YCbCr"],
}
EXIF = Image.Exif()
EXIF[0x0112], EXIF[0x011A], EXIF[0x0128] = 6, 300.0, 2


def texts(*, packed):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "a bar chart", zip=packed)
    info.add_itxt("Author", "Zoë", zip=packed)
    return info


OPTIONS = {
    "PNG": [
        {},
        {"dpi": (72, 72)},
        {"exif": EXIF},
        {"icc_profile": b"x" * 99},
        {"pnginfo": texts(packed=False)},
        {"pnginfo": texts(packed=True)},
    ],
    "JPEG": [
        {},
        {"progressive": True},
        {"dpi": (72, 72)},
        {"exif": EXIF},
        {"comment": "a bar chart"},
        {"icc_profile": b"x" * 70_000},
        {"subsampling": 0, "optimize": True, "quality": 5},
        {"xmp": b"<x:xmpmeta/>"},
    ],
}
OTHERS = ["GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO", "JPEG2000", "TGA", "PCX", "DIB", "SGI"]


def encoded(form, mode="RGB", size=(23, 17), **options):
    """Return a picture in a format; of several frames, where the format has them."""
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(file, form, **options)
    return file.getvalue()


def by_pillow(data):
    """Return what Pillow says of the bytes; the code of a fault, where there is one."""
    with patch("curation.images.header", return_value=None):
        try:
            ref = inspect(data).ref
        except ImageFault as fault:
            return fault.code
    return ref.mime, ref.width, ref.height


def agrees(data):
    told = header(data)
    return told is None or tuple(told) == by_pillow(data)


def with_segments(*segments):
    """Return a JPEG with segments before its own: a marker and a content each."""
    data = encoded("JPEG")
    parts = (struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content for kind, content in segments)
    return data[:2] + b"".join(parts) + data[2:]


def with_chunks(*chunks):
    """Return a PNG with chunks after its header: a name and a content each."""
    data, at = encoded("PNG"), 8 + 25
    parts = (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return data[:at] + b"".join(parts) + data[at:]


PLAIN = [
    *(encoded(form, mode, **options) for form in MODES for mode in MODES[form] for options in OPTIONS[form]),
    *(encoded("PNG", "P", bits=bits) for bits in (1, 2, 4)),
    *(encoded("PNG", mode, transparency=0) for mode in ("1", "L", "P")),
]
PROGRAMS = [b"", b"JFIF", b"Exif\0\0", b"ICC_PROFILE\0", b"MPF\0", b"Photoshop 3.0\0", b"Adobe"]
CHUNKS = [b"gAMA", b"tRNS", b"PLTE", b"pHYs", b"sRGB", b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"bKGD", b"IHDR", b"IDAT"]
SEGMENTS = st.tuples(st.integers(0xC0, 0xFE), st.sampled_from(PROGRAMS), st.binary(max_size=30))
RESOURCE = b"8BIM" + struct.pack(">HBx", 0x03ED, 0)


@pytest.mark.parametrize("form", MODES)
def test_the_plain_forms_of_pictures_are_told_without_pillow(form):
    told = [header(encoded(form, mode, size=(64, 48))) for mode in MODES[form]]
    mime = f"image/{form.lower()}"
    assert told == [(mime, 64, 48)] * len(told)


def test_what_photographs_and_screenshots_have_besides_is_passed_over():
    photoshop = b"Photoshop 3.0\0" + RESOURCE + struct.pack(">I", 3) + b"abc\0"
    segments = [(0xE1, b"XMP\0://ns.adobe.com"), (0xEC, b"Ducky"), (0xED, photoshop), (0xEE, b"Adobe\0dxxxxx")]
    assert header(with_segments(*segments)) == ("image/jpeg", 23, 17)
    chunks = [
        (b"sRGB", b"\0"),
        (b"gAMA", bytes(4)),
        (b"pHYs", bytes(9)),
        (b"iTXt", b"Author\0\0\0\0\0Zo"),
        (b"tEXt", b"a"),
    ]
    assert header(with_chunks(*chunks)) == ("image/png", 23, 17)


def test_whatever_pillow_writes_is_told_as_pillow_tells_it():
    assert all(map(agrees, PLAIN))
    assert sum(header(data) is not None for data in PLAIN) > len(PLAIN) / 2


@pytest.mark.parametrize("form", OTHERS)
def test_other_formats_are_left_to_pillow(form):
    assert header(encoded(form)) is None


def test_a_jpeg_with_more_pictures_behind_it_is_left_to_pillow():
    assert header(encoded("MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])) is None


@pytest.mark.parametrize(
    "segment",
    [
        (0xE0, b"JFIF\0"),
        (0xE1, b"Exif\0\0"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xE2, b"MPF\0"),
        (0xED, b"Photoshop 3.0\0" + RESOURCE[:6]),
        (0xED, b"Photoshop 3.0\0" + RESOURCE),
        (0xED, b"Photoshop 3.0\0" + RESOURCE[:6] + b"\xff"),
        (0xEE, b"Adobe"),
        (0xC0, b"\x08\0\0\0\0"),
        (0xC0, struct.pack(">BHHB", 12, 9, 9, 3) + bytes(9)),
        (0xC3, struct.pack(">BHHB", 8, 9, 9, 1) + bytes(3)),
        (0xDB, bytes(64)),
        (0xD8, b""),
        (0x01, b""),
    ],
)
def test_a_segment_that_pillow_looks_into_or_refuses_is_left_to_pillow(segment):
    assert header(with_segments(segment)) is None


@pytest.mark.parametrize(
    "chunk",
    [
        (b"gAMA", b""),
        (b"tRNS", b"\0"),
        (b"cHRM", bytes(31)),
        (b"iTXt", b"Author\0\1\0\0\0" + zlib.compress(bytes(99))),
        (b"zTXt", b"Author\0\1"),
        (b"iCCP", b"x"),
        (b"acTL", b""),
        (b"fcTL", bytes(26)),
        (b"IHDR", bytes(13)),
        (b"IEND", b""),
        (b"oops", b""),
    ],
)
def test_a_chunk_that_pillow_looks_into_or_refuses_is_left_to_pillow(chunk):
    assert header(with_chunks(chunk)) is None


def test_a_huge_file_is_left_to_pillow():
    assert header(encoded("PNG") + bytes(MAX_BYTES)) is None


@given(
    st.sampled_from(PLAIN), st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4), st.floats(0, 1)
)
def test_of_a_damaged_picture_nothing_is_told_that_pillow_does_not_tell(data, changes, kept):
    damaged = bytearray(data[: int(len(data) * kept)] if kept < 0.5 else data)
    for place, byte in changes if damaged else ():
        # most of what a header says is in the first bytes
        damaged[int(place**3 * len(damaged))] = byte
    assert agrees(bytes(damaged))


@given(st.lists(SEGMENTS, max_size=3))
def test_whatever_segments_a_jpeg_has_nothing_is_told_that_pillow_does_not_tell(segments):
    assert agrees(with_segments(*((kind, begins + rest) for kind, begins, rest in segments)))


@given(st.lists(st.tuples(st.sampled_from(CHUNKS), st.binary(max_size=40)), max_size=3))
def test_whatever_chunks_a_png_has_nothing_is_told_that_pillow_does_not_tell(chunks):
    assert agrees(with_chunks(*chunks))
