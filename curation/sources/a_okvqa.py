"""A-OKVQA: questions on COCO photos that ask for knowledge of the world, with four choices and ten direct answers.

The official folder has `aokvqa_v1p0_{train,val,test}.json`, arrays of records; the photos are those of COCO, named by
`image_id`, and are looked for in COCO's own folders in and beside that folder. The test split has no answers.

A record is two official tasks, and so is in two splits: in `val` it is a question with four choices, and in
`val-direct` one without, whose targets are the ten people's answers, the most frequent first. Questions that are
marked `difficult_direct_answer` are left out of the official mean of direct answers: there they have no scorer. The
people's rationales are not read.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard
from urllib.parse import quote

from curation import json_files
from curation.errors import DataError
from curation.sources import Ingested, Pictures, Row
from curation.sources._choices import targets_of
from curation.sources._findings import (
    Finding,
    bad_record,
    ingested,
    misshapen,
    of_answer,
    of_choices,
    of_images,
    of_question,
    of_text,
    refs,
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

TITLE = "A-OKVQA"
HOMEPAGE = "https://github.com/allenai/aokvqa"
LICENCE = "Apache-2.0; photos: COCO's terms"
CITATION = (
    "Schwenk, Khandelwal, Clark, Marino, Mottaghi: A-OKVQA: A Benchmark for Visual Question Answering using World "
    "Knowledge. ECCV 2022. https://arxiv.org/abs/2206.01718"
)
BIBTEX = """
@inproceedings{schwenk2022aokvqa,
  title = {{A-OKVQA}: A Benchmark for Visual Question Answering using World Knowledge},
  author = {Schwenk, Dustin and Khandelwal, Apoorv and Clark, Christopher and Marino, Kenneth and Mottaghi, Roozbeh},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year = {2022},
  url = {https://arxiv.org/abs/2206.01718},
}
"""
HUBS = ("HuggingFaceM4/A-OKVQA",)
COUNTS = {
    "train": 17_056,
    "val": 1_145,
    "test": 6_702,
    "train-direct": 17_056,
    "val-direct": 1_145,
    "test-direct": 6_702,
}
SCORER = "multiple-choice"

_DIRECT = "-direct"
_DIRECT_SCORER = "direct-answer"
_ALIASES = {"validation": "val", f"validation{_DIRECT}": f"val{_DIRECT}"}
_HIDDEN = "test"
"""Its answers are not published."""
_INNER = ("aokvqa", "datasets/aokvqa", "A-OKVQA")
_KINDS = {
    "question_id": str,
    "image_id": int,
    "question": str,
    "choices": list,
    "correct_choice_idx": int,
    "direct_answers": list,
    "difficult_direct_answer": bool,
}
_ANSWERS = ("correct_choice_idx", "direct_answers")
_HUB_KEYS = ("image", *(key for key in _KINDS if key != "image_id"))
_HUB_SPLITS = {"val": "validation"}
_ROOTS = ("coco", "coco/images", "images", "")
_ROOTS_BESIDE = ("coco", "coco/images")
_PHOTOS = (
    ("{}2017", ""),
    ("train2014", "COCO_train2014_"),
    ("val2014", "COCO_val2014_"),
    ("test2015", "COCO_test2015_"),
    ("", ""),
    ("", "COCO_train2014_"),
    ("", "COCO_val2014_"),
    ("", "COCO_test2015_"),
)
"""COCO's folders, for a split, and how the names of the photos in them begin."""
_MOST_IMAGES = 10**12
"""COCO writes image ids with twelve digits."""
_LONGEST_LIST = 100_000
"""Characters of a list that is given as text."""


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split of the official folder, or of a folder around it.

    `Row.fields` has the record's own. Raises DataError before the first row where the folder or the JSON is not the
    official one.
    """
    split = named_split(split, COUNTS, _ALIASES)
    file = f"aokvqa_v1p0_{_own(split)}.json"
    inner = next((inner for inner in _INNER if (folder / inner / file).is_file()), _INNER[0])
    base = find_layout(folder, inner, [file])
    found = _folder_rows(base, split, json_files.records(base / file, ["question_id", "question", "choices"]))
    first = next(found, None)
    if first is None:
        raise DataError(f"no records in {base / file}")
    return chain([first], found)


def _own(split: str) -> str:
    """Return the owners' name of the split."""
    return split.removesuffix(_DIRECT)


def _folder_rows(base: Path, split: str, records: Iterator[object]) -> Iterator[Row]:
    photo = _Photos(base, _own(split))
    for number, record in enumerate(records, start=1):
        fields = fields_of(record, list(_KINDS))
        where = f"aokvqa_v1p0_{_own(split)}.json, record {number}"
        yield Row(where, split, fields, photo(fields.get("image_id")))


class _Place(NamedTuple):
    """A folder with photos."""

    folder: Path
    prefix: str
    """Of the names of the files."""
    read: Callable[[str], Pictures]

    def file(self, number: int) -> str:
        """Return the name of a photo's file."""
        return f"{self.prefix}{number:012}.jpg"


class _Photos:
    """COCO's photos by number, wherever they are: in its folders of 2017, of 2014 and 2015, or all in one."""

    def __init__(self, base: Path, split: str) -> None:
        self._missing = _Place(base, f"coco/{split}2017/", image_reader(base))
        roots = [*(base / root for root in _ROOTS), *(base.parent / root for root in _ROOTS_BESIDE)]
        named = [(root / part.format(split), prefix) for root in roots for part, prefix in _PHOTOS]
        present = [(folder, prefix) for folder, prefix in named if any(folder.glob(f"{prefix}[0-9]*.jpg"))]
        self._places = [_Place(folder, prefix, image_reader(folder)) for folder, prefix in present]

    def __call__(self, number: object) -> Pictures:
        """Return the photo's picture, a missing one for what is no number of a photo."""
        if not _is_number(number):
            return hub_image(None)
        place = self._place(number)
        return place.read(place.file(number))

    def _place(self, number: int) -> _Place:
        """Return where the photo is to be read; most photos are where the last one was."""
        if len(self._places) < 2:
            return self._places[0] if self._places else self._missing
        has = (at for at, place in enumerate(self._places) if (place.folder / place.file(number)).is_file())
        if (at := next(has, None)) is None:
            return self._missing
        self._places.insert(0, self._places.pop(at))
        return self._places[0]


def _is_number(image: object) -> TypeGuard[int]:
    return isinstance(image, int) and not isinstance(image, bool) and 0 <= image < _MOST_IMAGES


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:
    """Stream a split from the Hub, with `Row.fields` as `rows` has them, but without `image_id`.

    Raises MissingError where the Hub can't be reached, DataError where the columns are not the known ones.
    """
    return _streamed_rows(named_split(split, COUNTS, _ALIASES), named_hub(hub, HUBS))


def _streamed_rows(split: str, hub: str) -> Iterator[Row]:
    own = _own(split)
    for number, record in enumerate(hub_records(hub, _HUB_SPLITS.get(own, own), _HUB_KEYS[:1]), start=1):
        if number == 1 and not all(key in record for key in _HUB_KEYS):
            raise DataError(f"{hub} on the Hub: expected columns {', '.join(_HUB_KEYS)}; found {', '.join(record)}")
        yield Row(f"{hub} {own}, row {number}", split, _hub_fields(record), hub_image(record["image"]))


def _hub_fields(record: dict[str, Any]) -> dict[str, Any]:
    """Return the fields; an index of -1 and an empty list stand for answers that are not published."""
    fields = {key: record[key] for key in _HUB_KEYS[1:]}
    fields["direct_answers"] = _list(record["direct_answers"]) or None
    if record["correct_choice_idx"] == -1:
        fields["correct_choice_idx"] = None
    return fields


def _list(value: object) -> object:
    """Return a list that is given as text, as Python writes it; what is no such text comes as it is."""
    if not isinstance(value, str) or len(value) > _LONGEST_LIST:
        return value
    try:
        found = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    return found if isinstance(found, list) else value


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn: with choices and the right one's text, or with the direct answers."""
    if finding := _misfit(row):
        return bad_record(row, "a-okvqa", finding)
    sample_id = f"a-okvqa/{row.split}/{quote(row.fields['question_id'], safe='')}"
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _sample(row: Row, sample_id: str) -> Sample:
    make = _direct_turn if row.split.endswith(_DIRECT) else _choice_turn
    labels = {}
    if row.fields.get("difficult_direct_answer") is not None:
        labels["difficult_direct_answer"] = "yes" if row.fields["difficult_direct_answer"] else "no"
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=(make(row.fields),),
        labels=labels,
        licence=LICENCE,
        citation=CITATION,
    )


