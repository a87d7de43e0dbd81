"""Benchmarks for VLMEvalKit and for `verify --benchmark`: the questions, their answers, and the images as base64.

    <split>_choice.tsv      questions with choices, which VLMEvalKit reads as its CustomMCQDataset
    <split>_open.tsv        the others, its CustomVQADataset: it asks them, and leaves the scores to `verify`

A split without such questions has no such file. The columns are those of VLMEvalKit's own files: `index`, `image`,
`question`, `answer`, `category` (the source), `split`, and `id`, by which a row is found again; with choices also
`hint`, which it shows with these only, and `A`, `B`, …. The answer to a question with choices is a letter; several
images are a list, and the image of a row whose pictures an earlier row has is that row's index. A cell that pandas
would take for a missing one (`None`, `N/A`) has a blank behind it. A turn that can't be put so is left out: one
without a known answer, without an image, or with choices of which none is the answer.
Source: https://github.com/open-compass/VLMEvalKit, `docs/en/Development.md`, `vlmeval/dataset/__init__.py`
(`build_dataset`), `image_base.py`.
"""

import base64
import csv
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from string import ascii_uppercase
from typing import Any, TextIO

from curation.errors import UsageError
from exports import ImagePath, Item
from exports._image_files import read_image
from exports._split_files import path_part
from schemas.sample import Sample, Turn

FORMAT_VERSION = 2
QUESTIONS = True
REJECTED = False

_LETTERS = ascii_uppercase[:8]
COLUMNS = {
    "choice": ("index", "image", "question", "hint", *_LETTERS, "answer", "category", "split", "id"),
    "open": ("index", "image", "question", "answer", "category", "split", "id"),
}
_MISSING = frozenset(
    [
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)
"""What `pandas.read_csv` takes for a missing cell."""


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the questions into the empty folder. Raises UsageError where there is none."""
    with ExitStack() as opened:
        tables: dict[tuple[str, str], _Table] = {}
        for item in items:
            for number, turn in enumerate(item.sample.turns):
                answer = _answer(turn)
                if item.sample.images and answer and turn.question:
                    kind = "choice" if turn.choices else "open"
                    if (item.split, kind) not in tables:
                        path = folder / f"{path_part(item.split)}_{kind}.tsv"
                        file = opened.enter_context(path.open("w", encoding="utf-8", errors="replace", newline=""))
                        tables[item.split, kind] = _Table(file, kind, image_path)
                    tables[item.split, kind].add(item.sample, number, answer)
    if not tables:
        raise UsageError("nothing to ask: no question has both an image and a known answer")


class _Table:
    """The rows of one file."""

    def __init__(self, file: TextIO, kind: str, image_path: ImagePath) -> None:
        self._rows: Any = csv.DictWriter(file, COLUMNS[kind], delimiter="\t", lineterminator="\n")
        self._kind, self._image_path = kind, image_path
        self._shown: dict[tuple[str, ...], int] = {}
        self._index = 0
        self._rows.writeheader()

    def add(self, sample: Sample, number: int, answer: str) -> None:
        """Take a question of a sample, with its answer."""
        asked = self._asked(sample.turns[number]) | {"answer": answer, "category": sample.source, "split": sample.split}
        cells = {name: f"{cell} " if cell in _MISSING else cell for name, cell in asked.items()}
        about = {"index": self._index, "image": self._image(sample), "id": f"{sample.id}#{number}"}
        self._rows.writerow(cells | about)
        self._index += 1

    def _asked(self, turn: Turn) -> dict[str, str]:
        if self._kind == "open":
            return {"question": "\n".join(filter(None, (turn.context, turn.question)))}
        return {"question": turn.question, "hint": turn.context} | dict(zip(_LETTERS, turn.choices, strict=False))

    def _image(self, sample: Sample) -> str:
        """Return the images' bytes, or the index of the row that has them."""
        first = self._shown.setdefault(tuple(ref.digest for ref in sample.images), self._index)
        if first != self._index:
            return str(first)
        coded = [base64.b64encode(read_image(ref, self._image_path)).decode() for ref in sample.images]
        return coded[0] if len(coded) == 1 else str(coded)


def _answer(turn: Turn) -> str | None:
    """Return the answer, with choices as a letter; None where it can't be given so."""
    if not turn.choices:
        return turn.target
    letters = dict(zip(_LETTERS, turn.choices, strict=False))
    if len(letters) < len(turn.choices):
        return None
    said = [letter for letter, choice in letters.items() if choice in turn.targets]
    named = [target for target in turn.targets if target in letters]
    return next(iter([*named, *said]), None)
