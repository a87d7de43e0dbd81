"""The records of a release as models read them: in the format jsonl, where any turn is found by its place in a file.

A release in another format that loses nothing (parquet, webdataset) is unpacked once, sample by sample, into a folder
that is named by the release and its digest. All that reads it later finds the same records and the same images.
"""

from pathlib import Path

import exports
from curation.errors import DataError
from curation.progress import Advance
from curation.release import MANIFEST, read_manifest
from curation.staging import staged
from exports import Exporter, jsonl
from schemas.digest import digest_bytes

_SHORT = 12
"""Digits of a digest in a name."""


def unpacked(folder: Path, digest: str, place: Path, advance: Advance) -> Path:
    """Return a folder with the records of a proven release: its own, or a new one below `place`.

    Raises DataError where an image is not what its record says, UsageError while another process unpacks it.
    """
    exporter = exports.get(read_manifest(folder).format)
    if hasattr(exporter, "image_file"):
        return folder
    out = place.resolve() / f"{folder.resolve().name}-{digest.removeprefix('sha256:')[:_SHORT]}"
    if not (out / MANIFEST).is_file():
        with staged(out) as partial:
            _unpack(exporter, folder, partial, advance)
    return out


def _unpack(exporter: Exporter, folder: Path, out: Path, advance: Advance) -> None:
    """Write images, records, and the manifest, which says what the strata were before the selection."""
    count = 0
    for ref, data in exporter.pictures(folder):
        path = jsonl.image_file(out, ref)
        if not path.exists():
            if digest_bytes(data) != ref.digest:
                raise DataError(f"{folder}: the image {ref.digest} is not what its record says")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            count += 1
            advance(count, "images unpacked")
    jsonl.write(exporter.read(folder), out, lambda ref: jsonl.image_file(out, ref))
    (out / MANIFEST).write_bytes((folder / MANIFEST).read_bytes())
