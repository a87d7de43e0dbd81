"""Beam search over stages: candidates for each stage, of which the judge keeps as many as the beam is wide.

With a width of 1 it is the search of LLaVA-CoT (arXiv 2411.10440, section 3.3). With more, the candidates of a stage
are shared among the kept answers, the better ones first, and two answers of the same text are kept once.
"""

from collections.abc import Sequence

from curation.lanes import Session
from curation.search import Found, Settings
from curation.search._choosing import ranked
from curation.search._paths import Book, Growth, Path, roots
from curation.search._stage import goes_on, write_stage
from schemas.trace import STAGES


def rows(settings: Settings) -> int:
    """Return the number of candidates, and of the answers that may be done before the others."""
    return settings.candidates


def search(session: Session, settings: Settings) -> list[Found]:
    """Return the best answer to each question."""
    book = Book.of(session)
    beams = [[path] for path in roots(session)]
    for number, stage in enumerate(STAGES):
        open_beams = [[path for path in beam if number == 0 or goes_on(path, settings)] for beam in beams]
        growths = [shared for beam in open_beams for shared in share(beam, session.bank.width, settings.candidates)]
        rivals: list[list[Path]] = [[] for _ in beams]
        for paths in write_stage(session, growths, stage, number, settings, book):
            rivals[paths[0].lane].extend(paths)
        best = ranked(session, rivals, stage, number, settings, book)
        for lane, paths in enumerate(best):
            if paths:
                beams[lane] = keep(paths, settings.width, book)
    return [Found(beam[0].text, tuple(book.entries[beam[0].lane])) for beam in beams]


def share(beam: Sequence[Path], width: int, candidates: int) -> list[Growth]:
    """Give each path of a question its candidates' rows: its own, and of the rest those that are free.

    `beam` is in order, the best first, and holds at most `candidates` paths.
    """
    if not beam:
        return []
    base = beam[0].lane * width
    own = {path.row for path in beam}
    free = [row for row in range(base, base + candidates) if row not in own]
    rows: list[list[int]] = [[path.row] for path in beam]
    for place, row in enumerate(free):
        rows[place % len(beam)].append(row)
    return [Growth(path, tuple(some)) for path, some in zip(beam, rows, strict=True)]


def keep(paths: Sequence[Path], width: int, book: Book) -> list[Path]:
    """Return the first paths of different text, at most `width`."""
    kept: dict[str, Path] = {}
    for path in paths:
        if len(kept) < width:
            kept.setdefault(path.text, path)
    for path in kept.values():
        book.keep(path)
    return list(kept.values())
