"""Whether a release is what its manifest says: its files, its images and its counts, all derived again."""

import re
from collections.abc import Iterator
from pathlib import Path

import exports
from curation import release
from curation.errors import DataError
from curation.releases import recounting
from schemas.manifest import Manifest

_BY_DIGEST = re.compile(r"(?:^|/)([0-9a-f]{64})\.[a-z]+$")
"""Files that are named by their content."""


def faults(folder: Path) -> Iterator[str]:
    """Give a sentence for each difference. Raises what `read_manifest` does where there is no manifest to read."""
    manifest = release.read_manifest(folder)
    of_files = release.check(folder)
    yield from of_files
    yield from _misnamed(manifest)
    if of_files:
        return  # what is inside of changed files is told by nothing any more
    try:
        if hasattr(exporter := exports.get(manifest.format), "image_faults"):
            yield from exporter.image_faults(folder)
        yield from recounting.differences(folder, manifest)
    except DataError as error:
        yield str(error)


def _misnamed(manifest: Manifest) -> Iterator[str]:
    for entry in manifest.files:
        named = _BY_DIGEST.search(entry.path)
        if named and entry.digest != f"sha256:{named[1]}":
            yield f"{entry.path}: its content is not what its name says"
