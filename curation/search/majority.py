"""Whole answers that vote: the conclusion that most of them come to; of those that come to it, the likeliest answer.

Conclusions are the same where they differ in case, white space or a full stop only. A tie goes to the likeliest.
"""

from collections import Counter

from curation.judges import conclusion
from curation.lanes import Session
from curation.search import Found, Settings
from curation.search._paths import Book, Path
from curation.search._whole import answers, chosen


def rows(settings: Settings) -> int:
    """Return the number of candidates."""
    return settings.candidates


def search(session: Session, settings: Settings) -> list[Found]:
    """Return the answer to each question that has the majority."""
    book = Book.of(session)
    return [chosen(elected(paths, book), book) for paths in answers(session, settings, book)]


def elected(paths: list[Path], book: Book) -> Path:
    """Return the likeliest path of those with most votes; the votes are their scores. No conclusion is no vote."""
    ballots = [_ballot(path) for path in paths]
    votes = Counter(ballot for ballot in ballots if ballot)
    for path, ballot in zip(paths, ballots, strict=True):
        book.score(path, float(votes[ballot]))
    return max(zip(paths, ballots, strict=True), key=lambda pair: (votes[pair[1]], pair[0].logprob))[0]


def _ballot(path: Path) -> str:
    return " ".join(conclusion(path.option).casefold().split()).removesuffix(".")
