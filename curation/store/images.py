"""Images by their content: `images/<first two hex digits>/<hex digest>.<extension>` in the workspace."""

import secrets
from pathlib import Path

from curation.errors import StoreError
from curation.images import LoadedImage
from schemas.sample import ImageRef


class ImageStore:
    """A folder of images that are never changed; the same bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, ref: ImageRef) -> Path:
        """Return where the image lies."""
        digest = ref.digest.removeprefix("sha256:")
        return self.folder / digest[:2] / f"{digest}.{ref.mime.removeprefix('image/')}"

    def put(self, image: LoadedImage) -> None:
        """Keep the image. Raises StoreError where it can't be written."""
        path = self.path(image.ref)
        try:
            if not path.exists() or path.stat().st_size != len(image.data):
                _write(path, image.data)
        except OSError as error:
            raise StoreError(f"the image {path} can't be written: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    """Write the file. A reader never sees half of it: it is written to another name and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
