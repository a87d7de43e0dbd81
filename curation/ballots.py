"""The votes of several judges on one trace, counted.

A judge is a model at an endpoint: where it was asked with several versions of the prompt, the newest verdict is its
vote. A simulated judge has a vote only where no other has spoken. Of the judges that gave a verdict, a stage is voted
down by more than half; a tie votes nothing down. What no judge could be read on has no vote, and is not judged.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from schemas.issue import Issue, Severity
from schemas.review import StageVerdict
from schemas.trace import STAGES, Stage
from schemas.verdict import Compared, Rank, StageFinding, Verdict

JUDGE = "judge"
"""What judges find is found under this name, as if it were a validator."""
COMPARISON = "comparison"
"""The same for what they find where two traces are compared."""


S = TypeVar("S", Verdict, Compared)


class Vote(NamedTuple):
    """How the judges voted on one stage."""

    stage: Stage
    judges: int
    against: tuple[Verdict, ...]
    """The verdicts that are negative there, the earliest first."""

    @property
    def carried(self) -> bool:
        """More than half are against it."""
        return 2 * len(self.against) > self.judges


def voters(verdicts: Iterable[S]) -> list[S]:
    """Return the verdicts of one trace that count, the earliest first; or what was said of two traces."""
    newest: dict[tuple[str, str], S] = {}
    for verdict in sorted(verdicts, key=lambda verdict: (verdict.at, verdict.judge)):
        newest.pop((verdict.model, verdict.endpoint), None)
        newest[verdict.model, verdict.endpoint] = verdict
    real = [verdict for verdict in newest.values() if not verdict.simulated]
    return real or list(newest.values())


def count(verdicts: Iterable[Verdict]) -> list[Vote]:
    """Return the vote on each stage of one trace."""
    counted = voters(verdicts)
    return [Vote(stage, len(counted), tuple(each for each in counted if _is_against(each, stage))) for stage in STAGES]


def _is_against(verdict: Verdict, stage: Stage) -> bool:
    return verdict.stages[stage].verdict is StageVerdict.NEGATIVE


def lead(said: Iterable[Compared]) -> int:
    """Return by how many votes a repaired trace is ahead of what it was made from; who prefers neither has no vote."""
    ranks = [each.rank for each in voters(said)]
    return ranks.count(Rank.BETTER) - ranks.count(Rank.WORSE)


def issues(verdicts: Sequence[Verdict], version: int) -> list[Issue]:
    """Return what the votes on one trace say: an error where two or more judges carried it, else a warning."""
    return [_issue(vote, version) for vote in count(verdicts) if vote.against]


def _issue(vote: Vote, version: int) -> Issue:
    first = vote.against[0]
    return Issue(
        sample_id=first.sample_id,
        turn=first.turn,
        trace_id=first.trace_id,
        code=f"{JUDGE}:{vote.stage.value}" if vote.carried else f"{JUDGE}:disagrees",
        severity=Severity.ERROR if vote.carried and vote.judges > 1 else Severity.WARNING,
        stage=vote.stage,
        message=_message(vote),
        evidence=first.stages[vote.stage].quote,
        version=version,
    )


def _message(vote: Vote) -> str:
    said = [_said(verdict, verdict.stages[vote.stage]) for verdict in vote.against]
    if vote.judges == 1:
        return f"the judge {said[0]}"
    return f"{len(vote.against)} of {vote.judges} judges are against it: {'; '.join(said)}"


def _said(verdict: Verdict, finding: StageFinding) -> str:
    name = f"{verdict.model} (simulated)" if verdict.simulated else verdict.model
    return f"{name} says: {finding.reason}" if finding.reason else f"{name} gives no reason"
