"""Validators over what is stored: a trace is read once for all of them, page by page, on as many cores as there are."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import polars as pl

from curation import cores, sweeps, validators
from curation.calls.answer import read
from curation.store.queries import Unchecked
from curation.store.steps import Check
from curation.store.text import from_json
from curation.validators import Subject
from schemas.issue import Issue
from schemas.sample import Sample
from schemas.trace import Trace

_FEW = 2
"""Bundles that are not worth the second in which other processes start."""
_THREADS = "POLARS_MAX_THREADS"
_ROWS, _CHARACTERS = 4000, 1 << 24
"""Rows, and characters of records, that are checked at once."""


class Findings(NamedTuple):
    """What validators found in a page."""

    issues: list[Issue]
    checks: list[Check]
    """What was looked at, by which of them."""


def check_all(pages: Iterator[list[Unchecked]], versions: dict[str, int]) -> Iterator[Findings]:
    """Check pages in their order. Memory does not grow with them: few are read ahead."""
    with _one_thread_each():
        yield from cores.each(partial(check, versions=versions), _bundled(pages), _FEW)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let the processes that start meanwhile do with a thread of Polars: together they use all cores as it is."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = before or "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]


def _bundled(pages: Iterator[list[Unchecked]]) -> Iterator[list[Unchecked]]:
    """Join pages: to make ready the validators' patterns costs as much as to check 2,000 rows."""
    bundle, characters = list[Unchecked](), 0
    for page in pages:
        bundle += page
        characters += sum(len(each.sample) + len(each.trace or "") for each in page)
        if len(bundle) >= _ROWS or characters >= _CHARACTERS:
            yield bundle
            bundle, characters = [], 0
    if bundle:
        yield bundle


def check(page: list[Unchecked], versions: dict[str, int]) -> Findings:
    """Run the validators over what each has not seen of a page."""
    subjects = [_subject(unchecked) for unchecked in page]
    whole = validators.frame(subjects)
    found = Findings([], [])
    for name, version in versions.items():
        mine = [subject for subject, unchecked in zip(subjects, page, strict=True) if name in unchecked.missing]
        if mine:
            batch = whole if len(mine) == len(subjects) else validators.frame(mine)
            found.issues.extend(validators.run(name, mine, batch))
            found.checks.extend(Check(subject.id, name, version) for subject in mine)
    return found


def sweep_all(pages: Iterator[list[Unchecked]], name: str, version: int, looks: pl.DataFrame) -> Findings:
    """Compare all traces with each other. What is said of those that were swept before was said then."""
    subjects: dict[str, Subject] = {}

    def batches() -> Iterator[pl.DataFrame]:
        for page in pages:
            some = [_subject(unchecked) for unchecked in page]
            subjects.update((subject.id, subject) for subject, one in zip(some, page, strict=True) if one.missing)
            yield validators.frame(some)

    found = sweeps.get(name).sweep(batches(), looks).filter(pl.col("subject").is_in(list(subjects)))
    issues = validators.to_issues(name, version, subjects, found)
    return Findings(list(issues), [Check(subject, name, version) for subject in subjects])


def _subject(unchecked: Unchecked) -> Subject:
    sample = from_json(Sample, unchecked.sample)
    if unchecked.trace is not None:
        return Subject.of(sample, from_json(Trace, unchecked.trace))
    assert unchecked.answer is not None
    key, turn, raw = unchecked.answer
    return Subject(sample, turn, read(raw).text, None, call_key=key)
