"""What the owners of a data set say is in its images, beside the questions: tables, words, objects.

All of it is read as far as it is there, a picture at a time; what is missing or broken is no fault of a record, which
then has less to be checked against.
"""

import csv
import io
import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation import json_files
from curation.errors import DataError
from schemas.sample import Facts

MOST_CELLS = 5_000
"""Cells of a table, words of a page, objects of a scene; a longer one is left out."""
_MOST_BYTES = 2**20
_CACHED = 4
_RESTARTS = 8
"""How often a file of scenes is read again from its start, where questions are not in the order of the images."""
_ATTRIBUTES = ("size", "color", "material", "shape")

Find = Callable[[str], Facts | None]
"""Returns what is known of an image by its name."""


def tables(folder: Path) -> Find:
    """Return what finds the table of `chart.png` in `chart.csv` below the folder."""

    @lru_cache(maxsize=_CACHED)
    def find(name: str) -> Facts | None:
        try:
            with open(f"{folder}/{_stem(name)}.csv", "rb", buffering=0) as file:  # noqa: PTH123 - half the time
                data = file.read() if os.fstat(file.fileno()).st_size <= _MOST_BYTES else b""
            text = io.StringIO(data.decode("utf-8-sig", "replace"), newline="")
            rows = tuple(map(tuple, filter(None, csv.reader(text))))
        except (OSError, ValueError, csv.Error):
            return None
        return Facts(table=rows) if rows and sum(map(len, rows)) <= MOST_CELLS else None

    return find


def _stem(name: str) -> str:
    return os.path.splitext(os.path.basename(name))[0]  # noqa: PTH119, PTH122 - see above


def pages(*folders: Path) -> Find:
    """Return what finds the lines that a reader of texts found on `page.png`: in `page.json` below one of the folders.

    They are under `recognitionResults`, `lines`, `text`, as DocVQA ships them.
    """

    @lru_cache(maxsize=_CACHED)
    def find(name: str) -> Facts | None:
        found = (_document(folder / f"{Path(name).stem}.json") for folder in folders)
        read = next((document for document in found if document is not None), None)
        pages = read.get("recognitionResults") if isinstance(read, dict) else None
        lines = [line for page in _dicts(pages) for line in _dicts(page.get("lines"))]
        return _text([line.get("text") for line in lines])

    return find


def labels(folder: Path) -> Find:
    """Return what finds the texts of a diagram `7.png` in `7.png.json` below the folder, as AI2D has them."""

    @lru_cache(maxsize=_CACHED)
    def find(name: str) -> Facts | None:
        read = _document(folder / f"{Path(name).name}.json")
        texts = read.get("text") if isinstance(read, dict) else None
        return _text([each.get("value") for each in _dicts(list(texts.values()) if isinstance(texts, dict) else None)])

    return find


def _text(found: list[Any]) -> Facts | None:
    texts = tuple(text for text in found if isinstance(text, str) and text.strip())
    return Facts(text=texts) if texts and len(texts) <= MOST_CELLS else None


def _document(path: Path) -> Any:
    """Return a small file of JSON; None where it is not there, or broken."""
    try:
        return json_files.document(path) if path.is_file() else None
    except (DataError, OSError, ValueError):
        return None


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


class Scenes:
    """Scenes by the name of their image, read from a file of CLEVR in step with the questions.

    Both are in the order of the images, so that one scene is held at a time, of a file of a hundred megabytes and more.
    Where a question is about an earlier image, the file is read again from its start, eight times at most.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = _RESTARTS
        self._coming: Iterator[object] = iter(())
        self._name = ""
        self._facts: Facts | None = None

    def __call__(self, name: str) -> Facts | None:
        """Return the objects of an image; None where they are not known."""
        if name != self._name and not self._goes_on_to(name) and self._begin():
            self._goes_on_to(name)
        return self._facts if name == self._name else None

    def _goes_on_to(self, name: str) -> bool:
        """Read on to an image; say whether it came."""
        for record in self._coming:
            if isinstance(record, dict) and record.get("image_filename") == name:
                self._name, self._facts = name, _objects(record)
                return True
        return False

    def _begin(self) -> bool:
        """Go to the start of the file; say whether there is one, and whether it may be read once more."""
        self._left -= 1
        try:
            there = self._left >= 0 and self._path.is_file()
            self._coming = json_files.records(self._path, ("objects",), inside="scenes") if there else iter(())
        except DataError:
            there, self._left = False, 0
        return there


def _objects(record: dict[str, Any]) -> Facts | None:
    found = _dicts(record.get("objects"))[:MOST_CELLS]
    objects = tuple(tuple(str(each.get(key, "")) for key in _ATTRIBUTES) for each in found)
    return Facts(objects=objects) if objects else None
