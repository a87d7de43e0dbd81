"""The records of a release by their ids, whatever its format, as far as it can be read."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import exports
from curation.errors import UsageError
from schemas.digest import digest_json
from schemas.manifest import Manifest


class Entry(NamedTuple):
    """A sample of a release."""

    sample_id: str
    split: str
    content: str
    """Changes with what the release says of the sample, its traces apart."""
    traces: tuple[str, ...]
    """Ids."""


def readable(manifest: Manifest) -> bool:
    """Tell whether records can be told of a release of this format."""
    return hasattr(exports.get(manifest.format), "read")


def entries(folder: Path, manifest: Manifest) -> Iterator[Entry]:
    """Give the samples by id. Raises UsageError for a format that can't be read, DataError for damage."""
    exporter = exports.get(manifest.format)
    if not hasattr(exporter, "read"):
        raise UsageError(f"{folder} has the format {manifest.format}, whose records can't be told from each other")
    for item in exporter.read(folder):
        content = digest_json(item.sample.model_dump(mode="json"))
        yield Entry(item.sample.id, item.split, content, tuple(trace.id for trace in item.traces))
