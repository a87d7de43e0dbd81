"""The numbers of a manifest, counted again from what lies in the release's folder."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import exports
from curation import opinions, release
from curation.errors import DataError
from curation.releases.contents import readable
from schemas.manifest import Manifest

EXCLUDED = "excluded.jsonl"
_OF_FILES = ("traces_excluded", "reviews_by_decision", "reviews_by_verdict", "traces_by_review")
"""What is counted of the files beside the records."""

Counts = dict[str, dict[str, int]]


def differences(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Give a sentence for each number that is not the manifest's. Raises DataError for what can't be read.

    Numbers of what a release does not hold, such as those of its strata before the policy, are not among them.
    """
    told = opinions.told(folder)
    counted = told.counts | _excluded(folder) | release.rows(exports.get(manifest.format), folder)
    of_rows = [what for what in manifest.counts if what.startswith("rows_")]
    names = {*_OF_FILES, *of_rows, *counted}
    if readable(manifest):
        counted |= _records(folder, manifest)
        names |= {*release.COUNTED}
    for what in sorted(names):
        yield from _compared(what, counted.get(what, {}), manifest.counts.get(what, {}))
    for about in sorted(told.agreement.keys() | manifest.agreement.keys()):
        if told.agreement.get(about) != manifest.agreement.get(about):
            yield f"agreement of reviewers on {about}: {opinions.REVIEWS} gives another figure than the manifest"


def _compared(what: str, counted: dict[str, int], said: dict[str, int]) -> Iterator[str]:
    for name in sorted(counted.keys() | said.keys()):
        there, written = counted.get(name, 0), said.get(name, 0)
        if there != written:
            yield f"{what} of {name}: {there:,} are there, the manifest says {written:,}"


def _records(folder: Path, manifest: Manifest) -> Counts:
    """Count the records as they were counted when they were written."""
    tally = release.Tally()
    try:
        for _ in tally.watch(exports.get(manifest.format).read(folder)):
            pass
    except ValueError as error:
        raise DataError(f"{folder}: {error}") from error
    return tally.counts()


def _excluded(folder: Path) -> Counts:
    """Count what is said to be excluded, by rule."""
    path, rules = folder / EXCLUDED, Counter[str]()
    if path.exists():
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                rules[_rule(line, f"{path}, line {number}")] += 1
    return {"traces_excluded": dict(rules)}


def _rule(line: bytes, place: str) -> str:
    try:
        return str(json.loads(line)["rule"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{place} names no rule that excluded a trace") from error
