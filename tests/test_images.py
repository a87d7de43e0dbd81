"""An image is told by its bytes, and all else is a fault with a code; nothing is decoded, nothing stays open."""

import io
import os
import struct
import sys
import zlib
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from curation.images import MAX_BYTES, MAX_PIXELS, ImageFault, inspect, load
from curation.images.looks import look
from schemas.digest import digest_bytes

MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


def encoded(form, mode="RGB", size=(40, 30), **options):
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(file, form, **options)
    return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width, height):
    """A whole PNG by its checksums; of its pixels there are only a few."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


WHOLE = [encoded(form) for form in MIMES] + [encoded("GIF", size=(1, 1)), encoded("PNG", "P"), encoded("JPEG", "CMYK")]


def tell(data):
    """Return what `inspect` makes of the bytes: the image, or the fault; any other error is a failure."""
    try:
        return inspect(data)
    except ImageFault as fault:
        return fault


def fault_of(data):
    fault = tell(data)
    assert isinstance(fault, ImageFault)
    assert fault.message
    return fault.code


def load_fault(root, name):
    with pytest.raises(ImageFault) as raised:
        load(root, name)
    return raised.value.code


@pytest.mark.parametrize("name", ["image.png", "image.jpg", "image.txt", "image", "ünï cödé.PNG", "deep/er/image.png"])
@pytest.mark.parametrize("form", MIMES)
def test_an_image_is_told_by_its_bytes_whatever_its_name(tmp_path, form, name):
    data = encoded(form)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(data)
    image = load(tmp_path, name)
    assert image.data == data
    assert image.ref.model_dump() == {"digest": digest_bytes(data), "mime": MIMES[form], "width": 40, "height": 30}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_an_image(mode):
    assert inspect(encoded("PNG", mode)).ref.mime == "image/png"


def test_a_phones_jpeg_with_more_pictures_behind_it_is_a_jpeg():
    assert inspect(encoded("MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])).ref.mime == "image/jpeg"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "unreadable"),
        (b"just a text", "unreadable"),
        (b"\0" * 1000, "unreadable"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unreadable"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n", "lfs-pointer"),
        (encoded("BMP"), "unsupported"),
        (encoded("TIFF"), "unsupported"),
        (encoded("ICO"), "unsupported"),
        (encoded("PPM"), "unsupported"),
        (png_of_size(50_000, 50_000), "too-large"),
        (png_of_size(2**31 - 1, 2**31 - 1), "too-large"),
        (png_of_size(1, MAX_PIXELS + 1), "too-large"),
        (png_of_size(0, 0), "unreadable"),
        (encoded("PNG")[:-40], "truncated"),
        (encoded("PNG")[:200], "truncated"),
        (encoded("PNG").replace(b"IDAT", b"IDAT!"), "truncated"),
        (encoded("JPEG")[:-2], "truncated"),
        (encoded("JPEG", size=(400, 400))[:20_000], "truncated"),
        (encoded("JPEG")[:100], "unreadable"),
        (encoded("WEBP")[:-100], "unreadable"),
    ],
)
def test_what_is_no_image_that_a_model_takes_is_a_fault_with_a_code(data, code):
    assert fault_of(data) == code


def test_an_image_of_the_largest_size_is_read():
    assert inspect(png_of_size(1, MAX_PIXELS)).ref.height == MAX_PIXELS


@pytest.mark.parametrize("data", [*WHOLE, png_of_size(50_000, 50_000), encoded("PNG")[:-40]])
def test_no_pixel_is_decoded(data):
    with patch.object(ImageFile.ImageFile, "load", side_effect=AssertionError("pixels were decoded")):
        assert not isinstance(getattr(tell(data), "__cause__", None), AssertionError)


@given(st.binary() | st.sampled_from(WHOLE).flatmap(lambda data: st.binary().map(lambda tail: data[:16] + tail)))
def test_any_bytes_give_an_image_or_a_fault(data):
    found = tell(data)
    if isinstance(found, ImageFault):
        assert found.code in {"lfs-pointer", "unreadable", "unsupported", "truncated", "too-large"}


@given(
    st.sampled_from(WHOLE), st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8), st.floats(0, 1)
)
def test_a_damaged_image_gives_an_image_or_a_fault(data, changes, kept):
    damaged = bytearray(data[: int(len(data) * kept)] if kept < 0.5 else data)
    for place, byte in changes if damaged else ():
        damaged[int(place * len(damaged))] = byte
    found = tell(bytes(damaged))
    assert isinstance(found, ImageFault) or found.data == damaged


@pytest.mark.parametrize(
    ("form", "mode", "at", "byte", "kind"),
    [("DDS", "RGB", 80, 140, NotImplementedError), ("SPIDER", "F", 107, 65, AttributeError)],
)
def test_a_damaged_header_is_a_fault_whatever_kind_of_error_a_reader_of_it_raises(form, mode, at, byte, kind):
    damaged = bytearray(encoded(form, mode, (8, 6)))
    damaged[at] = byte
    found = tell(bytes(damaged))
    assert isinstance(found, ImageFault)
    assert (found.code, type(found.__cause__)) == ("unreadable", kind)
    assert look(bytes(damaged)).fault


# In a folder


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    (folder / "in.png").write_bytes(encoded("PNG"))
    (tmp_path / "secret.png").write_bytes(encoded("PNG"))
    (tmp_path / "images-too").mkdir()
    (tmp_path / "images-too/x.png").write_bytes(encoded("PNG"))
    (folder / "escape.png").symlink_to(tmp_path / "secret.png")
    (folder / "away").symlink_to(tmp_path)
    (folder / "alias.png").symlink_to("in.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "circle").symlink_to("circle")
    return folder


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../secret.png", "outside"),
        ("sub/../../secret.png", "outside"),
        ("../images-too/x.png", "outside"),
        ("/etc/passwd", "outside"),
        ("escape.png", "outside"),
        ("away/secret.png", "outside"),
        ("none.png", "missing"),
        ("dangling.png", "missing"),
        ("in\0.png", "missing"),
        ("\ud800.png", "missing"),
        ("sub", "unreadable"),
        ("", "unreadable"),
        (".", "unreadable"),
        ("in.png/x.png", "unreadable"),
        ("circle", "unreadable"),
        ("circle/x.png", "unreadable"),
        ("x" * 300, "unreadable"),
    ],
)
def test_a_path_that_cannot_be_read_is_a_fault_with_a_code(root, name, code):
    assert load_fault(root, name) == code


def test_an_absolute_path_is_refused_though_it_leads_into_the_folder(root):
    assert load_fault(root, str(root / "in.png")) == "outside"


@pytest.mark.parametrize("name", ["in.png", "./in.png", "sub/../in.png", "alias.png", "away/images/in.png"])
def test_a_path_that_stays_in_the_folder_is_read(root, name):
    assert load(root, name).ref.mime == "image/png"


def test_a_folder_that_is_itself_a_link_is_read(root):
    (root.parent / "link").symlink_to(root)
    assert load(root.parent / "link", "in.png").ref.mime == "image/png"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_fault(root):
    (root / "in.png").chmod(0)
    assert load_fault(root, "in.png") == "unreadable"


def test_a_large_file_is_refused_without_being_read(root):
    with (root / "large.png").open("wb") as file:
        file.write(encoded("PNG"))
        file.truncate(MAX_BYTES + 1)
    with patch("pathlib.Path.read_bytes", side_effect=AssertionError("it was read")):
        assert load_fault(root, "large.png") == "too-large"


@given(st.text(st.characters(), max_size=20))
def test_any_name_gives_an_image_or_a_fault(tmp_path_factory, name):
    with pytest.raises(ImageFault):
        load(tmp_path_factory.getbasetemp(), name)


@pytest.mark.skipif(sys.platform != "linux", reason="counts /proc/self/fd")
def test_no_file_stays_open(root):
    before = len(list(Path("/proc/self/fd").iterdir()))
    held = [load(root, "in.png")]
    for name in ["sub", "none.png", "escape.png"]:
        load_fault(root, name)
    (root / "text.png").write_text("text")
    load_fault(root, "text.png")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert held
