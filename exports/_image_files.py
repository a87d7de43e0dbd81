"""Images on their way into a release: named by their digest, and proven to be what their digest says."""

from collections.abc import Iterator
from pathlib import Path

from curation.errors import DataError, MissingError
from exports import ImagePath
from exports._split_files import path_part
from schemas.digest import digest_bytes
from schemas.sample import ImageRef, Sample

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


def file_name(ref: ImageRef) -> str:
    """Return `<64 hex digits>.<ext>`: one name for one content."""
    return f"{ref.digest.removeprefix('sha256:')}.{_EXTENSIONS[ref.mime]}"


def read_image(ref: ImageRef, image_path: ImagePath) -> bytes:
    """Return the image's bytes.

    Raises MissingError where they can't be read, DataError where they are no longer those of the digest.
    """
    path = image_path(ref)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MissingError(f"the image {ref.digest} can't be read from {path}: {error.strerror}") from error
    if digest_bytes(data) != ref.digest:
        raise DataError(f"{path} no longer holds the image {ref.digest}: read its source again")
    return data


def copy(ref: ImageRef, image_path: ImagePath, target: Path) -> None:
    """Write the image's bytes to `target`, once: a name that is there already has the same content."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(read_image(ref, image_path))


def copy_all(sample: Sample, folder: Path, image_path: ImagePath) -> Iterator[str]:
    """Copy the sample's images to `image/<source>/`; give their paths in the folder."""
    for ref in sample.images:
        name = f"image/{path_part(sample.source)}/{file_name(ref)}"
        copy(ref, image_path, folder / name)
        yield name
