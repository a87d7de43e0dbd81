"""Images as bytes: what they are by their content, read safely from a data set's folder."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast, get_args

from PIL import Image

from curation.images.headers import Header, header
from schemas.digest import digest_bytes
from schemas.sample import ImageRef, Mime

MAX_PIXELS = 89_000_000
"""A little less than the number from which Pillow warns."""
MAX_BYTES = 64 * 2**20
UNDECODABLE = (
    *(OSError, EOFError, SyntaxError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, AssertionError, RuntimeError, MemoryError, struct.error, zlib.error),
    Image.DecompressionBombError,
)
"""What Pillow raises for bytes that are no image, or a damaged one: its documentation names the first alone."""
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_KNOWN = frozenset(get_args(Mime))
_JPEG = frozenset({"JPEG", "MPO"})
"""MPO is what many phones write: a JPEG with more pictures behind it, which readers of JPEG don't look at."""


class ImageFault(Exception):
    """An image can't be used. `code` is a short name of the fault, for an Issue."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class LoadedImage(NamedTuple):
    """An image's bytes as they were found, and what they are."""

    ref: ImageRef
    data: bytes


def inspect(data: bytes) -> LoadedImage:
    """Tell an image from its bytes; pixels are not decoded, so a bomb is refused before it grows.

    Raises ImageFault with code lfs-pointer, unreadable, unsupported, truncated or too-large.
    """
    told = header(data)
    if told is None or told.width * told.height > MAX_PIXELS:
        told = _told_by_pillow(data)
    digest = digest_bytes(data)
    return LoadedImage(ImageRef(digest=digest, mime=told.mime, width=told.width, height=told.height), data)


def _told_by_pillow(data: bytes) -> Header:
    """Return what Pillow makes of any bytes. Raises ImageFault as `inspect`."""
    if data.startswith(LFS_POINTER):
        raise ImageFault("lfs-pointer", "a git-LFS pointer, not the image: run `git lfs pull` where it came from")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(data))
        except Image.DecompressionBombError as error:
            raise ImageFault("too-large", f"a decompression bomb: {error}") from error
        except UNDECODABLE as error:
            kind = "an empty file" if not data else f"not an image (begins with {data[:16]!r})"
            raise ImageFault("unreadable", kind) from error
    if image.width * image.height > MAX_PIXELS:
        raise ImageFault("too-large", f"{image.width} x {image.height} pixels, at most {MAX_PIXELS:,} are read")
    mime = "image/jpeg" if image.format in _JPEG else Image.MIME.get(image.format or "")
    if mime not in _KNOWN:
        raise ImageFault("unsupported", f"{image.format} images are not accepted by vision models; convert to PNG")
    _check_whole(image, data)
    return Header(cast("Mime", mime), image.width, image.height)


def _check_whole(image: Image.Image, data: bytes) -> None:
    """Refuse a file that was cut off, at the cost of a checksum, not of a decoding."""
    try:
        image.verify()
    except UNDECODABLE as error:
        raise ImageFault("truncated", f"a damaged {image.format}: {error}") from error
    if image.format in _JPEG and b"\xff\xd9" not in data[-4096:]:
        raise ImageFault("truncated", "a JPEG without its end marker")


def _leads_out(root: Path, name: str) -> bool:
    """Tell whether a path leads out of the folder; one that goes down only can do so only by a symbolic link.

    Where there is none, or nothing is at the path, it is not followed: that would cost more than all the rest.
    """
    if os.path.isabs(name):  # noqa: PTH117 - a tenth of the time, as are the others here
        return True
    parts = name.replace(os.sep, "/").split("/")
    if ".." not in parts and (not _has_link(root, parts) or not os.path.lexists(root / name)):
        return False
    return not (root / name).resolve().is_relative_to(root.resolve())


def _has_link(root: Path, parts: Sequence[str]) -> bool:
    """Tell whether a folder on the way down, or what it ends at, is a symbolic link."""
    path = os.fspath(root)
    for part in parts:
        path = f"{path}{os.sep}{part}"
        if os.path.islink(path):  # noqa: PTH114 - see above
            return True
    return False


def load(root: Path, name: str) -> LoadedImage:
    """Read the image `name` under the folder `root`.

    Raises ImageFault with code outside for a path that leads out of the folder, missing, too-large, or as `inspect`.
    """
    try:
        if _leads_out(root, name):
            raise ImageFault("outside", f"the path {name!r} leads out of {root.name}/")
        with open(os.path.join(root, name), "rb", buffering=0) as file:  # noqa: PTH118, PTH123 - see above
            if (size := os.fstat(file.fileno()).st_size) > MAX_BYTES:
                raise ImageFault("too-large", f"{size:,} bytes, at most {MAX_BYTES:,} are read")
            return inspect(file.read())
    except FileNotFoundError as error:
        raise ImageFault("missing", f"no file {root.name}/{name}") from error
    except OSError as error:
        raise ImageFault("unreadable", f"{root.name}/{name}: {error.strerror}") from error
    except RuntimeError as error:  # of Path.resolve
        raise ImageFault("unreadable", f"{root.name}/{name} is a symbolic link in a circle") from error
    except ValueError as error:  # a null byte or half a character in the name
        raise ImageFault("missing", f"no file can be named {name!r}") from error
