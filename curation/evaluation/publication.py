"""What a comparison leaves in its folder: the page, and prediction files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from curation.evaluation import coverage, page, predictions
from curation.evaluation.benchmark import Benchmark
from curation.evaluation.curves import losses
from curation.evaluation.exam import Exam, Places
from curation.evaluation.examples import differing
from curation.evaluation.page import Contents
from curation.evaluation.summary import Answers, Summary
from curation.evaluation.systems import Contender
from curation.page import put

PAGE = "report.html"


class Evaluated(NamedTuple):
    """What was asked of whom, and the answers."""

    places: Places
    exam: Exam
    models: Sequence[Contender]
    answers: Sequence[Answers]

    @property
    def faults(self) -> list[str]:
        """A sentence for each row that could not be used, and for each question that could not be asked."""
        outcomes = (outcome for one in self.answers for outcome in one.outcomes)
        unasked = {f"{outcome.id}: {outcome.unasked}": None for outcome in outcomes if outcome.unasked}
        return [*self.exam.faults, *unasked]


def publish(evaluated: Evaluated, summary: Summary, out: Path) -> list[Path]:
    """Write the page and the prediction files into the folder; return the prediction files."""
    records = evaluated.places.records
    curves = (losses(model.label, model.run) for model in evaluated.models)
    contents = Contents(
        title=f"Verified: {', '.join(model.label for model in evaluated.models)}",
        asked=_asked(evaluated),
        summary=summary,
        losses=[found for found in curves if found],
        coverage=coverage.of_release(records) if records else (),
        examples=differing(evaluated.exam.problems, evaluated.answers),
        faults=evaluated.faults,
        made_with=dict(_made_with(evaluated)),
    )
    put(out / PAGE, page.render(contents))
    return list(_predictions(evaluated, out / "predictions"))


def _asked(evaluated: Evaluated) -> str:
    places = [one.name for one in evaluated.exam.benchmarks]
    if release := evaluated.places.release:
        places.insert(0, f"the split {evaluated.places.split} of the release {release.resolve().name}")
    return f"{len(evaluated.exam.problems):,} questions of {' and '.join(places)}."


def _made_with(evaluated: Evaluated) -> Iterator[tuple[str, str]]:
    for one in evaluated.answers:
        system = one.system
        settings = ", ".join(f"{name} {value}" for name, value in system.settings.items())
        yield system.name, f"{settings}; weights {system.digest[:19]}"


def _predictions(evaluated: Evaluated, folder: Path) -> Iterator[Path]:
    """Write what each system answered to each benchmark, whole and conclusions only."""
    for one in evaluated.answers:
        answered = zip(evaluated.exam.problems, one.outcomes, one.marks, strict=True)
        texts = {problem.id: (outcome.text, mark.extracted.conclusion) for problem, outcome, mark in answered}
        for benchmark in evaluated.exam.benchmarks:
            yield from _of_benchmark(folder, _file_label(one), benchmark, texts)


def _of_benchmark(folder: Path, label: str, benchmark: Benchmark, texts: dict[str, tuple[str, str]]) -> Iterator[Path]:
    for number, kind in enumerate(("raw", "conclusion")):
        given = [texts[problem.id][number] for problem in benchmark.problems]
        yield from predictions.write(folder / kind, label, benchmark, given)


def _file_label(one: Answers) -> str:
    return f"{predictions.file_part(one.system.label)}_{predictions.file_part(one.system.way)}"
