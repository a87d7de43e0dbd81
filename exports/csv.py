"""A table for people, for spreadsheets above all: a row for each turn that has a trace.

    train.csv, validation.csv, test.csv             a split without rows has no file
    image/<source>/<64 digits>.<ext>

UTF-8 with a mark at its beginning, by which Excel knows it, and lines that end as RFC 4180 has them. A cell that a
spreadsheet would take for a formula has an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection);
NUL, which no spreadsheet reads, is left out. Nothing is lost that a person would look for, but it can't be read back.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from exports import ImagePath, Item
from exports._image_files import copy_all
from exports._split_files import path_part
from schemas.trace import STAGES, Trace

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = False

COLUMNS = (
    *("id", "source", "question", "context", "choices", "answers"),
    *(stage.value for stage in STAGES),
    *("images", "kind", "model", "recipe", "licence", "trace_id"),
)
_FORMULA = re.compile(r"[=+\-@\t\r]")
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
                        opened.enter_context(path.open("w", encoding="utf-8-sig", newline=""))
                    )
                    tables[item.split].writerow(COLUMNS)
                tables[item.split].writerow(map(_cell, _row(item, trace, images)))


def _row(item: Item, trace: Trace, images: list[str]) -> Iterator[str]:
    sample, turn, made = item.sample, item.sample.turns[trace.turn], trace.provenance
    yield from (f"{sample.id}#{trace.turn}", sample.source, turn.question, turn.context)
    yield from ("\n".join(turn.choices), "\n".join(turn.targets))
    yield from (trace.stages[stage] for stage in STAGES)
    yield from ("\n".join(images), made.kind, made.model or "", made.recipe or "", sample.licence, trace.id)


def _cell(text: str) -> str:
    text = text.replace("\0", "")
    harmless = not _FORMULA.match(text) or _NUMBER.fullmatch(text)
    return text if harmless else f"'{text}"
