"""CLEVR: rendered scenes of simple solids, with questions that a program wrote and can answer.

The official folder is `CLEVR_v1.0/` with `questions/CLEVR_{split}_questions.json`, `{"info", "questions": [record]}`,
and `images/{train,val,test}/`. A record has `question`, `answer` (a text), `image_filename`, `question_index`,
`question_family_index` and `program`, a list of nodes `{"function", "inputs", "value_inputs"}`; of the test split, no
answer and no program is published. What the generator (https://github.com/facebookresearch/clevr-dataset-gen) writes is
read too: `CLEVR_questions.json` beside `images/`, nodes with `type`, answers such as `true` and `3`.

The type of a question is the last node of its program, as in table 1 of the paper. What stands in an image is read in
`scenes/CLEVR_{split}_scenes.json`, or the generator's `CLEVR_scenes.json`, if it is there, for checks of traces.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from curation import json_files
from curation.errors import DataError
from curation.scorers.clevr import KINDS
from curation.sources import Ingested, Row, _r1v
from curation.sources._findings import (
    Finding,
    bad_record,
    ingested,
    misshapen,
    of_answer,
    of_images,
    of_question,
    refs,
    remark,
)
from curation.sources._reading import (
    fields_of,
    find_layout,
    hub_records,
    image_reader,
    named_hub,
    named_split,
    names_file,
)
from curation.sources._truths import Find, Scenes
from schemas.sample import Sample, Turn

TITLE = "CLEVR"
HOMEPAGE = "https://cs.stanford.edu/people/jcjohns/clevr/"
LICENCE = "CC-BY-4.0"
CITATION = (
    "Johnson, Hariharan, van der Maaten, Fei-Fei, Zitnick, Girshick: CLEVR: A Diagnostic Dataset for Compositional "
    "Language and Elementary Visual Reasoning. CVPR 2017. https://arxiv.org/abs/1612.06890"
)
BIBTEX = """
@inproceedings{johnson2017clevr,
  title = {{CLEVR}: A Diagnostic Dataset for Compositional Language and Elementary Visual Reasoning},
  author = {Johnson, Justin and Hariharan, Bharath and van der Maaten, Laurens and Fei-Fei, Li
            and Zitnick, C. Lawrence and Girshick, Ross},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2017},
  url = {https://arxiv.org/abs/1612.06890},
}
"""
HUBS = ("leonardPKU/clevr_cogen_a_train",)
COUNTS = {"train": 699_989, "val": 149_991, "test": 149_988}
SCORER = "clevr"

GROUPS = {
    "exist": "exist",
    "count": "count",
    **dict.fromkeys(("equal_integer", "less_than", "greater_than"), "compare_integer"),
    **dict.fromkeys((f"query_{name}" for name in ("size", "color", "material", "shape")), "query_attribute"),
    **dict.fromkeys((f"equal_{name}" for name in ("size", "color", "material", "shape")), "compare_attribute"),
}
"""The types of questions, to the groups that the paper reports."""
ANSWERS = frozenset(map(str, range(11))).union(*(kind.values() for kind in KINDS))
"""All 28 of them."""

_ALIASES = {"validation": "val"}
_HIDDEN = "test"
_GENERATED = "CLEVR_questions.json"
_KINDS = {"question": str, "image_filename": str, "question_index": int, "answer": str, "type": str}
_OPTIONAL = ("question_index", "answer", "question_family_index")
_KEYS = ("question", "image_filename", "question_index", "question_family_index", "answer")
_FUNCTION = ("function", "type")


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split of the official folder, or of the folder that holds it; or the questions of the generator.

    `Row.fields` has question, image_filename, question_index, question_family_index, answer (true and 3 as the texts
    `yes` and `3`) and type. A generator's file is the split that its records name, or train. Raises DataError before
    the first row where the folder or the JSON is not the official one.
    """
    split = named_split(split, COUNTS, _ALIASES)
    files = (f"questions/CLEVR_{split}_questions.json", f"questions/{_GENERATED}", _GENERATED)
    base = find_layout(folder, "CLEVR_v1.0", files)
    path = next(base / file for file in files if (base / file).is_file())
    records = json_files.records(path, _KEYS[:2], inside="questions")
    found = _folder_rows(path, split, records, (_images(base, split), Scenes(_scenes(base, split))))
    first = next(found, None)
    if first is None:
        raise DataError(f"no records of the split {split} in {path}")
    return chain([first], found)


