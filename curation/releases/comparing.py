"""What differs between two releases: their settings, their counts, and their records one by one."""

import heapq
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

from curation.release import read_manifest
from curation.releases.contents import Entry, entries, readable
from schemas.manifest import Manifest

What = Literal["added", "removed", "moved to another split", "sample changed", "traces changed"]


class Change(NamedTuple):
    """A sample that is not the same in both."""

    what: What
    sample_id: str
    before: str
    after: str


class Setting(NamedTuple):
    """A setting, an input or a count that is not the same in both."""

    name: str
    before: object
    after: object


def settings(before: Manifest, after: Manifest) -> Iterator[Setting]:
    """Give what differs in the manifests, the files apart; a name is a path in the manifest."""
    left, right = (_flat(manifest.model_dump(mode="json", exclude={"files"})) for manifest in (before, after))
    for name in sorted(left.keys() | right.keys()):
        if left.get(name) != right.get(name):
            yield Setting(name, left.get(name, ""), right.get(name, ""))


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, each in value.items():
        path = f"{prefix}{name}"
        flat |= _flat(each, f"{path}.") if isinstance(each, dict) else {path: each}
    return flat


def changes(before: Path, after: Path) -> Iterator[Change]:
    """Give the samples that differ, by id; both releases are read side by side, and nothing is held.

    Raises UsageError where the records of one can't be read.
    """
    tagged = [_numbered(number, folder) for number, folder in enumerate((before, after))]
    merged = heapq.merge(*tagged, key=lambda each: each[:2])
    for sample_id, group in groupby(merged, key=lambda each: each[0]):
        found = {number: entry for _, number, entry in group}
        yield from _compared(sample_id, found.get(0), found.get(1))


def _numbered(number: int, folder: Path) -> Iterator[tuple[str, int, Entry]]:
    for entry in entries(folder, read_manifest(folder)):
        yield entry.sample_id, number, entry


def comparable(before: Manifest, after: Manifest) -> bool:
    """Tell whether records of the two can be held against each other."""
    return readable(before) and readable(after)


def _compared(sample_id: str, before: Entry | None, after: Entry | None) -> Iterator[Change]:
    if before is None or after is None:
        there = before or after
        assert there is not None
        yield Change("removed" if after is None else "added", sample_id, "", there.split)
        return
    if before.split != after.split:
        yield Change("moved to another split", sample_id, before.split, after.split)
    if before.content != after.content:
        yield Change("sample changed", sample_id, before.content, after.content)
    if before.traces != after.traces:
        yield Change("traces changed", sample_id, ", ".join(before.traces), ", ".join(after.traces))
