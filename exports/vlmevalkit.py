"""A benchmark for VLMEvalKit and for `verify --benchmark`: the questions, their answers, and the images as base64.

    <split>.tsv         a split without questions has no file

The columns are those of VLMEvalKit's own files: `index`, `image`, `question`, `hint`, `A`, `B`, …, `answer`,
`category` (the source), `split`, and `id`, by which a row is found again. The answer to a question with choices is a
letter; the image of a row whose picture an earlier row has is that row's index. A turn that can't be put so is left
out: one without a known answer, without exactly one image, or with choices of which none is the answer.
Source: https://github.com/open-compass/VLMEvalKit, `docs/en/Development.md` and `vlmeval/dataset/image_base.py`.
"""

import base64
import csv
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from exports import ImagePath, Item
from exports._image_files import read_image
from exports._split_files import path_part
from schemas.sample import Turn

FORMAT_VERSION = 1
QUESTIONS = True
REJECTED = False

_LETTERS = ascii_uppercase[:8]
COLUMNS = ("index", "image", "question", "hint", *_LETTERS, "answer", "category", "split", "id")


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the questions into the empty folder."""
    with ExitStack() as opened:
        tables: dict[str, _Table] = {}
        for item in items:
            if item.split not in tables:
                path = folder / f"{path_part(item.split)}.tsv"
                file = opened.enter_context(path.open("w", encoding="utf-8", newline=""))
                tables[item.split] = _Table(csv.writer(file, delimiter="\t", lineterminator="\n"), image_path)
            tables[item.split].add(item)


class _Table:
    """The rows of one split."""

    def __init__(self, rows: Any, image_path: ImagePath) -> None:
        self._rows, self._image_path = rows, image_path
        self._shown: dict[str, int] = {}
        self._index = 0
        rows.writerow(COLUMNS)

    def add(self, item: Item) -> None:
        sample = item.sample
        for number, turn in enumerate(sample.turns):
            answer = _answer(turn)
            if len(sample.images) == 1 and answer and turn.question:
                image = self._image(item)
                choices = [*turn.choices, *[""] * (len(_LETTERS) - len(turn.choices))]
                asked = (turn.question, turn.context, *choices, answer)
                cells = (image, *asked, sample.source, sample.split, f"{sample.id}#{number}")
                self._rows.writerow((self._index, *cells))
                self._index += 1

    def _image(self, item: Item) -> str:
        """Return the image's bytes, or the index of the row that has them."""
        (ref,) = item.sample.images
        first = self._shown.setdefault(ref.digest, self._index)
        return str(first) if first != self._index else base64.b64encode(read_image(ref, self._image_path)).decode()


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