def _choice_turn(fields: dict[str, Any]) -> Turn:
    choices, answer = tuple(fields["choices"]), fields.get("correct_choice_idx")
    targets: tuple[str, ...] = () if answer is None else targets_of(choices, answer)
    return Turn(question=fields["question"], targets=targets, choices=choices, scorer=SCORER)


def _direct_turn(fields: dict[str, Any]) -> Turn:
    """Return the turn with all the answers: the metric counts how many people gave the same one."""
    counted = Counter(fields.get("direct_answers") or ())
    targets = tuple(chain.from_iterable([answer] * count for answer, count in counted.most_common()))
    scorer = None if fields.get("difficult_direct_answer") else _DIRECT_SCORER
    return Turn(question=fields["question"], targets=targets, scorer=scorer)


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a record."""
    hidden = _ANSWERS if _own(row.split) == _HIDDEN else ()
    if finding := misshapen(row, _KINDS, (*hidden, "image_id", "difficult_direct_answer")):
        return finding
    if not row.fields["question_id"]:
        return Finding("bad-record", "its question_id is empty")
    if not _is_number(row.fields.get("image_id") or 0):
        return Finding("bad-record", "its image_id is no number of a photo of COCO")
    return None


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    fields = row.fields
    yield from of_images(row, fields.get("image_id", ""))
    yield from of_question(fields["question"])
    yield from _of_direct(fields) if row.split.endswith(_DIRECT) else _of_choice(fields)


def _of_choice(fields: dict[str, Any]) -> Iterator[Finding]:
    choices, answer = fields["choices"], fields.get("correct_choice_idx")
    flaws = list(of_choices(choices, answer))
    yield from flaws
    if answer is not None and not any(flaw.severity is Severity.ERROR for flaw in flaws):
        yield from of_answer(choices[answer], "right choice")


def _of_direct(fields: dict[str, Any]) -> Iterator[Finding]:
    answers = fields.get("direct_answers")
    if answers is None:
        return
    if not all(isinstance(answer, str) for answer in answers):
        yield Finding("bad-record", "its direct_answers are not all texts", answers)
        return
    if not any(answer.strip() for answer in answers):
        yield Finding("empty-answer", "there is no direct answer", answers)
    for answer in dict.fromkeys(answers):
        yield from of_text("direct answer", answer)
