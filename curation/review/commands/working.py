"""`review next`, `decide`, `undo`, `bulk` and `refresh`: what the app does, by script."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, ValidationError

from curation.config import Report, Table
from curation.errors import DataError, Exit, UsageError, first_fault
from curation.progress import live
from curation.review import Deed, Desk, Done
from curation.review.commands.seat import DeskConfig, SliceConfig, seated
from curation.review.desk import new_id
from schemas.digest import digest_json
from schemas.review import Decision, StageVerdict
from schemas.trace import Stage


class NextConfig(SliceConfig):
    """Flags of `review next`."""

    count: PositiveInt = Field(1, description="Most records to take.")


class NextReport(Report):
    """Records that wait for a decision."""

    records: list[dict[str, Any]]

    def tables(self) -> list[Table]:
        """Return the records by what names them; `--json` has all of each."""
        rows = [
            (r["sample_id"], r["turn"], r["duty"], ", ".join(sorted({i["code"] for i in r["issues"]})), r["question"])
            for r in self.records
        ]
        return [Table("next", ("sample", "turn", "duty", "issues", "question"), rows)]

    def lines(self) -> list[str]:
        """Say until when they are held, or that there is nothing."""
        if not self.records:
            return ["Nothing in this slice waits for you."]
        return [f"Yours until {min(record['expires_at'] for record in self.records)}; --json shows them whole."]


def next_(*, config: Annotated[NextConfig, Parameter(name="*")] = NextConfig()) -> NextReport:  # noqa: B008 - frozen
    """Take the next records of the queue, the most pressing first.

    Nobody else is given them for two minutes. Then `review decide --sample-id … --turn … --decision accept`; a second
    `next` gives the same ones until then. The same flags choose a slice everywhere.
    """
    with seated(config) as desk:
        return NextReport(records=[view.as_json() for view in desk.take(config.slice_(), config.count)])


class DecideConfig(DeskConfig):
    """Flags of `review decide`."""

    sample_id: str = Field("", description="The record's sample.")
    turn: NonNegativeInt = Field(0, description="The turn of it.")
    decision: Decision | None = Field(
        None, description="accept, edit (with --text-file), reject (with --reason) or skip."
    )
    reason: str = Field("", description="Why.")
    verdict: Annotated[tuple[str, ...], Parameter(negative="")] = Field(
        (), description="STAGE=positive, neutral or negative; may be given several times."
    )
    wrong_step: Annotated[tuple[PositiveInt, ...], Parameter(negative="")] = Field(
        (), description="A wrong step of the reasoning, by its number in `review next --json`; several times for more."
    )
    text_file: Annotated[tuple[str, ...], Parameter(negative="")] = Field(
        (), description="STAGE=FILE with the stage's new text; may be given several times."
    )
    trace_id: str = Field("", description="The trace that was looked at [default: the one that is to be reviewed].")
    seconds: NonNegativeFloat = Field(0.0, description="How long it took.")
    from_: Annotated[Path | None, Parameter(name="--from", allow_leading_hyphen=True)] = Field(
        None, description="Carry out the deeds of a file instead: a JSON object on each line; - reads standard input."
    )


class DoneReport(Report):
    """What became of deeds."""

    done: int
    refused: int
    deeds: list[dict[str, Any]]

    @property
    def exit_code(self) -> Exit:
        """Return 1 where a deed was refused."""
        return Exit.FAILURES if self.refused else Exit.DONE

    def tables(self) -> list[Table]:
        """Return what was refused, and why."""
        rows = [(d["sample_id"], d["turn"], d["fault"]) for d in self.deeds if d["fault"]]
        return [Table("refused", ("sample", "turn", "why"), rows)]

    def lines(self) -> list[str]:
        """Return how the records stand, or their number where there are many."""
        stand = [_stands(deed) for deed in self.deeds if not deed["fault"]]
        return stand if len(stand) <= 20 else [f"{self.done:,} done."]


def _stands(deed: dict[str, Any]) -> str:
    if deed["records"] > 1:
        return f"A bulk action on {deed['records']:,} turns was undone."
    return f"{deed['sample_id']}, turn {deed['turn']}: {deed['state']}."


def decide(*, config: Annotated[DecideConfig, Parameter(name="*")] = DecideConfig()) -> DoneReport:  # noqa: B008 - frozen
    """Decide on one record by flags, or carry out deeds from a file.

    A line of the file is {"sample_id": …, "decision": …} and whatever else a deed has: turn, text (the reason),
    verdicts, wrong_steps, texts, trace_id; act may be comment, flag, unflag, gold or undo. What a file says is done
    once, however often it is read; give a line an id of its own to say the same again.
    """
    _check(config)
    with seated(config) as desk:
        deeds = _deeds_from(config.from_, desk) if config.from_ else [_deed_of(config, desk)]
        return _report(desk.carry_out(deeds))


def _check(config: DecideConfig) -> None:
    said = config.decision, config.text_file, config.verdict, config.wrong_step, config.reason
    one = bool(config.sample_id or any(said))
    if one == (config.from_ is not None):
        raise UsageError("give --sample-id and --decision for one record, or --from FILE for many")
    if one and not (config.sample_id and (config.decision or config.text_file)):
        raise UsageError("one record needs --sample-id, --turn where it has several, and --decision")


def _deed_of(config: DecideConfig, desk: Desk) -> Deed:
    texts = {stage: _read_text(file) for stage, file in _by_stage("text-file", config.text_file)}
    fields = {
        "decision": config.decision or Decision.EDIT,
        "sample_id": config.sample_id,
        "turn": config.turn,
        "trace_id": config.trace_id,
        "text": config.reason,
        "verdicts": dict(_by_stage("verdict", config.verdict)),
        "wrong_steps": config.wrong_step,
        "texts": texts,
        "seconds": config.seconds,
    }
    try:
        return _deed(fields, new_id(), desk)
    except ValidationError as error:
        raise UsageError(first_fault(error)) from None


def _by_stage(flag: str, given: Sequence[str]) -> Iterator[tuple[Stage, str]]:
    """Read STAGE=VALUE flags."""
    for each in given:
        name, _, value = each.partition("=")
        if name not in set(Stage) or not value:
            raise UsageError(f"--{flag} {each}: write STAGE={_TAKES[flag]}; the stages are {', '.join(Stage)}")
        yield Stage(name), value


_TAKES = {"verdict": "|".join(StageVerdict), "text-file": "FILE"}


def _read_text(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read as text: {error}") from error


def _deed(fields: dict[str, Any], deed_id: str, desk: Desk) -> Deed:
    """Make a deed; one about a record that names no trace is about the one that is to be reviewed."""
    fields = {"id": deed_id, "act": "review"} | fields
    if fields["act"] in {"review", "gold"} and fields.get("sample_id") and not fields.get("trace_id"):
        fields["trace_id"] = desk.look(str(fields["sample_id"]), int(fields.get("turn", 0))).trace.id
    return Deed.model_validate(fields)


def _deeds_from(file: Path, desk: Desk) -> list[Deed]:
    """Read a file of deeds. Raises DataError that names the line which is none."""
    deeds = []
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            deeds.append(_deed(fields, digest_json([desk.reviewer.name, number, fields])[7:39], desk))
        except ValidationError as error:
            raise DataError(f"{file}, line {number}: {first_fault(error)}") from None
        except (ValueError, TypeError) as error:
            raise DataError(f"{file}, line {number} is no JSON object of a deed: {error}") from None
    return deeds


def _lines(file: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read as text: {error}") from error
    return text.split("\n")


def _report(done: Sequence[Done]) -> DoneReport:
    refused = sum(bool(each.fault) for each in done)
    deeds = [each._asdict() | {"state": each.state.value if each.state else None} for each in done]
    return DoneReport(done=len(done) - refused, refused=refused, deeds=deeds)


class UndoConfig(DeskConfig):
    """Flags of `review undo`."""

    event: str | None = Field(None, description="Id of an event or of a bulk action [default: what you did last].")
    count: PositiveInt = Field(1, description="How many of your last acts to undo, the newest first.")


def undo(*, config: Annotated[UndoConfig, Parameter(name="*")] = UndoConfig()) -> DoneReport:  # noqa: B008 - frozen
    """Undo what you did last; nothing is erased, what is undone just counts no more.

    A bulk action is undone as a whole. The words of an undone edit are kept as your draft.
    """
    if config.event and config.count > 1:
        raise UsageError("--event names one thing to undo; give it without --count")
    with seated(config) as desk:
        deeds = [Deed(id=new_id(), act="undo", undoes=config.event) for _ in range(config.count)]
        return _report(desk.carry_out(deeds))


class BulkConfig(SliceConfig):
    """Flags of `review bulk`."""

    decision: Decision = Field(description="accept, reject (with --reason) or skip.")
    reason: str = Field("", description="Why.")
    yes: NonNegativeInt | None = Field(
        None, description="Don't ask: the number of turns that the slice is expected to hold."
    )


class BulkReport(Report):
    """What a bulk action did."""

    group: str | None
    """What undoes it; None where it was not done."""
    done: int
    left: int

    def lines(self) -> list[str]:
        """Return what was done, and how to undo it."""
        if self.group is None:
            return ["Nothing was done."]
        others = f" {self.left:,} were left to others who have them." if self.left else ""
        return [f"{self.done:,} turns were decided.{others} To undo it: review undo --event {self.group}"]


def bulk(*, config: Annotated[BulkConfig, Parameter(name="*")]) -> BulkReport:
    """Decide on every record of a slice at once: it counts them, and asks before it does.

    In a script, --yes N says how many are expected; with any other number nothing is done.
    """
    if config.decision is Decision.REJECT and not config.reason.strip():
        raise UsageError("a rejection needs a reason: --reason")
    with seated(config) as desk:
        desk.refresh()
        slice_ = config.slice_()
        expected = desk.count(slice_) if config.yes is None else config.yes
        if config.yes is None and not _agreed(f"{config.decision.value} {expected:,} turns?"):
            return BulkReport(group=None, done=0, left=0)
        return BulkReport(**desk.bulk(slice_, config.decision, config.reason, expected=expected)._asdict())


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(f"{question} nobody is here to answer: say it with --yes N")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


class RefreshReport(Report):
    """What a refresh did."""

    samples: int

    def lines(self) -> list[str]:
        """Return the number of samples."""
        return [f"{self.samples:,} samples were looked at; the queue is up to date."]


def refresh(*, config: Annotated[DeskConfig, Parameter(name="*")] = DeskConfig()) -> RefreshReport:  # noqa: B008 - frozen
    """Bring the queue up to date with traces and issues that came since; the app does so by itself, bit by bit."""
    with seated(config) as desk, live("refresh") as advance:
        return RefreshReport(samples=desk.refresh(advance))
