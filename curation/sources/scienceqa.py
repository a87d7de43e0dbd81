"""ScienceQA: school questions with choices, half of them with a picture, many with a hint and a lecture.

The official folder is `data/scienceqa/` with `problems.json` (an object by question id, in which each record says its
split), `pid_splits.json` (for smaller selections too) and `images/<split>/<id>/`, which holds `image.png` where the
record names it, and `choice_0.png`, … where the choices are pictures. On the Hub a row has no id, and no pictures of
choices. What is scored by the official script, https://github.com/lupantech/ScienceQA/blob/main/tools/evaluate_acc.py,
becomes labels: TXT is a question with a hint, IMG one with a main picture, NO one with neither.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from curation import json_files
from curation.errors import DataError
from curation.images import ImageFault, LoadedImage
from curation.sources import Ingested, Pictures, Row
from curation.sources._choices import letter, targets_of
from curation.sources._findings import (
    Finding,
    bad_record,
    ingested,
    misshapen,
    of_answer,
    of_choices,
    of_images,
    of_question,
    refs,
    remark,
)
from curation.sources._reading import (
    fields_of,
    find_layout,
    hub_image,
    hub_records,
    image_reader,
    named_hub,
    named_split,
)
from schemas.issue import Severity
from schemas.sample import Sample, Turn

TITLE = "ScienceQA"
HOMEPAGE = "https://github.com/lupantech/ScienceQA"
LICENCE = "CC-BY-NC-SA-4.0"
CITATION = (
    "Lu, Mishra, Xia, Qiu, Chang, Zhu, Tafjord, Clark, Kalyan: Learn to Explain: Multimodal Reasoning via Thought "
    "Chains for Science Question Answering. NeurIPS 2022. https://arxiv.org/abs/2209.09513"
)
BIBTEX = """
@inproceedings{lu2022scienceqa,
  title = {Learn to Explain: Multimodal Reasoning via Thought Chains for Science Question Answering},
  author = {Lu, Pan and Mishra, Swaroop and Xia, Tony and Qiu, Liang and Chang, Kai-Wei and Zhu, Song-Chun
            and Tafjord, Oyvind and Clark, Peter and Kalyan, Ashwin},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2022},
  url = {https://arxiv.org/abs/2209.09513},
}
"""
HUBS = ("derek-thomas/ScienceQA", "lmms-lab/ScienceQA", "lmms-lab/ScienceQA-IMG")
COUNTS = {"train": 12_726, "val": 4_241, "test": 4_241}
SCORER = "multiple-choice"

_ALIASES = {"validation": "val"}
_SELECTIONS = ("trainval", "minitrain", "minival", "minitest")
"""Of questions that have a split of their own as well, by which their ids go."""
_FILE = "problems.json"
_INNER = ("data/scienceqa", "scienceqa", "ScienceQA/data/scienceqa")
_KINDS = {
    "question": str,
    "choices": list,
    "answer": int,
    "hint": str,
    "image": str,
    "grade": str,
    "subject": str,
    "topic": str,
    "category": str,
    "lecture": str,
}
_OPTIONAL = ("hint", "image", "grade", "subject", "topic", "category", "lecture")
_HUB_SPLITS = {"val": "validation"}
_HUB_CONFIGURATIONS = {"lmms-lab/ScienceQA": "ScienceQA-FULL"}
_GRADE = re.compile(r"grade(1[0-2]|[1-9])")
_LAST_LOWER_GRADE = 6


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split, or a selection of `pid_splits.json`, of the official folder or of a folder around it.

    `Row.fields` has the record's own, the `pid`, and which choices are `pictured`. Raises DataError before the first
    row where the folder or a JSON is not the official one.
    """
    asked = named_split(split, (*COUNTS, *_SELECTIONS), _ALIASES)
    inner = next((inner for inner in _INNER if (folder / inner / _FILE).is_file()), _INNER[0])
    base = find_layout(folder, inner, [_FILE])
    found = _folder_rows(base, asked, _selected(base, asked))
    first = next(found, None)
    if first is None:
        raise DataError(f"no records of the split {asked} in {base / _FILE}")
    return chain([first], found)


def _selected(base: Path, asked: str) -> Callable[[str, str], bool]:
    """Return what tells by a question's id and its own split whether it is asked for."""
    if asked in COUNTS:
        return lambda _, own: own == asked
    path = base / "pid_splits.json"
    if not path.is_file():
        raise DataError(f"there is no {path}, which says which questions are in {asked}")
    found = json_files.document(path)
    ids = found.get(asked) if isinstance(found, dict) else None
    if not isinstance(ids, list):
        why = found.why if isinstance(found, json_files.Broken) else f"it has no list named {asked}"
        raise DataError(f"{path}: {why}")
    chosen = {pid for pid in ids if isinstance(pid, str)}
    return lambda pid, _: pid in chosen


def _folder_rows(base: Path, asked: str, selected: Callable[[str, str], bool]) -> Iterator[Row]:
    read = image_reader(base / "images")
    for pid, record in json_files.entries(base / _FILE, ["question", "choices", "answer"]):
        fields = fields_of(record, [*_KINDS, "split"]) | {"pid": pid}
        own = fields.get("split")
        where = f"{_FILE}, question {pid[:40]!r}"
        if not isinstance(own, str) or own not in COUNTS:
            yield Row(where, asked if asked in COUNTS else "train", fields)
        elif selected(pid, own):
            yield _with_pictures(Row(where, own, fields), base / "images", read)


