"""Workers that have questions answered without what they should need, and label the traces with how often it went well.

The answers come from the recipe `blind` with a prompt of its own: several samples, marked by the source's scorer.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from curation import recipes, scorers
from curation.calls.asker import Asker, Attempts, NoAnswer
from curation.calls.caller import Caller, NoSchema, Origin
from curation.calls.request import AnswerForm, Prompt
from curation.config import Report, Table
from curation.difficulty import DIFFICULTY, label
from curation.errors import CurationError, Exit
from curation.recipes import Exchange, Task
from curation.store.labels import Unlabelled
from curation.store.steps import put_issues
from curation.store.writer import Writer
from curation.strata import difficulty_of
from schemas.call import NANO, Outcome
from schemas.sample import Turn
from schemas.trace import Stages, parse_answer

_log = logging.getLogger(__name__)
_PROMPTS = Path(recipes.__file__).parent / "prompts" / "withheld"
_FINAL = frozenset({Outcome.REJECTED, Outcome.GAVE_UP})


class Manner(NamedTuple):
    """How is asked."""

    samples: int
    form: AnswerForm
    fall_back: bool
    """To tags, where the endpoint does not support JSON schemas."""
    attempts: Attempts


class LabelReport(Report):
    """What a run of `annotate --label` did."""

    labels: dict[str, dict[str, int]]
    """New labels, by name and how often the questions were answered right."""
    failures: dict[str, int]
    """Traces that got no label, by outcome of the last call."""
    requests: int
    from_store: int
    cost: float
    """US dollars of this run, with what may have been billed without an answer."""
    stopped: str | None = None

    @property
    def exit_code(self) -> Exit:
        """3 where a limit stopped the run, 1 where a label failed, else 0."""
        if self.stopped:
            return Exit.STOPPED
        return Exit.FAILURES if self.failures else Exit.DONE

    def tables(self) -> list[Table]:
        """Return the new labels."""
        rows = [(name, often, count) for name, counts in self.labels.items() for often, count in counts.items()]
        return [Table("labels", ("difficulty", "answered", "traces"), rows)]

    def lines(self) -> list[str]:
        """Return what was sent, what failed, and what stopped the run."""
        sent = f"{self.requests:,} requests sent, {self.from_store:,} answers from the store, ${self.cost:.4f}."
        failed = [f"{count:,} labels failed: {outcome}." for outcome, count in self.failures.items()]
        return [sent, *failed, *([self.stopped] if self.stopped else [])]


class Labeller:
    """The workers of one run."""

    def __init__(self, caller: Caller, writer: Writer, manner: Manner) -> None:
        self.found: dict[str, Counter[str]] = {}
        """New labels by name, and how often the questions were answered right."""
        self.failures: Counter[str] = Counter()
        self._caller = caller
        self._writer = writer
        self._manner = manner
        self._form = manner.form
        self._recipe = _recipe(manner)

    @property
    def done(self) -> int:
        """Labels that are found or failed."""
        return sum(counts.total() for counts in self.found.values()) + self.failures.total()

    async def work(self, traces: Iterator[Unlabelled]) -> None:
        """Label every trace. Raises the CurationError that stopped the run; what came back until then is stored."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._caller.gate.limits.concurrency):
                group.create_task(self._worker(traces))
        await self._writer.flush()
        if self._caller.stopped is not None:
            raise self._caller.stopped

    def report(self, stopped: CurationError | None) -> LabelReport:
        """Return what was done; `stopped` is what ended it early."""
        counts = self._caller.counts
        return LabelReport(
            labels={name: dict(sorted(found.items())) for name, found in sorted(self.found.items())},
            failures=dict(self.failures),
            requests=counts.sent,
            from_store=counts.stored,
            cost=self._caller.budget.spent / NANO,
            stopped=str(stopped) if stopped else None,
        )

    async def _worker(self, traces: Iterator[Unlabelled]) -> None:
        for each in traces:  # which all workers share: none waits inside of it
            for name in each.missing:
                if self._caller.stopped is not None:
                    return
                try:
                    await self._label(each, name)
                except CurationError as error:
                    self._caller.stop(error)

    async def _label(self, each: Unlabelled, name: str) -> None:
        try:
            right, samples = await self._asked(_task(each, name))
        except NoAnswer as failed:
            self.failures[failed.call.outcome.value] += 1
            _log.warning("%s, turn %d, no label: %s", each.sample.id, each.trace.turn, failed)
            return
        self._writer.post(put_issues, label(each.trace, name, self._caller.model.name, right, samples))
        self.found.setdefault(name, Counter())[difficulty_of(right / samples)] += 1

    async def _asked(self, task: Task) -> tuple[int, int]:
        """Return how many answers are right, of how many that can be read. Raises NoAnswer where none can be."""
        asker = Asker(
            self._caller,
            Origin(task.sample.id, task.number, DIFFICULTY, self._recipe.VERSION),
            self._form,
            self._manner.attempts,
        )
        marks: list[bool] = []
        last: NoAnswer | None = None
        for number in range(self._manner.samples):
            try:
                conclusion = await self._conclusion(asker, task, number)
            except NoAnswer as failed:
                if failed.call.outcome in _FINAL:
                    raise
                last = failed
            else:
                marks.append(scorers.mark(conclusion, task.turn).score.correct)
        if last is not None and not marks:
            raise last
        return sum(marks), len(marks)

    async def _conclusion(self, asker: Asker, task: Task, number: int) -> str:
        try:
            return (await asker(self._prompt(task, asker.form, number), _read)).value
        except NoSchema:
            if not self._manner.fall_back:
                raise CurationError("the endpoint does not support JSON schemas; use --form tags") from None
            self._form = asker.form = "tags"
            return (await asker(self._prompt(task, asker.form, number), _read)).value

    def _prompt(self, task: Task, form: AnswerForm, number: int) -> Prompt:
        return recipes.all_prompts(self._recipe, task, form)[number]


def prompts(each: Unlabelled, manner: Manner) -> Iterator[Prompt]:
    """Give all prompts that the labels which a trace lacks take, when all goes well."""
    for name in each.missing:
        yield from recipes.all_prompts(_recipe(manner), _task(each, name), manner.form)


def _recipe(manner: Manner) -> recipes.Recipe:
    return recipes.get("blind", recipes.Settings(_PROMPTS, manner.samples))


def _task(each: Unlabelled, name: str) -> Task:
    """Return the turn without its images, and with the trace's caption where that takes their place."""
    number = each.trace.turn
    turns = list(each.sample.turns)
    if name == "caption-only":
        turns[number] = _captioned(turns[number], each.trace.stages.caption)
    sample = each.sample.model_copy(update={"images": (), "turns": tuple(turns)})
    earlier = tuple(Exchange(turn.question, turn.target) for turn in turns[:number] if turn.target is not None)
    return Task(sample, number, (), earlier)


def _captioned(turn: Turn, caption: str) -> Turn:
    said = f"Caption of the image: {caption}"
    return turn.model_copy(update={"context": f"{turn.context}\n{said}" if turn.context else said})


def _read(text: str) -> str:
    """Return the conclusion of an answer. Raises ValueError for what is none."""
    stages = parse_answer(text)
    if not isinstance(stages, Stages):
        raise ValueError(f"{len(stages)} faults in its stages")  # noqa: TRY004 - of the text
    return stages.conclusion
