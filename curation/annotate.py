"""Ask a model for the four stages of every turn that has none yet."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt

from curation import finders, recipes, registry
from curation.asking import paying
from curation.asking.crew import Crew, Results, Terms
from curation.asking.estimate import Estimate, LabelEstimate, ask_all, count
from curation.asking.paying import PaidConfig
from curation.asking.withheld import Labeller, LabelReport, Manner, prompts
from curation.calls.asker import Attempts
from curation.calls.caller import Caller
from curation.calls.request import AnswerForm, Model, Prompt
from curation.config import Names, Report, Table, split_commas
from curation.difficulty import DIFFICULTY, LABELS
from curation.errors import CurationError, Exit, UsageError
from curation.ingest import Ready, Tally, flawed, ready_all
from curation.ingest.rows import IngestReport, RowsConfig, counted, places_of
from curation.progress import Advance, live, logged
from curation.simulator import Habits
from curation.store import Store
from curation.store.flaws import Repair, codes_seen
from curation.store.journal import StoreJournal
from curation.store.labels import Unlabelled, unlabelled
from curation.store.queries import held_sources, mean_completion, traced
from curation.store.writer import Writer
from schemas.call import NANO

_log = logging.getLogger(__name__)


class Config(PaidConfig, RowsConfig):
    """Flags of `annotate`."""

    recipe: str = Field(
        "paper", description="How a trace is asked for: paper, blind, caption-first, or a .py file of your own."
    )
    prompts: Path | None = Field(
        None, description="Folder with texts that take the place of the recipe's, by the names of its files."
    )
    samples: PositiveInt | None = Field(
        None,
        description="With blind and --label: how often a turn is asked without its answer being shown [default: 4].",
    )
    rationalise: Annotated[bool | None, Parameter(negative="--no-rationalise")] = Field(
        None, description="With blind: show the answer where no sample found it (the default); or let the turn fail."
    )
    model: str = Field("gpt-4o", description="Model to ask.")
    habit: Names = Field((), description="With --offline: what the simulator always gets wrong in scenes, NAME=RATE.")
    form: Literal["auto", "schema", "tags"] = Field(
        "auto", description="Form of the answer: JSON schema, tags, or schema until the endpoint refuses it."
    )
    attempts: PositiveInt = Field(2, description="How often a turn is asked when its answer can't be used.")
    retry_wrong: NonNegativeInt = Field(0, description="How often a turn is asked again when its conclusion is wrong.")
    retry_failed: bool = Field(False, description="Ask again for turns that failed for good in an earlier run.")
    ingest: bool = Field(False, description="Only read and store the rows, for instance of a test split; ask nothing.")
    label: Names = Field(
        (), description=f"Read no rows; label traces with how hard their questions are, of {', '.join(LABELS)}."
    )
    repair: Annotated[tuple[str, ...] | None, BeforeValidator(split_commas), Parameter(consume_multiple=True)] = Field(
        None,
        description="Read no rows; ask again for traces with an error, or with an issue of these codes, be it an error"
        " or not, as leakage,consistency:arithmetic; say what was found. Once with each recipe and model.",
    )


class AnnotateReport(IngestReport):
    """What a run of `annotate` did."""

    traces: int
    already: int
    failures: dict[str, int]
    issues: dict[str, int]
    requests: int
    from_store: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    """US dollars of this run, with what may have been billed without an answer."""
    seconds: float
    stopped: str | None = None

    @property
    def exit_code(self) -> Exit:
        """3 where a limit stopped the run, 1 where a turn failed, else 0."""
        if self.stopped:
            return Exit.STOPPED
        return Exit.FAILURES if self.failures or self.unusable_rows or self.missing else Exit.DONE

    def tables(self) -> list[Table]:
        """Return what happened to rows and turns."""
        rows = self._read()
        rows += [("turns with a trace before", self.already), ("turns with a new trace", self.traces)]
        rows += [(f"  issue: {code}", count) for code, count in self.issues.items()]
        rows += [(f"turns that failed: {outcome}", count) for outcome, count in self.failures.items()]
        rows += [("requests sent", self.requests), ("answers from the store", self.from_store)]
        rows += [("prompt tokens", self.prompt_tokens), ("completion tokens", self.completion_tokens)]
        return [Table("annotate", ("what", "count"), rows), *self._sources()]

    def lines(self) -> list[str]:
        """Return what is not there, the money, the time, and what to do next."""
        lines = [*super().lines(), f"${self.cost:.4f} spent in {self.seconds:.1f} s."]
        if not self.rows:
            lines.append("There was nothing to ask about. With --repair: `validate` finds what is to be repaired.")
        if self.stopped:
            lines.append(self.stopped)
        elif self.failures:
            lines.append("Failed turns keep their raw answers; --retry-failed asks for them again.")
        return lines


def run(*, config: Annotated[Config, Parameter(name="*")]) -> Report:
    """Ask a model for the four stages of every turn that has none yet.

    Rows come from --data, --hub or --sample. Answers are stored before they are read, and never paid twice: after a
    crash, Ctrl-C or a used-up budget the same command goes on where it was.

    Without a key: `annotate --source chartqa --sample --offline`.
    """
    _check(config)
    if config.label:
        return _estimate_labels(config) if config.estimate else asyncio.run(_label(config))
    if config.estimate:
        return estimate(config)
    return asyncio.run(_ingest(config) if config.ingest else _annotate(config))


def _check(config: Config) -> None:
    """Refuse combinations that contradict themselves."""
    _check_place(config)
    paying.check(config)
    if config.habit and not config.offline:
        raise UsageError("--habit is for the simulator of --offline")
    if not config.label:
        _recipe(config)
    places_of(config, _imported(config))
    config.rate(config.model)


def _check_place(config: Config) -> None:
    """Refuse flags that say where rows are, where none are read."""
    flags = [flag for flag, given in (("--repair", config.repair is not None), ("--label", config.label)) if given]
    if flags and (config.data or config.hub or config.sample or config.split or config.ingest):
        rows = "--data, --hub, --sample, --split and --ingest"
        raise UsageError(f"{flags[0]} reads from the workspace: give it without {rows}")
    if config.label and config.repair is not None:
        raise UsageError("--label asks for labels alone: give it without --repair")
    if strange := [name for name in config.label if name not in LABELS]:
        raise UsageError(f"no label {strange[0]!r}; {registry.hint(strange[0], LABELS)}")


def _imported(config: Config) -> set[str]:
    """Return what can be repaired though it is no source: all that the workspace has samples of.

    Raises MissingError where there is no workspace to read from.
    """
    if config.repair is None and not config.label:
        return set()
    with Store.open(config.workspace) as store, store.snapshot() as records:
        finders.check(config.repair or (), codes_seen(records))
        return held_sources(records)


def _chosen(config: Config) -> recipes.Settings:
    return recipes.Settings(config.prompts, config.samples, config.rationalise)


def _recipe(config: Config) -> recipes.Recipe:
    return recipes.get(config.recipe, _chosen(config))


def _model(config: Config) -> Model:
    return Model(config.model, config.max_tokens)


def estimate(config: Config) -> Estimate:
    """Say what the run would ask and cost."""
    with Store.open(config.workspace) if Store.exists(config.workspace) else nullcontext() as store:
        return _estimate(config, store)


def _estimate(config: Config, store: Store | None) -> Estimate:
    rate = config.rate(config.model)
    recipe, tally = _recipe(config), Tally()
    made_by = {
        "recipe": recipes.name_of(config.recipe),
        "prompt_version": recipe.VERSION,
        "model": config.model,
        "endpoint": config.endpoint_name,
    }
    samples = ((sample, _done(store, sample, made_by)) for sample in _samples(config, tally, store))
    form: AnswerForm = "tags" if config.form == "tags" else "schema"
    asked = ask_all(samples, recipe, _model(config), form)
    usual = (mean_completion(store.engine, config.model) if store else None) or 400
    return Estimate(
        rows=tally.rows,
        unusable_rows=tally.unusable.total(),
        turns=asked.calls,
        prompt_tokens=asked.prompt_tokens,
        completion_tokens=asked.calls * usual,
        cost=asked.dollars(rate, usual),
        most=asked.dollars(rate, config.max_tokens),
    )


def _samples(config: Config, tally: Tally, store: Store | None, writer: Writer | None = None) -> Iterator[Ready]:
    """Read the samples to ask about; with a writer, those that come from rows are stored."""
    if config.repair is not None:
        repair = Repair(recipes.name_of(config.recipe), config.model, config.repair)
        found = flawed(store, config.names, tally, repair) if store else iter(())
        return islice(found, config.limit)
    return ready_all(places_of(config), tally, store if writer else None, writer)


def _done(store: Store | None, sample: Ready, made_by: dict[str, str]) -> frozenset[int]:
    if sample.flawed:
        return frozenset(range(len(sample.sample.turns))) - sample.flawed.keys()
    if store is None:
        return frozenset()
    return frozenset(traced(store.engine, [sample.sample.id], made_by).get(sample.sample.id, {}))


async def _ingest(config: Config) -> IngestReport:
    tally = Tally()
    with Store.open(config.workspace, create=True) as store, live("ingest", config.limit) as advance:
        writer = Writer(store.engine)
        try:
            for _ in _samples(config, tally, store, writer):
                advance(tally.rows, "rows")
        finally:
            await writer.close()
    return IngestReport(**counted(tally))


async def _annotate(config: Config) -> AnnotateReport:
    begun = time.monotonic()
    tally = Tally()
    async with paying.endpoint_of(config, Habits.from_flags(config.habit)) as endpoint:
        with (
            Store.open(config.workspace, create=True) as store,
            store.run("annotate", paying.settings_of(config)) as run_,
            logged(store.folder / "logs" / f"{run_.id}.log"),
        ):
            writer = Writer(store.engine)
            journal = StoreJournal(writer, run_.id, run_.locks)
            caller = paying.caller_of(config, config.model, endpoint, journal, paying.budget_of(config))
            crew = Crew(caller, store, writer, _terms(config))
            samples = _samples(config, tally, store, writer)
            try:
                stopped = await _work(crew, caller, samples, config)
            finally:
                await caller.client.close()
                await writer.close()
            report = _report(tally, crew.results, caller, time.monotonic() - begun, stopped)
            _log.info("%s", report.model_dump_json())
    return report


def _unlabelled(config: Config, store: Store) -> Iterator[Unlabelled]:
    return islice(unlabelled(store.engine, config.names, config.label, simulated=config.offline), config.limit)


def _estimate_labels(config: Config) -> LabelEstimate:
    """Say what finding labels would ask and cost."""
    rate, labels = config.rate(config.model), 0

    def asked(store: Store) -> Iterator[Prompt]:
        nonlocal labels
        for each in _unlabelled(config, store):
            labels += len(each.missing)
            yield from prompts(each, _manner(config))

    with Store.open(config.workspace) as store:
        found = count(asked(store), _model(config))
        usual = mean_completion(store.engine, config.model, DIFFICULTY) or 400
    return LabelEstimate(
        labels=labels,
        calls=found.calls,
        prompt_tokens=found.prompt_tokens,
        completion_tokens=found.calls * usual,
        cost=found.dollars(rate, usual),
        most=found.dollars(rate, config.max_tokens),
    )


async def _label(config: Config) -> LabelReport:
    async with paying.endpoint_of(config) as endpoint:
        with (
            Store.open(config.workspace) as store,
            store.run("annotate", paying.settings_of(config)) as run_,
            logged(store.folder / "logs" / f"{run_.id}.log"),
            live("label", config.limit) as advance,
        ):
            writer = Writer(store.engine)
            journal = StoreJournal(writer, run_.id, run_.locks)
            caller = paying.caller_of(config, config.model, endpoint, journal, paying.budget_of(config))
            labeller = Labeller(caller, writer, _manner(config))
            work = labeller.work(_unlabelled(config, store))
            try:
                stopped = await paying.attend(
                    work,
                    caller,
                    lambda: advance(labeller.done, paying.words(caller, "labels", labeller.failures.total())),
                )
            finally:
                await caller.client.close()
                await writer.close()
    return labeller.report(stopped)


def _manner(config: Config) -> Manner:
    return Manner(
        samples=config.samples or 4,
        form="tags" if config.form == "tags" else "schema",
        fall_back=config.form == "auto",
        attempts=Attempts(config.attempts, config.retry_failed),
    )


def _terms(config: Config) -> Terms:
    return Terms(
        recipe=config.recipe,
        form="tags" if config.form == "tags" else "schema",
        fall_back=config.form == "auto",
        attempts=Attempts(config.attempts, config.retry_failed),
        retry_wrong=config.retry_wrong,
        settings=_chosen(config),
    )


async def _work(crew: Crew, caller: Caller, samples: Iterator[Ready], config: Config) -> CurationError | None:
    """Let the crew work; return what stopped it, where the same command can go on from there."""
    with live("annotate", config.limit) as advance:
        return await paying.attend(crew.work(samples), caller, lambda: _tell(crew.results, caller, advance))


def _tell(results: Results, caller: Caller, advance: Advance) -> None:
    advance(results.turns, paying.words(caller, "turns", results.failures.total()))


def _report(
    tally: Tally, results: Results, caller: Caller, seconds: float, stopped: CurationError | None
) -> AnnotateReport:
    return AnnotateReport(
        **counted(tally),
        traces=results.traces,
        already=results.already,
        failures=dict(results.failures),
        issues=dict(results.issues),
        requests=caller.counts.sent,
        from_store=caller.counts.stored,
        prompt_tokens=caller.counts.usage.prompt_tokens,
        completion_tokens=caller.counts.usage.completion_tokens,
        cost=caller.budget.spent / NANO,
        seconds=round(seconds, 2),
        stopped=str(stopped) if stopped else None,
    )
