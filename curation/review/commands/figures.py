"""`review agreement`, `batches` and `send-back`: how far reviewers agree, and what is to be done over."""

from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import Field, PositiveInt

from curation.config import Report, Table
from curation.review import batches as judging
from curation.review import comparisons
from curation.review.batches import Batch
from curation.review.commands.seat import DeskConfig, seated
from curation.review.commands.working import BulkReport
from curation.review.comparisons import Comparison


class AgreementReport(Report):
    """How far reviewers agree."""

    comparisons: list[dict[str, Any]]

    def tables(self) -> list[Table]:
        """Return a table for each thing that reviewers answer."""
        columns = ("by", "of", "coefficient", "value", "95 % interval", "records", "same answer", "why not")
        about = dict.fromkeys(each["about"] for each in self.comparisons)
        return [
            Table(what, columns, [_compared(each) for each in self.comparisons if each["about"] == what])
            for what in about
        ]

    def lines(self) -> list[str]:
        """Say so where nobody was compared."""
        if any(each["figure"]["records"] for each in self.comparisons):
            return []
        return ["No record has two reviews yet: a tenth of the records goes to a second reviewer by itself."]


def _compared(each: dict[str, Any]) -> tuple[object, ...]:
    figure = each["figure"]
    interval = "" if figure["low"] is None else f"{figure['low']:.2f} to {figure['high']:.2f}"
    value = "" if figure["value"] is None else f"{figure['value']:.2f}"
    agreed = "" if figure["agreed"] is None else f"{figure['agreed']:.0%}"
    names = " and ".join(each["of"])
    return (each["by"], names, each["coefficient"], value, interval, figure["records"], agreed, figure["reason"])


def agreement(*, config: Annotated[DeskConfig, Parameter(name="*")] = DeskConfig()) -> AgreementReport:  # noqa: B008 - frozen
    """Compare reviewers who looked at the same traces without knowing of each other.

    Krippendorff's α over all and by source, Cohen's κ by reviewer and by pair; for decisions, and for the verdicts on
    each stage.
    """
    with seated(config) as desk:
        return AgreementReport(comparisons=[_as_json(each) for each in comparisons.agreement(desk.store)])


def _as_json(each: Comparison) -> dict[str, Any]:
    return each._asdict() | {"figure": each.figure._asdict()}


class BatchesReport(Report):
    """Reviewers' batches."""

    batches: list[dict[str, Any]]

    def tables(self) -> list[Table]:
        """Return them by reviewer."""
        names = ("reviewer", "number", "decisions", "checks", "wrong", "waiting", "outcome", "begun", "ended")
        return [Table("batches", names, [tuple(batch[name] for name in names) for batch in self.batches])]

    def lines(self) -> list[str]:
        """Say which are to be sent back."""
        failed = [batch for batch in self.batches if batch["outcome"] == judging.Outcome.FAILED]
        said = "Send it back: review send-back --decided-by {reviewer} --batch {number}"
        return [said.format_map(batch) for batch in failed] or ([] if self.batches else ["Nobody has decided yet."])


def batches(*, config: Annotated[DeskConfig, Parameter(name="*")] = DeskConfig()) -> BatchesReport:  # noqa: B008 - frozen
    """List every reviewer's decisions by batches of 300, and what second reviews, rulings and known answers found."""
    with seated(config) as desk:
        found = judging.batches(desk.store, desk.terms)
    return BatchesReport(batches=[_batch(each) for each in found])


def _batch(each: Batch) -> dict[str, Any]:
    return each._asdict() | {
        "outcome": each.outcome.value,
        "share": each.share._asdict() if each.share else None,
    }


class SendBackConfig(DeskConfig):
    """Flags of `review send-back`."""

    decided_by: str = Field(description="Whose batch.")
    batch: PositiveInt = Field(description="Its number.")


def send_back(*, config: Annotated[SendBackConfig, Parameter(name="*")]) -> BulkReport:
    """Send back a batch whose checks failed: what nobody has checked of it is pending again, for anybody."""
    with seated(config) as desk:
        return BulkReport(**judging.send_back(desk, config.decided_by, config.batch)._asdict())
