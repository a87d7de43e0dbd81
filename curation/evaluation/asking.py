"""The way from problems to answers: a model is opened, searched with, and what the search gives is kept as outcomes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import AutoConfig

from curation import families, judges, search
from curation.errors import DataError, UsageError
from curation.evaluation.marking import mark_all
from curation.evaluation.outcomes import Cost, Outcome, answer
from curation.evaluation.questions import Problem
from curation.evaluation.summary import Answers
from curation.evaluation.systems import Contender, Options, System, Way, digest
from curation.families import VisionModel
from curation.progress import Advance
from schemas.digest import digest_json
from schemas.trace import Stage

FITTED_ON = 200
"""Held-out questions, at most, that the threshold of retracing is fitted on."""


class Setup(NamedTuple):
    """What is the same for every model."""

    options: Options
    family: str
    device: str
    at_once: int
    folder: Path
    """Where the answers are kept."""
    fitting: Callable[[], list[Problem]]
    """Gives the questions that a threshold may be fitted on: held out, and never those that are asked."""


class Examinee:
    """A model that answers; it is opened when the first answer is missing."""

    def __init__(self, contender: Contender, setup: Setup) -> None:
        self._contender = contender
        self._setup = setup

    @cached_property
    def _model(self) -> VisionModel:
        device = resolve(self._setup.device)
        return families.open_model(self._contender.source, self._setup.family, _dtype(device), device)

    @cached_property
    def _digest(self) -> str:
        source = self._contender.source
        if Path(source).is_dir():
            return digest(Path(source))
        return digest_json({"hub": source, "commit": getattr(AutoConfig.from_pretrained(source), "_commit_hash", None)})

    def answers(self, way: Way, problems: Sequence[Problem], seen: Callable[[int], None]) -> Answers:
        """Return the answers to the problems, those that are kept already and those that are missing."""
        threshold = self._threshold(way, seen) if way.search == "retracing" else None
        system, outcomes = self._ask(way, problems, threshold, seen)
        return Answers(system, outcomes, mark_all(problems, outcomes))

    def _ask(
        self, way: Way, problems: Sequence[Problem], threshold: float | None, seen: Callable[[int], None]
    ) -> tuple[System, list[Outcome]]:
        settings = self._setup.options.of(way)
        settings["dtype"] = str(_dtype(resolve(self._setup.device))).removeprefix("torch.")
        if threshold is not None:
            settings["threshold"] = threshold
        system = System(
            label=self._contender.label, digest=self._digest, search=way.search, judge=way.judge, settings=settings
        )

        def searched(missing: Sequence[Problem]) -> Iterator[Outcome]:
            return found(way.search, self._model, missing, self._settings(way, threshold))

        return system, answer(self._setup.folder, system, problems, searched, seen)

    def _settings(self, way: Way, threshold: float | None) -> search.Settings:
        options = self._setup.options.model_dump()
        settings = search.Settings(**options, at_once=self._setup.at_once, threshold=threshold)
        return replace(settings, judge=way.judge) if way.judge else settings

    def _threshold(self, way: Way, seen: Callable[[int], None]) -> float:
        """Fit the threshold on the scores that the same judge gives to reasonings of held-out questions."""
        problems = self._setup.fitting()[:FITTED_ON]
        _, outcomes = self._ask(Way("stage-beam", way.judge), problems, None, lambda _: seen(0))
        candidates = (candidate for outcome in outcomes for candidate in outcome.candidates)
        scores = [one["score"] for one in candidates if one["stage"] == Stage.REASONING and one["score"] is not None]
        if len(scores) < 2:
            label = self._contender.label
            raise UsageError(
                f"{label} wrote no reasonings to fit a threshold on: retracing is for models that use stages"
            )
        return search.fit_threshold(scores)


def check(contenders: Iterable[Contender], ways: Iterable[Way]) -> None:
    """Refuse what can't be asked, before anything is. Raises UsageError and MissingError as the parts do."""
    for way in ways:
        search.get(way.search)
        if way.judge and not judges.get(way.judge).ABSOLUTE and way.search == "retracing":
            raise UsageError(f"retracing can't use the judge {way.judge}, whose scores rank the candidates of one step")
    for contender in contenders:
        families.detect(contender.source)


def ask_all(
    contenders: Sequence[Contender], ways: Sequence[Way], problems: Sequence[Problem], setup: Setup, advance: Advance
) -> list[Answers]:
    """Ask every model with every search. `advance` is told how many answers there are."""
    answers: list[Answers] = []
    for contender in contenders:
        examinee = Examinee(contender, setup)
        for way in ways:
            before, words = len(answers) * len(problems), f"{contender.label} {way.search} {way.judge or ''}"

            def seen(done: int, before: int = before, words: str = words) -> None:
                advance(before + done, words)

            answers.append(examinee.answers(way, problems, seen))
    return answers


def resolve(device: str) -> str:
    """Return the device that is meant. Raises UsageError where there is no such device."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"no device {device!r} here: {str(error).splitlines()[0]}") from error
    return device


def _dtype(device: str) -> torch.dtype:
    return torch.float32 if device == "cpu" else torch.bfloat16


def found(name: str, model: VisionModel, problems: Sequence[Problem], settings: search.Settings) -> Iterator[Outcome]:
    """Search for answers to the problems, in their order. Raises DataError for a picture that can't be read."""
    results = search.run(name, model, map(question, problems), settings)
    for problem, result in zip(problems, results, strict=True):
        if result.question_id != problem.id:
            raise ValueError(f"{result.question_id} is the answer to another question than {problem.id}")
        candidates = tuple(asdict(candidate) for candidate in result.candidates)
        cost = Cost(**asdict(result.cost))
        yield Outcome(id=problem.id, key=problem.key, text=result.text, candidates=candidates, cost=cost)


def question(problem: Problem) -> search.Question:
    """Read the pictures of a problem."""
    try:
        images = tuple(picture.path.read_bytes() for picture in problem.pictures)
    except OSError as error:
        raise DataError(f"a picture of {problem.id} can't be read: {error}") from error
    return search.Question(problem.id, problem.turn, images, problem.reference)
