"""What a probe has to say: how many issues of each kind, and the worst traces by name."""

from pathlib import Path

from curation.config import Report, Table
from schemas.sample import Record

CODES = {
    "model:loss": "a stage is much stranger to the model than the same stage of its neighbours",
    "model:leads-astray": "the model gets it right by itself, and wrong when it goes on from this stage",
    "model:disagrees": "by itself the model comes to another conclusion",
}


class Suspect(Record):
    """A trace that stands out."""

    sample: str
    turn: int
    stage: str
    z: float
    """How many spreads its loss is above the median of its neighbours."""
    message: str


class ProbeReport(Report):
    """What the model found in the traces of a release."""

    out: Path
    traces: int
    """That were judged."""
    folds: int
    issues: dict[str, int]
    """Written to the store, by code."""
    strangers: int
    """Traces that are not in the workspace; nothing is noted about them."""
    worst: list[Suspect]

    def tables(self) -> list[Table]:
        """Return the issues and the worst traces."""
        issues = [(code, count, CODES[code]) for code, count in self.issues.items()]
        worst = [(each.sample, each.stage, f"{each.z:.0f}", each.message) for each in self.worst]
        return [
            Table("what the model found", ("code", "traces", "meaning"), issues),
            Table("the worst traces", ("sample", "stage", "z", "what"), worst),
        ]

    def lines(self) -> list[str]:
        """Return what was judged, and by whom."""
        judge = (
            f"{self.folds} models, each by one that never saw it" if self.folds > 1 else "a model that never saw them"
        )
        lines = [f"{self.traces:,} traces, judged by {judge}; losses and models: {self.out}"]
        if self.strangers:
            lines.append(f"{self.strangers:,} of them are not in this workspace: see --workspace.")
        return lines
