"""Rounds of captions and reasonings from one summary, until the second-best reasoning is good enough.

Source: SWIRES in LLaVA-CoT's code: a summary; then up to five rounds of captions, of which the better half grows into
as many reasonings, gathered over the rounds; when two of them are above the threshold, or after the last round, the
three best are concluded, and the judge keeps one. The threshold belongs to a judge and to data: `fit_threshold`.
"""

from collections.abc import Iterator, Sequence

from curation import judges
from curation.errors import UsageError
from curation.lanes import Session
from curation.search import Found, Settings
from curation.search._choosing import ranked
from curation.search._paths import Book, Growth, Path, roots
from curation.search._stage import goes_on, write_stage
from schemas.trace import Stage

_ROUNDS = 5
_CONCLUDED = 3


def rows(settings: Settings) -> int:
    """Return the rows for candidates, for the summary, and for the reasonings that are held."""
    if settings.threshold is None:
        raise UsageError("retracing needs a threshold: fit it on held-out questions, never on those that are tested")
    if not judges.get(settings.judge).ABSOLUTE:
        raise UsageError(
            f"retracing compares scores of several rounds, and those of {settings.judge!r} mean nothing there"
        )
    return settings.candidates + 1 + _CONCLUDED


def search(session: Session, settings: Settings) -> list[Found]:
    """Return the answer to each question."""
    book = Book.of(session)
    first = [Growth(path, (path.row + settings.candidates,)) for path in roots(session)]
    summaries = [paths[0] for paths in write_stage(session, first, Stage.SUMMARY, 0, settings, book)]
    for path in summaries:
        book.keep(path)
    held: list[list[Path]] = [[] for _ in summaries]
    for number in range(_ROUNDS):
        going = [path for path in summaries if goes_on(path, settings) and not _enough(held[path.lane], settings, book)]
        if not going:
            break
        for reasonings in _round(session, going, number, settings, book):
            _hold(session, held[reasonings[0].lane], reasonings, settings, book)
    last = [_concluded(paths or [path], settings) for path, paths in zip(summaries, held, strict=True)]
    return list(_conclude(session, last, settings, book))


def _round(session: Session, going: Sequence[Path], number: int, settings: Settings, book: Book) -> list[list[Path]]:
    """Return the reasonings that a round adds to each summary that has some."""
    half = max(1, settings.candidates // 2)
    spread = [Growth(path, tuple(_row(session, path, place) for place in range(settings.candidates))) for path in going]
    captions = write_stage(session, spread, Stage.CAPTION, 2 * number + 1, settings, book)
    growths = []
    for best in ranked(session, captions, Stage.CAPTION, 2 * number + 1, settings, book):
        kept = [path for path in best[:half] if goes_on(path, settings)]
        growths += _shared(session, kept, settings)
        for path in kept:
            book.keep(path)
    by_lane: dict[int, list[Path]] = {}
    for paths in write_stage(session, growths, Stage.REASONING, 2 * number + 2, settings, book):
        by_lane.setdefault(paths[0].lane, []).extend(paths)
    return ranked(session, list(by_lane.values()), Stage.REASONING, 2 * number + 2, settings, book)


def _shared(session: Session, kept: Sequence[Path], settings: Settings) -> list[Growth]:
    """Share the rows of the candidates among the captions that are kept, each beginning with its own."""
    if not kept:
        return []
    own = {path.row for path in kept}
    free = [row for place in range(settings.candidates) if (row := _row(session, kept[0], place)) not in own]
    return [Growth(path, (path.row, *free[place :: len(kept)])) for place, path in enumerate(kept)]


def _row(session: Session, path: Path, place: int) -> int:
    return path.lane * session.bank.width + place


def _hold(session: Session, held: list[Path], fresh: Sequence[Path], settings: Settings, book: Book) -> None:
    """Hold the best reasonings of all rounds, in rows where later rounds don't write."""
    best = sorted([*held, *fresh], key=lambda path: -_score(path, book))[:_CONCLUDED]
    places = {_row(session, fresh[0], settings.candidates + 1 + place) for place in range(_CONCLUDED)}
    free = sorted(places - {path.row for path in best})
    moved = [path for path in best if path.row not in places]
    targets = free[: len(moved)]
    session.bank.fork([path.row for path in moved], targets)
    for path, row in zip(moved, targets, strict=True):
        path.row = row
    held[:] = best


def _enough(held: Sequence[Path], settings: Settings, book: Book) -> bool:
    return len(held) > 1 and settings.threshold is not None and _score(held[1], book) > settings.threshold


def _score(path: Path, book: Book) -> float:
    score = book.entries[path.lane][path.candidate or 0].score
    return float("-inf") if score is None else score


def _concluded(paths: Sequence[Path], settings: Settings) -> list[Path]:
    """Return the paths that can be concluded; the best alone where none can."""
    return [path for path in paths if goes_on(path, settings)] or list(paths[:1])


def _conclude(session: Session, last: Sequence[list[Path]], settings: Settings, book: Book) -> Iterator[Found]:
    growths = []
    for paths in last:
        ready = [path for path in paths if goes_on(path, settings) and f"</{Stage.REASONING.tag}>" in path.text]
        for path in ready:
            book.keep(path)
        growths += [Growth(path, (path.row,)) for path in ready]
    rivals: list[list[Path]] = [[] for _ in last]
    for paths in write_stage(session, growths, Stage.CONCLUSION, 2 * _ROUNDS + 1, settings, book):
        rivals[paths[0].lane].extend(paths)
    best = ranked(session, rivals, Stage.CONCLUSION, 2 * _ROUNDS + 1, settings, book)
    for before, paths in zip(last, best, strict=True):
        answer = (paths or before)[0]
        book.keep(answer)
        yield Found(answer.text, tuple(book.entries[answer.lane]))