def _folder_rows(path: Path, split: str, records: Iterator[object], shown: tuple[Path, Find]) -> Iterator[Row]:
    """Read the rows; `shown` is the folder of the images, and what finds the objects in one."""
    picture, truth = image_reader(shown[0]), shown[1]
    for number, record in enumerate(records, start=1):
        if path.name == _GENERATED and _split_of(record) != split:
            continue
        fields = _fields(record)
        name = fields.get("image_filename")
        images, facts = (picture(name), truth(name)) if names_file(name) else ((), None)
        yield Row(f"{path.name}, record {number}", split, fields, images, facts)


def _split_of(record: object) -> str:
    """Return the split of a generated record; the generator's default, `new`, is none of ours."""
    own = record.get("split") if isinstance(record, dict) else None
    return own if isinstance(own, str) and own in COUNTS else "train"


def _images(base: Path, split: str) -> Path:
    """Return the folder of the images: the generator writes no folder for the split."""
    by_split = base / "images" / split
    return by_split if by_split.is_dir() or not (base / "images").is_dir() else base / "images"


def _scenes(base: Path, split: str) -> Path:
    """Return the file of the scenes, which may not be there."""
    files = (f"scenes/CLEVR_{split}_scenes.json", "scenes/CLEVR_scenes.json", "CLEVR_scenes.json")
    return next((base / file for file in files if (base / file).is_file()), base / files[0])


def _fields(record: object) -> dict[str, Any]:
    fields = fields_of(record, _KEYS)
    if "record" in fields or not isinstance(record, dict):
        return fields
    return fields | {"answer": _text_of(fields.get("answer")), "type": _type_of(record.get("program"))}


def _text_of(answer: object) -> object:
    """Return an answer of the generator as the released data set writes it."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return str(answer) if isinstance(answer, int) else answer


def _type_of(program: object) -> str:
    """Return the function of a program's last node; empty where there is none."""
    last = program[-1] if isinstance(program, list) and program else None
    names = [last.get(key) for key in _FUNCTION] if isinstance(last, dict) else []
    return next((name for name in names if isinstance(name, str) and name in GROUPS), "")


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:
    """Stream questions of CoGenT's condition A from the Hub; they have no index and no program, so no type.

    Raises MissingError where the Hub can't be reached or has no such split, DataError where the columns are not the
    known ones.
    """
    split, hub = named_split(split, COUNTS, _ALIASES), named_hub(hub, HUBS)
    _r1v.check_split(hub, split)
    return _streamed_rows(split, hub)


def _streamed_rows(split: str, hub: str) -> Iterator[Row]:
    for problem in _r1v.problems(hub, hub_records(hub, split, ("image",))):
        fields = {"question": problem.question, "image_filename": problem.image_name, "type": ""}
        yield Row(problem.where, split, fields | {"answer": _text_of(problem.answer)}, problem.image)


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn with one target; without targets where the answers are hidden."""
    if finding := _misfit(row):
        return bad_record(row, "clevr", finding)
    sample_id = f"clevr/{row.split}/{_native_id(row.fields)}"
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _native_id(fields: dict[str, Any]) -> str:
    index = fields.get("question_index")
    if index is not None:
        return f"{index:06}"
    return _r1v.named_id(quote(fields["image_filename"].removesuffix(".png"), safe=""), fields["question"])


def _sample(row: Row, sample_id: str) -> Sample:
    fields, answer = row.fields, row.fields.get("answer")
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=(Turn(question=fields["question"], targets=() if answer is None else (answer,), scorer=SCORER),),
        labels=_labels(fields) | {"image": fields["image_filename"]},
        licence=LICENCE,
        citation=CITATION,
        facts=row.facts,
    )


def _labels(fields: dict[str, Any]) -> dict[str, str]:
    """Return what accuracy is broken down by, as far as it is known."""
    labels = {"type": fields["type"], "group": GROUPS[fields["type"]]} if fields["type"] else {}
    family = fields.get("question_family_index")
    return labels if family is None else labels | {"family": str(family)}


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a record."""
    if finding := misshapen(row, _KINDS | {"question_family_index": int}, _OPTIONAL):
        return finding
    image = row.fields["image_filename"]
    if not names_file(image):
        return Finding("bad-record", "its image_filename can't be the name of a file", image)
    return None


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    answer = row.fields.get("answer")
    yield from of_images(row, row.fields["image_filename"])
    yield from of_question(row.fields["question"])
    if answer is None:
        if row.split != _HIDDEN:
            yield Finding("empty-answer", "it has no answer", row.fields["question"])
        return
    yield from of_answer(answer)
    if answer.strip() and answer not in ANSWERS:
        yield remark("unknown-answer", "the answer is none of the 28 of CLEVR", answer)
