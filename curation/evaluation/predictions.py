"""Prediction files in VLMEvalKit's form: the rows of a benchmark, without images, with a column `prediction`.

Source: https://github.com/open-compass/VLMEvalKit, `vlmeval/inference.py`, whose result files are named
`<model>_<dataset>` and have no image column. They are written twice: in `raw/` with the whole answer, in `conclusion/`
with the conclusion only, empty where there was none.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from importlib import import_module, util
from pathlib import Path
from typing import Any

from curation.evaluation.benchmark import Benchmark

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def write(folder: Path, system: str, benchmark: Benchmark, predictions: Sequence[str]) -> list[Path]:
    """Write `<system>_<benchmark>.tsv`, and `.xlsx` where openpyxl is installed; return what was written.

    `predictions` are those of the benchmark's problems, in their order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_part(system)}_{file_part(benchmark.name)}.tsv"
    table = list(_table(benchmark, predictions))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows(table)
    return [path, *_workbook(path.with_suffix(".xlsx"), table)]


def file_part(name: str) -> str:
    """Return the name, fit for a part of a file's name."""
    return _UNSAFE.sub("-", name).strip(".-") or "x"


def _table(benchmark: Benchmark, predictions: Sequence[str]) -> Iterator[list[str]]:
    yield [*benchmark.columns, "prediction"]
    for row, prediction in zip(benchmark.rows, predictions, strict=True):
        yield [*(row[column] for column in benchmark.columns), prediction]


def _workbook(path: Path, table: list[list[str]]) -> list[Path]:
    if util.find_spec("openpyxl") is None:
        return []
    book = import_module("openpyxl").Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in table:
        sheet.append([_text_cell(sheet, cell) for cell in row])
    book.save(path)
    return [path]


def _text_cell(sheet: Any, text: str) -> Any:
    """Make a cell that stays a text, also where it begins like a formula; what XML can't hold is replaced."""
    cells = import_module("openpyxl.cell.cell")
    cell = cells.WriteOnlyCell(sheet, cells.ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))
    cell.data_type = "s"
    return cell
