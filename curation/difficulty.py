"""Labels of how hard a question is: how often it is answered right without what it should need.

They are found as issues that are no more than a remark, so that they can be seen, sorted and counted as issues are.
"""

from schemas.issue import Issue, Severity
from schemas.trace import Trace

DIFFICULTY = "difficulty"
"""Labels are found under this name, as if it were a validator's."""
LABELS = {"without-image": "without the image", "caption-only": "from the trace's caption in the image's place"}
"""What was withheld, in words."""


def label(trace: Trace, name: str, model: str, right: int, samples: int) -> Issue:
    """Return a label of a trace: so many of the model's answers are right."""
    return Issue(
        sample_id=trace.sample_id,
        turn=trace.turn,
        trace_id=trace.id,
        code=f"{DIFFICULTY}:{name}",
        severity=Severity.INFO,
        message=f"{right} of {samples} answers of {model} {LABELS[name]} are right",
        evidence=f"{right}/{samples}",
    )


def share(evidence: str) -> float:
    """Return the share of right answers that a label's evidence tells."""
    right, samples = evidence.split("/")
    return int(right) / int(samples)
