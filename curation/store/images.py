"""Images by their content: `images/<first two hex digits>/<hex digest>.<extension>` in the workspace."""

import re
import secrets
from pathlib import Path
from typing import get_args

from curation.errors import StoreError
from curation.images import LoadedImage
from schemas.sample import ImageRef, Mime

_DIGITS = re.compile("[0-9a-f]{64}")


class ImageStore:
    """A folder of images that are never changed; the same bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, ref: ImageRef) -> Path:
        """Return where the image lies."""
        digest = ref.digest.removeprefix("sha256:")
        return self.folder / digest[:2] / f"{digest}.{ref.mime.removeprefix('image/')}"

    def find(self, digest: str) -> Path | None:
        """Return where the image of that digest lies, None where it is not kept."""
        name = digest.removeprefix("sha256:")
        if not _DIGITS.fullmatch(name):
            return None
        paths = (self.folder / name[:2] / f"{name}.{mime.removeprefix('image/')}" for mime in get_args(Mime))
        return next((path for path in paths if path.exists()), None)

    def put(self, image: LoadedImage) -> None:
        """Keep the image. Raises StoreError where it can't be written."""
        path = self.path(image.ref)
        try:
            if _size(path) != len(image.data):
                path.parent.mkdir(exist_ok=True)
                _write(path, image.data)
        except OSError as error:
            raise StoreError(f"the image {path} can't be written: {error.strerror}") from error


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _write(path: Path, data: bytes) -> None:
    """Write the file. A reader never sees half of it: it is written to another name and renamed."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