def _with_pictures(row: Row, images: Path, read: Callable[[str], Pictures]) -> Row:
    """Add the main picture, then those of the choices."""
    folder, main, choices = f"{row.split}/{row.fields['pid']}", row.fields.get("image"), row.fields.get("choices")
    pictured = _pictured(images / folder, len(choices) if isinstance(choices, list) else 0)
    names = [main] * bool(main) + [f"choice_{index}.png" for index in pictured]
    pictures = Pictures(*(partial(_picture, read, f"{folder}/{name}") for name in names))
    return row._replace(fields=row.fields | {"pictured": pictured}, images=pictures)


def _picture(read: Callable[[str], Pictures], name: str) -> LoadedImage | ImageFault:
    return read(name)[0]


def _pictured(folder: Path, choices: int) -> list[int]:
    """Return the choices, from 0, of which there is a picture in a question's folder."""
    try:
        names = {path.name for path in folder.iterdir()}
    except (OSError, ValueError):
        return []
    return [index for index in range(choices) if f"choice_{index}.png" in names]


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:
    """Stream a split from the Hub, with `Row.fields` as `rows` has them; a digest stands for the id.

    Raises MissingError where the Hub can't be reached, DataError where the columns are not the known ones.
    """
    return _streamed_rows(named_split(split, COUNTS, _ALIASES), named_hub(hub, HUBS))


def _streamed_rows(split: str, hub: str) -> Iterator[Row]:
    configuration = _HUB_CONFIGURATIONS.get(hub)
    records = hub_records(hub, _HUB_SPLITS.get(split, split), ["image"], configuration)
    for number, record in enumerate(records, start=1):
        if number == 1 and not all(key in record for key in _KINDS):
            raise DataError(f"{hub} on the Hub: expected columns {', '.join(_KINDS)}; found {', '.join(record)}")
        cell = record["image"]
        image = hub_image(cell) if any((cell or {}).values()) else ()
        yield Row(f"{hub} {split}, row {number}", split, _hub_fields(record, split), image)


def _hub_fields(record: dict[str, Any], split: str) -> dict[str, Any]:
    cell = record["image"] or {}
    digest = sha256(cell.get("bytes") or b"")
    digest.update(repr([record[key] for key in _KINDS if key != "image"]).encode("utf-8", "replace"))
    named = {"image": "image.png" if any(cell.values()) else None, "pid": f"hub-{digest.hexdigest()[:16]}"}
    return {key: record[key] for key in _KINDS} | named | {"split": split, "pictured": []}


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn, whose target is the text of the right choice."""
    if finding := _misfit(row):
        return bad_record(row, "scienceqa", finding)
    sample_id = f"scienceqa/{row.split}/{quote(row.fields['pid'], safe='')}"
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _sample(row: Row, sample_id: str) -> Sample:
    fields = row.fields
    choices = tuple(fields["choices"])
    turn = Turn(
        question=fields["question"],
        targets=targets_of(choices, fields["answer"]),
        choices=choices,
        context=_context(fields),
        scorer=SCORER,
    )
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=(turn,),
        labels=_labels(fields),
        licence=LICENCE,
        citation=CITATION,
    )


def _context(fields: dict[str, Any]) -> str:
    """Return the hint, the lecture, and which picture is which, with an empty line between them."""
    parts = (fields.get("hint"), fields.get("lecture"), _legend(fields))
    return "\n\n".join(part for part in parts if part and part.strip())


def _legend(fields: dict[str, Any]) -> str:
    """Say which picture shows which choice; they come in this order, after the main one."""
    pictured = fields.get("pictured")
    if not pictured:
        return ""
    main = bool(fields.get("image"))
    shown = [f"image {number} shows choice {letter(index)}" for number, index in enumerate(pictured, 1 + main)]
    said = ", ".join(["image 1 belongs to the question"] * main + shown)
    return f"{said[0].upper()}{said[1:]}."


def _labels(fields: dict[str, Any]) -> dict[str, str]:
    text, image, grade = bool(fields.get("hint")), bool(fields.get("image")), fields.get("grade") or ""
    own = {key: fields.get(key) or "" for key in ("subject", "topic", "category", "grade")}
    context = {"TXT": text, "IMG": image, "NO": not (text or image)}
    labels = {**own, "grades": _band(grade), **{name: "yes" if holds else "no" for name, holds in context.items()}}
    return {name: value for name, value in labels.items() if value}


def _band(grade: str) -> str:
    found = _GRADE.fullmatch(grade)
    if not found:
        return ""
    return "G1-6" if int(found[1]) <= _LAST_LOWER_GRADE else "G7-12"


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a record."""
    if finding := misshapen(row, {**_KINDS, "pid": str, "split": str}, _OPTIONAL):
        return finding
    if row.fields["split"] not in COUNTS:
        return Finding("bad-record", f"its split is {row.fields['split']!r:.40}, not {', '.join(COUNTS)}")
    if not row.fields["pid"]:
        return Finding("bad-record", "its id is empty")
    return None


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    fields = row.fields
    choices, answer, pictured = fields["choices"], fields["answer"], fields.get("pictured") or []
    yield from of_images(row, fields.get("image") or "choice_0.png")
    yield from of_question(fields["question"])
    flaws = list(of_choices(choices, answer))
    yield from flaws
    if not any(flaw.severity is Severity.ERROR for flaw in flaws):
        yield from of_answer(choices[answer], "right choice")
    if pictured and len(pictured) < len(choices):
        without = ", ".join(letter(index) for index in range(len(choices)) if index not in pictured)
        yield remark("choice-picture-missing", f"some choices have a picture, and {without} has none", pictured)
