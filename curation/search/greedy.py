"""The likeliest token at each step, to the end of the turn: what `generate` gives without sampling."""

from dataclasses import replace

from curation.lanes import Session, Stop
from curation.search import Found, Settings
from curation.search._paths import Book, Growth, Step, grow, roots


def rows(settings: Settings) -> int:  # noqa: ARG001 - as Strategy has it
    """Return 1."""
    return 1


def search(session: Session, settings: Settings) -> list[Found]:
    """Return the greedy answer to each question."""
    book = Book.of(session)
    step = Step("greedy", None, 0, Stop(session.engine.tokenizer))
    growths = [Growth(path, (path.row,)) for path in roots(session)]
    answers = [paths[0] for paths in grow(session, growths, step, replace(settings, temperature=0.0), book)]
    for path in answers:
        book.keep(path)
        if path.end == "limit":
            book.fault(path, "it reached the limit of tokens: left as it is")
    return [Found(path.text, tuple(book.entries[path.lane])) for path in answers]
