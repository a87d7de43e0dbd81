"""Images by their content: `images/<first two hex digits>/<hex digest>.<extension>` in the workspace."""

import os
from pathlib import Path

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
        """Keep the image. A reader never sees half of it: it is written to another name and renamed."""
        path = self.path(image.ref)
        try:
            if path.stat().st_size == len(image.data):
                return
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(image.data)
        partial.replace(path)
