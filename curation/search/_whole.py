"""Whole answers: some of them for each question, written side by side."""

from curation.lanes import Session, Stop
from curation.search import Found, Settings
from curation.search._paths import Book, Growth, Path, Step, grow, roots
from curation.search._stage import closing
from schemas.trace import Stage


def answers(session: Session, settings: Settings, book: Book) -> list[list[Path]]:
    """Return the answers to each question: all that ended by themselves, or all where none did."""
    stop = Stop(session.engine.tokenizer, (closing(Stage.CONCLUSION),))
    growths = [Growth(path, tuple(range(path.row, path.row + settings.candidates))) for path in roots(session)]
    grown = grow(session, growths, Step("answer", None, 0, stop), settings, book)
    return [_ended(paths, book) for paths in grown]


def _ended(paths: list[Path], book: Book) -> list[Path]:
    ended = [path for path in paths if path.end != "limit"]
    for path in paths:
        if path.end == "limit":
            book.fault(path, f"it reached the limit of tokens: {'dropped' if ended else 'left as it is'}")
    return ended or paths


def chosen(path: Path, book: Book) -> Found:
    """Return the answer that was chosen."""
    book.keep(path)
    return Found(path.text, tuple(book.entries[path.lane]))
