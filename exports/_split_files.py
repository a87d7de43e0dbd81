"""Line files, one for each split, opened at the split's first line: a split without records has no file."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from schemas.halves import whole

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def path_part(name: str) -> str:
    """Return the name of a split or a source, fit for a path. Raises ValueError for `..`, `a/b`, …."""
    if not _SAFE.fullmatch(name):
        raise ValueError(f"{name!r} can't name a file")
    return name


def ascii_line(record: Mapping[str, object]) -> bytes:
    """Return a record as JSON in ASCII; half of a surrogate pair, for which JSON's readers refuse a file, becomes �."""
    line = json.dumps(record)
    if r"\ud" in line:
        line = json.dumps(json.loads(whole(json.dumps(record, ensure_ascii=False))))
    return line.encode("ascii")


@contextmanager
def appender(folder: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Give a function that appends a line (without its end) to `<folder>/<split>.jsonl`."""
    with ExitStack() as opened:
        files: dict[str, BinaryIO] = {}

        def append(split: str, line: bytes) -> None:
            if split not in files:
                files[split] = opened.enter_context((folder / f"{path_part(split)}.jsonl").open("wb"))
            files[split].write(line + b"\n")

        yield append
