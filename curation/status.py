"""What the workspace holds, what it cost, and what is open."""

from typing import Annotated

from cyclopts import Parameter
from pydantic import BaseModel

from curation.config import Report, Table, WorkspaceConfig
from curation.store import Store, census
from curation.store.census import SourceCount
from curation.store.liveness import alive
from schemas.call import NANO


class Config(WorkspaceConfig):
    """Flags of `status`."""


class Money(BaseModel):
    """US dollars, and the requests they stand for."""

    spent: float
    reserved: float
    reserved_requests: int
    maybe_billed: float
    maybe_billed_requests: int
    saved: float
    saved_requests: int


class StatusReport(Report):
    """The state of a workspace."""

    sources: list[SourceCount]
    traces: dict[str, int]
    """By state: clean, flagged, unchecked."""
    reviews: dict[str, int]
    """Turns by what people made of them; empty before anybody has reviewed one."""
    verdicts: list[tuple[str, str, int]]
    """What each judge has said, and how often."""
    failed: dict[str, int]
    """Turns without a trace, by the outcome of their last call."""
    issues: list[tuple[str, str, str, int]]
    calls: dict[str, int]
    """By outcome."""
    money: Money

    def tables(self) -> list[Table]:
        """Return all figures."""
        columns = tuple(SourceCount.model_fields)
        return [
            Table("sources", columns, [tuple(row.model_dump().values()) for row in self.sources]),
            Table("traces", ("state", "count"), sorted(self.traces.items())),
            Table("reviews", ("state", "turns"), sorted(self.reviews.items())),
            Table("verdicts", ("judge", "said", "count"), self.verdicts),
            Table("failed turns", ("outcome of the last call", "count"), sorted(self.failed.items())),
            Table("issues", ("source", "code", "severity", "count"), self.issues),
            Table("calls", ("outcome", "count"), sorted(self.calls.items())),
            Table("money", ("what", "requests", "US dollars"), self._money()),
        ]

    def _money(self) -> list[tuple[str, object, str]]:
        money = self.money
        return [
            ("spent", sum(self.calls.values()), f"{money.spent:.4f}"),
            ("reserved, on their way", money.reserved_requests, f"{money.reserved:.4f}"),
            ("may have been billed without an answer", money.maybe_billed_requests, f"{money.maybe_billed:.4f}"),
            ("saved by stored answers", money.saved_requests, f"{money.saved:.4f}"),
        ]


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> StatusReport:  # noqa: B008 - frozen
    """Count what the workspace holds: rows, turns, traces by state, reviews, verdicts, issues, calls, and money."""
    with Store.open(config.workspace) as store:
        engine = store.engine
        money = census.money(engine, lambda run_id: alive(store.locks, run_id))
        return StatusReport(
            sources=census.by_source(engine),
            traces=census.by_state(engine),
            reviews=census.by_review(engine),
            verdicts=census.by_judge(engine),
            failed=census.failed_by_outcome(engine),
            issues=census.by_code(engine),
            calls=census.by_outcome(engine),
            money=Money(
                spent=money.spent / NANO,
                reserved=money.reserved / NANO,
                reserved_requests=money.reserved_requests,
                maybe_billed=money.unclear / NANO,
                maybe_billed_requests=money.unclear_requests,
                saved=money.saved / NANO,
                saved_requests=money.saved_requests,
            ),
        )
