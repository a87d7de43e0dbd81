"""Where the evidence of an issue stands in a trace."""

from schemas.issue import Issue
from schemas.trace import STAGES, Trace


def spans(trace: Trace, issue: Issue) -> list[tuple[str, int, int]]:
    """Return where the issue's evidence stands, word for word: stage, start and end in characters.

    Of the stage that the issue names, or of all where it names none; nothing where the evidence is in no stage.
    """
    evidence = issue.evidence.strip()
    if not evidence:
        return []
    found = []
    for stage in [issue.stage] if issue.stage else STAGES:
        start = trace.stages[stage].find(evidence)
        if start >= 0:
            found.append((stage.value, start, start + len(evidence)))
    return found
