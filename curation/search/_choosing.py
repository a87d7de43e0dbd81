"""Choosing among candidates: the judge is asked about several questions at once, and the best are kept."""

from collections.abc import Sequence

from curation import judges
from curation.judges import Case, Kind
from curation.lanes import Session, seed_of
from curation.search import Settings
from curation.search._paths import Book, Path


def ranked(
    session: Session, rivals: Sequence[Sequence[Path]], kind: Kind, step: int, settings: Settings, book: Book
) -> list[list[Path]]:
    """Return the rivals of each question, the best first; the judge is asked where there are two or more."""
    asked = [paths for paths in rivals if len(paths) > 1]
    cases = [_case(session, paths, kind, step, settings) for paths in asked]
    scores = iter(judges.get(settings.judge).scores(session, cases, settings.manner) if cases else [])
    return [_sorted(paths, next(scores), book) if len(paths) > 1 else list(paths) for paths in rivals]


def _case(session: Session, paths: Sequence[Path], kind: Kind, step: int, settings: Settings) -> Case:
    lane = paths[0].lane
    question = session.questions[lane]
    seed = seed_of(settings.seed, question.id, "judge", kind, step)
    return Case(lane, question, kind, tuple(path.option for path in paths), seed)


def _sorted(paths: Sequence[Path], scores: list[float], book: Book) -> list[Path]:
    for path, score in zip(paths, scores, strict=True):
        book.score(path, score)
    order = sorted(range(len(paths)), key=lambda place: (-scores[place], -paths[place].logprob, place))
    return [paths[place] for place in order]
