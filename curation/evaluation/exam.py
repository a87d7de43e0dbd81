"""All that the models are asked: the held-out split of a release, and benchmarks."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from curation.errors import UsageError
from curation.evaluation import benchmark, questions
from curation.evaluation.benchmark import Benchmark
from curation.evaluation.predictions import file_part
from curation.evaluation.questions import Problem


class Places(NamedTuple):
    """Where questions are."""

    release: Path | None
    """Proven to be what was built."""
    records: Path | None
    """Its records in the format jsonl, which may be the release itself."""
    split: str
    benchmarks: Sequence[Path]
    limit: int | None
    """Of the questions of each."""

    @property
    def name(self) -> str:
        """For a folder. Raises UsageError where there is nowhere to read."""
        places = [*([self.release] if self.release else []), *self.benchmarks]
        if not places:
            raise UsageError("nothing to ask: give --release DIR, or --benchmark FILE.tsv")
        return "-".join(file_part(place.resolve().stem) for place in places)


class Exam(NamedTuple):
    """The same for every model."""

    problems: list[Problem]
    """Those of the release, then those of the benchmarks."""
    benchmarks: list[Benchmark]

    @property
    def faults(self) -> list[str]:
        """A sentence for each row that can't be used."""
        return [fault for benchmark in self.benchmarks for fault in benchmark.faults]


def read(places: Places, images: Path) -> Exam:
    """Read the questions; the images of benchmarks become files in the folder `images`.

    Raises UsageError for two benchmarks of one name, MissingError and DataError as the places do.
    """
    names = [path.stem for path in places.benchmarks]
    if len(set(names)) < len(names):
        raise UsageError(f"two benchmarks are named {max(names, key=names.count)}: give each once, or rename a file")
    problems = questions.of_release(places.records, places.split, places.limit) if places.records else []
    benchmarks = [benchmark.read(path, images, places.limit) for path in places.benchmarks]
    return Exam(problems + [problem for one in benchmarks for problem in one.problems], benchmarks)
