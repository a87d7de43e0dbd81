"""What differs between a release's folder and a repository, told by digests alone: nothing is downloaded."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

KEPT = frozenset({".gitattributes", "README.md"})
"""Files that a repository may have of its own: the Hub's settings, and a card that was written there."""


class Local(NamedTuple):
    """A file of a release."""

    path: Path
    bytes: int
    sha256: str
    """64 hex digits."""


class Remote(NamedTuple):
    """A file of a repository."""

    bytes: int
    blob: str
    """SHA-1 that git gives it; of the pointer, where the file is in large file storage."""
    sha256: str | None
    """Of a file in large file storage."""


class Change(NamedTuple):
    """What a push does with a file."""

    what: Literal["new", "changed", "same", "removed"]
    path: str
    bytes: int


def changes(local: Mapping[str, Local], remote: Mapping[str, Remote], kept: Collection[str] = KEPT) -> Iterator[Change]:
    """Give what becomes of each file, by its path; those that the repository keeps as they are stay out of it."""
    for path in sorted(local.keys() | (remote.keys() - set(kept))):
        there = remote.get(path)
        if path not in local:
            yield Change("removed", path, remote[path].bytes)
        elif there is None:
            yield Change("new", path, local[path].bytes)
        else:
            yield Change("same" if same(local[path], there) else "changed", path, local[path].bytes)


def same(one: Local, other: Remote) -> bool:
    """Tell whether the contents are the same. Small files are read for it."""
    if one.bytes != other.bytes:
        return False
    return one.sha256 == other.sha256 if other.sha256 else _blob(one.path) == other.blob


def _blob(path: Path) -> str:
    """Return the digest by which git knows the content (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
