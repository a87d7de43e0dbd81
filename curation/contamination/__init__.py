"""Traces whose question or picture is in an evaluation set: what a model is to be tested with, it may not have seen.

    contamination:pair      an error: the same question about the same picture
    contamination:image     the same picture, with another question
    contamination:question  13 words in a row, of which the set has no more than 10 questions, and so has the workspace

A picture is the same where it looks alike (see similarity.pictures): its bytes may be others. Short questions are
common, and tell nothing without the picture. A sample is not compared with its own row in a release.

Each set counts as a check of its own, by the digest of its files: a trace is compared with a set once. The issues of
all sets have one version; raised, every trace is compared again.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from curation.checking.looking import is_clear, look_at, marked, of_samples, thumbs
from curation.contamination.report import NAME, TOLD, WORDS, Compared
from curation.contamination.rows import EvaluationSet, find
from curation.contamination.table import Table, images_of
from curation.evaluation.benchmark import BadRow
from curation.images import ImageFault
from curation.progress import Advance
from curation.prompts.wording import question_text
from curation.similarity.overlap import FREQUENT, Distinctive, Pair, same_question
from curation.similarity.pictures import matches
from curation.store import Store
from curation.store.pictured import all_seen
from curation.store.queries import has_unswept, unchecked_traces
from curation.store.steps import Check, put_checks, put_issues
from curation.store.text import from_json
from schemas.issue import Issue, Severity
from schemas.sample import Sample
from schemas.trace import Trace

VERSION = 1
_QUOTED = 100
_ROWS = 1000
"""Rows of a set that are compared with a question about their picture."""


class _Hit(NamedTuple):
    """A row that has something in common with a trace."""

    row: int
    image: str | None = None
    difference: float | None = None


def compare(store: Store, path: Path, advance: Advance) -> Compared:
    """Compare the traces that were not compared with this evaluation set yet; store what was found.

    Raises MissingError or DataError for a set that can't be read.
    """
    against = find(path)
    digest = against.digest
    check = f"{NAME} {digest.removeprefix('sha256:')[:16]}"
    report = Compared(name=against.name, path=str(path), digest=digest)
    if not has_unswept(store.engine, check, VERSION):
        return report
    table = Table(against.rows(), against.name, advance)
    new = partial(unchecked_traces, store.engine, {check: VERSION})
    look_at(store, of_samples(some.sample for some in chain.from_iterable(new())), advance)
    comparison = _Comparison(against.name, table, _similar(store, table))
    checks = []
    for some in chain.from_iterable(new()):
        assert some.trace is not None
        trace = from_json(Trace, some.trace)
        comparison.add(from_json(Sample, some.sample), trace)
        checks += [Check(trace.id, check, VERSION), Check(trace.id, NAME, VERSION)]
        advance(len(checks) // 2, f"traces beside {against.name}")
    issues = comparison.issues()
    _keep_pictures(store, against, table, comparison.pictures)
    store.write(put_issues, issues)
    store.write(put_checks, checks)
    return report.model_copy(
        update={
            "checked": len(checks) // 2,
            "rows": len(table.rows),
            "pictures": len(table.digests),
            "unusable": len(table.faults),
            "faults": tuple(table.faults[:TOLD]),
            "found": dict(sorted(Counter(issue.code for issue in issues).items())),
        }
    )


def _similar(store: Store, table: Table) -> dict[str, list[tuple[str, float]]]:
    """Return the pictures of the set that each image of the workspace looks like, the nearest first, by digest."""
    seen = all_seen(store.engine).filter(is_clear())
    digests = seen["digest"]
    found = {digest: {digest: 0.0} for digest in digests.filter(digests.is_in(table.digests))}
    for one, other, difference in matches(marked(seen), partial(thumbs, store, digests), table.marked, table.thumbs):
        found.setdefault(digests[one], {})[table.digests[other]] = difference
    return {digest: sorted(alike.items(), key=lambda item: item[1]) for digest, alike in found.items()}


class _Comparison:
    """What traces have in common with the rows of a set."""

    def __init__(self, name: str, table: Table, similar: dict[str, list[tuple[str, float]]]) -> None:
        self.pictures: set[str] = set()
        """Those of the set that were found, by their digests."""
        self._name, self._table, self._similar = name, table, similar
        self._showing = table.showing()
        self._distinctive = Distinctive(row.question for row in table.rows)
        self._found: list[Issue] = []
        self._asked: list[tuple[Sample, Trace, dict[int, int]]] = []
        self._questions: set[int] = set()
        self._counts = Counter[int]()

    def add(self, sample: Sample, trace: Trace) -> None:
        """Compare a trace."""
        asked = sample.turns[trace.turn].question
        hits = [hit for hit in self._pictured(sample) if not self._is_own(sample, hit.row)]
        pair = next((hit for hit in hits if same_question(asked, self._table.rows[hit.row].question)), None)
        if pair:
            self._found.append(self._issue(sample, trace, "pair", pair))
            return
        if hits:
            self._found.append(self._issue(sample, trace, "image", hits[0]))
        self._ask(sample, trace)

    def _ask(self, sample: Sample, trace: Trace) -> None:
        question = question_text(sample.turns[trace.turn])
        shared = self._distinctive.shared(question)
        shared = {gram: row for gram, row in shared.items() if not self._is_own(sample, row)}
        if shared and hash(question) not in self._questions:
            self._questions.add(hash(question))
            self._counts.update(shared)
        if shared:
            self._asked.append((sample, trace, shared))

    def issues(self) -> list[Issue]:
        """Return what was found in all traces: how many share a sequence of words is known when all were compared."""
        for sample, trace, shared in self._asked:
            row = next((row for gram, row in shared.items() if self._counts[gram] <= FREQUENT), None)
            if row is not None:
                self._found.append(self._issue(sample, trace, "question", _Hit(row)))
        return self._found

    def _pictured(self, sample: Sample) -> Iterator[_Hit]:
        for ref in sample.images:
            for image, difference in self._similar.get(ref.digest, ()):
                for row in self._showing.get(image, ())[:_ROWS]:
                    yield _Hit(row, image, difference)

    def _is_own(self, sample: Sample, row: int) -> bool:
        return self._table.rows[row].key.rpartition("#")[0] == sample.id

    def _issue(self, sample: Sample, trace: Trace, what: str, hit: _Hit) -> Issue:
        row = self._table.rows[hit.row]
        if hit.image:
            self.pictures.add(hit.image)
        pair = Pair(
            benchmark=self._name[:_QUOTED],
            index=row.key[:_QUOTED],
            question=row.question[:_QUOTED],
            image=self._table.refs[hit.image] if hit.image else None,
            difference=hit.difference,
        )
        return Issue(
            sample_id=sample.id,
            turn=trace.turn,
            trace_id=trace.id,
            code=f"{NAME}:{what}",
            severity=Severity.ERROR if what == "pair" else Severity.WARNING,
            message=f"{WORDS[what]} row {pair.index} of {pair.benchmark}",
            evidence=pair.model_dump_json(exclude_none=True),
            version=VERSION,
        )


def _keep_pictures(store: Store, against: EvaluationSet, table: Table, wanted: set[str]) -> None:
    """Keep the pictures that were found, so that both can be shown: read once more, as none was held."""
    places = {row.where for row in table.rows if not wanted.isdisjoint(row.images)}
    for raw in against.rows() if wanted else ():
        if isinstance(raw, str) or raw.where not in places:
            continue
        with suppress(ImageFault, BadRow, OSError):
            for loaded in images_of(raw):
                if loaded.ref.digest in wanted:
                    store.images.put(loaded)
