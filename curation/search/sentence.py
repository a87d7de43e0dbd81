"""Beam search over sentences: candidates for the next sentence, of which the judge keeps one."""

from curation.lanes import Session, Stop
from curation.search import Found, Settings
from curation.search._choosing import ranked
from curation.search._paths import Book, Path, Step, grow, roots
from curation.search._stage import closing
from curation.search.stage_beam import keep, share
from schemas.trace import Stage


def rows(settings: Settings) -> int:
    """Return the number of candidates."""
    return settings.candidates


def search(session: Session, settings: Settings) -> list[Found]:
    """Return the answer to each question that was chosen sentence by sentence."""
    book = Book.of(session)
    paths = roots(session)
    stop = Stop(session.engine.tokenizer, (closing(Stage.CONCLUSION),), endings=".")
    number = 0
    while going := [path for path in paths if number == 0 or _goes_on(path, settings)]:
        growths = [growth for path in going for growth in share([path], session.bank.width, settings.candidates)]
        rivals = grow(session, growths, Step("sentence", None, number, stop), settings, book)
        for best in ranked(session, rivals, "sentence", number, settings, book):
            paths[best[0].lane] = keep(best, 1, book)[0]
        number += 1
    return [Found(path.text, tuple(book.entries[path.lane])) for path in paths]


def _goes_on(path: Path, settings: Settings) -> bool:
    done = path.end != "stop" or closing(Stage.CONCLUSION) in path.text
    return not done and path.tokens < settings.max_tokens
