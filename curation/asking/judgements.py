"""What `judge` reports: verdicts, preferences, what was not judged, and what it cost or would cost."""

from curation.config import Report, Table
from curation.errors import Exit


class Row(Report):
    """What one judge did in a run."""

    judge: str
    already: int
    """Traces that it has judged before."""
    not_judged: dict[str, int]
    """By outcome of the last call."""
    requests: int
    from_store: int


class VerdictRow(Row):
    """Its verdicts, each trace by its worst stage."""

    positive: int = 0
    neutral: int = 0
    negative: int = 0

    @property
    def traces(self) -> int:
        """How many there were for it."""
        return self.positive + self.neutral + self.negative + self.already + sum(self.not_judged.values())


class PreferenceRow(Row):
    """Its preferences between repaired traces and what they were made from."""

    better: int = 0
    """The repaired one is preferred."""
    worse: int = 0
    neither: int = 0
    """Both are as good, or the two orders gave different answers."""


class JudgeReport(Report):
    """What a run of `judge` did."""

    judges: list[VerdictRow]
    compared: list[PreferenceRow]
    unread: list[tuple[str, str, str]]
    """The first traces without a verdict: judge, trace and reason."""
    simulated: bool
    """It was the simulator that judged."""
    cost: float
    """US dollars of this run, with what may have been billed without an answer."""
    seconds: float
    stopped: str | None = None

    @property
    def exit_code(self) -> Exit:
        """3 where a limit stopped the run, 1 where a trace is not judged, else 0."""
        if self.stopped:
            return Exit.STOPPED
        return Exit.FAILURES if any(row.not_judged for row in self._rows) else Exit.DONE

    @property
    def _rows(self) -> list[Row]:
        return [*self.judges, *self.compared]

    def tables(self) -> list[Table]:
        """Return what each judge said, and what it was not understood on."""
        verdicts = [
            (row.judge, row.positive, row.neutral, row.negative, row.already, sum(row.not_judged.values()))
            for row in self.judges
        ]
        preferences = [
            (row.judge, row.better, row.worse, row.neither, row.already, sum(row.not_judged.values()))
            for row in self.compared
        ]
        return [
            Table(
                "verdicts of this run, each trace by its worst stage",
                ("judge", "positive", "neutral", "negative", "judged before", "not judged"),
                verdicts,
            ),
            Table(
                "repaired traces beside those that they were made from",
                ("judge", "better", "worse", "neither", "judged before", "not judged"),
                preferences,
            ),
            Table("not judged", ("judge", "trace", "why"), self.unread),
        ]

    def lines(self) -> list[str]:
        """Return the requests, the money, the time, and what to do next."""
        sent, stored = sum(row.requests for row in self._rows), sum(row.from_store for row in self._rows)
        money = f"${self.cost:.4f} spent in {self.seconds:.1f} s."
        lines = [f"{sent:,} requests sent, {stored:,} answers from the store; {money}"]
        if self.judges and not any(row.traces for row in self.judges):
            lines.append("There is no trace without an error to judge; --flagged takes those that have one.")
        elif self.simulated:
            lines.append("It was the simulator that judged: its verdicts have a vote only where no other has spoken.")
        if self.stopped:
            lines.append(self.stopped)
        elif any(row.not_judged for row in self._rows):
            lines.append("What is not judged counts as no verdict; --retry-failed asks again.")
        return lines


class Asked(Report):
    """What one judge would be asked."""

    judge: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    """A guess: what its answers in this workspace had on average, 400 each before there are any."""
    cost: float
    """US dollars."""
    most: float
    """US dollars, if every answer were as long as --max-tokens allows."""


class JudgeEstimate(Report):
    """What `judge --estimate` found; nothing was sent."""

    judges: list[Asked]
    cost: float
    most: float

    def tables(self) -> list[Table]:
        """Return the estimate as one table."""
        rows = [
            (row.judge, row.calls, row.prompt_tokens, row.completion_tokens, f"${row.cost:.2f}", f"${row.most:.2f}")
            for row in self.judges
        ]
        columns = ("judge", "calls to make", "prompt tokens", "completion tokens (guess)", "cost", "cost at most")
        return [Table("estimate; nothing was sent", columns, rows)]
