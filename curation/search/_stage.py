"""A stage of an answer: candidates that close its tag, and what becomes of those that don't."""

from collections.abc import Sequence

from curation.lanes import Session, Stop
from curation.search import Settings
from curation.search._paths import Book, Growth, Path, Step, grow
from schemas.trace import STAGES, Stage

_WHY = {"turn": "its turn ended", "limit": "it reached the limit of tokens"}


def write_stage(
    session: Session, growths: Sequence[Growth], stage: Stage, number: int, settings: Settings, book: Book
) -> list[list[Path]]:
    """Write candidates for a stage. Returns, for each growth, those that are the stage and nothing else.

    Where none is, it is the likeliest of them. A tag that was opened and is missing its end is closed by us; what
    opened none is left as it ended, which is what a model does that answers without tags.
    """
    stop = Stop(session.engine.tokenizer, (closing(stage),))
    step = Step(stage.value, stage, number, stop)
    return [_sound(session, paths, stage, book) for paths in grow(session, growths, step, settings, book)]


def closing(stage: Stage) -> str:
    """Return the closing tag."""
    return f"</{stage.tag}>"


def goes_on(path: Path, settings: Settings) -> bool:
    """Tell whether a path can be continued: its last stage is closed, and tokens are left."""
    return path.end == "stop" and path.tokens < settings.max_tokens


def _sound(session: Session, paths: list[Path], stage: Stage, book: Book) -> list[Path]:
    sound = [path for path in paths if path.end == "stop" and _formed(path.step_text, stage)]
    best = max(paths, key=lambda path: (path.end == "stop", path.logprob))
    for path in paths:
        if path not in sound and (sound or path is not best):
            book.fault(path, f"{_fault(path, stage)}: dropped")
    if sound:
        return sound
    if best.end == "stop":
        book.fault(best, f"{_fault(best, stage)}: left as it is")
    else:
        _repair(session, best, stage, book)
    return [best]


def _formed(text: str, stage: Stage) -> bool:
    """Tell whether a text is one stage, not empty, and nothing else."""
    body = text.strip().removeprefix(f"<{stage.tag}>").removesuffix(closing(stage))
    whole = len(text.strip()) - len(body) == len(f"<{stage.tag}>") + len(closing(stage))
    return whole and bool(body.strip()) and not any(tag in body for other in STAGES for tag in _tags(other))


def _tags(stage: Stage) -> tuple[str, str]:
    return f"<{stage.tag}>", closing(stage)


def _fault(path: Path, stage: Stage) -> str:
    if path.end == "stop":
        return f"not one {stage.tag} with a text"
    return f"{closing(stage)} is missing, as {_WHY[path.end]}"


def _repair(session: Session, path: Path, stage: Stage, book: Book) -> None:
    """Close the tag of a stage that was opened, and let the path go on from there."""
    missing = _fault(path, stage)
    if f"<{stage.tag}>" not in path.step_text:
        book.fault(path, f"{missing}: left as it is, since it was not opened")
        return
    ids = session.engine.tokenizer.encode(closing(stage), add_special_tokens=False)
    session.bank.put(path.row, ids)
    path.ids = path.ids + ids
    path.text += closing(stage)
    path.end = "stop"
    book.fault(path, f"{missing}: added")
