"""A table for people, for spreadsheets above all: a row for each turn that has a trace.

    train.csv, validation.csv, test.csv             a split without rows has no file
    image/<source>/<64 digits>.<ext>

UTF-8 with a mark at its beginning, by which Excel knows it, and lines that end as RFC 4180 has them. A cell that a
spreadsheet would take for a formula has an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection);
NUL, which no spreadsheet reads, is left out, and a cell that is longer than Excel's may be (32,767 characters) is cut,
with `…` at its end. `issues` has the open ones, `reviews` what people decided, a line for each; nobody is named.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from curation.prompts.wording import choice_lines
from exports import ImagePath, Item, Said
from exports._image_files import copy_all
from exports._split_files import path_part
from schemas.review import Review
from schemas.trace import STAGES, Trace

FORMAT_VERSION = 2
QUESTIONS = False
REJECTED = False
SAID = True

COLUMNS = (
    *("id", "source", "question", "context", "choices", "answers"),
    *(stage.value for stage in STAGES),
    *("issues", "reviews", "images", "kind", "model", "recipe", "licence", "trace_id"),
)
LONGEST_CELL = 32_767
"""Characters that Excel holds in a cell; it spreads the rest over rows."""
_FORMULA = re.compile(r"[=+\-@＝＋－＠\t\r\n]")
_NUMBER = re.compile(r"[+-][\d.,]+%?")


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the turns that have a trace into the empty folder."""
    with ExitStack() as opened:
        tables: dict[str, Any] = {}
        for item in items:
            images = list(copy_all(item.sample, folder, image_path)) if item.traces else []
            for trace in item.traces:
                if item.split not in tables:
                    path = folder / f"{path_part(item.split)}.csv"
                    tables[item.split] = csv.writer(
                        opened.enter_context(path.open("w", encoding="utf-8-sig", errors="replace", newline=""))
                    )
                    tables[item.split].writerow(COLUMNS)
                tables[item.split].writerow(map(_cell, _row(item, trace, images)))


def _row(item: Item, trace: Trace, images: list[str]) -> Iterator[str]:
    sample, turn, made = item.sample, item.sample.turns[trace.turn], trace.provenance
    said = item.said.get(trace.id, Said())
    yield from (f"{sample.id}#{trace.turn}", sample.source, turn.question, turn.context)
    yield from ("\n".join(choice_lines(turn.choices)), "\n".join(turn.targets))
    yield from (trace.stages[stage] for stage in STAGES)
    yield "\n".join(f"{issue.severity} {issue.code}: {issue.message}" for issue in said.issues)
    yield "\n".join(_decided(event.review, trace) for event in said.reviews if event.review is not None)
    yield from ("\n".join(images), made.kind, made.model or "", made.recipe or "", sample.licence, trace.id)


def _decided(review: Review, trace: Trace) -> str:
    """Return what a person decided on the trace, or on the one that it edits, with the verdicts on stages."""
    decision = "written in review" if review.edited == trace.id else review.decision.value
    verdicts = ", ".join(f"{stage} {verdict}" for stage, verdict in review.verdicts.items())
    return decision + (f" ({verdicts})" if verdicts else "") + (f": {review.reason}" if review.reason else "")


def _cell(text: str) -> str:
    text = text.replace("\0", "")
    harmless = not _FORMULA.match(text) or _NUMBER.fullmatch(text)
    text = text if harmless else f"'{text}"
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
