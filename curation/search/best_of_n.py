"""Whole answers, of which the judge keeps one."""

from curation.lanes import Session
from curation.search import Found, Settings
from curation.search._choosing import ranked
from curation.search._paths import Book
from curation.search._whole import answers, chosen


def rows(settings: Settings) -> int:
    """Return the number of candidates."""
    return settings.candidates


def search(session: Session, settings: Settings) -> list[Found]:
    """Return the best answer to each question."""
    book = Book.of(session)
    best = ranked(session, answers(session, settings, book), "answer", 0, settings, book)
    return [chosen(paths[0], book) for paths in best]
