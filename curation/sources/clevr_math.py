"""CLEVR-Math: questions on CLEVR's scenes that take something away or add something, and count what is left.

The official files are `clevr-math-{train,val,test}.json`, `{"info", "questions": [record]}`, as unpacked from
`clevr-math.zip` or `clevr-math-multihop.zip`. A record has `question`, `answer` (a number from 0), `image_filename`,
`template_filename`, and more. The images lie in `CLEVR_v1.0/images/{train,val}/`, as CLEVR ships them; those of the
test split, which bear the names of CLEVR's, come in `clevr-math-test-images.zip`, as `CLEVR_v1.0/images/test/`.

`dali-does/clevr-math` on the Hub is a script that fetches these files, which `datasets` runs no longer. Several
questions are on one image, so a question is named by its image, its template and a digest of its text.
"""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from curation import json_files
from curation.errors import DataError, MissingError
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
from curation.sources._reading import fields_of, find_layout, image_reader, named_split, names_file
from schemas.sample import Sample, Turn

TITLE = "CLEVR-Math"
HOMEPAGE = "https://huggingface.co/datasets/dali-does/clevr-math"
LICENCE = "CC-BY-SA-4.0"
CITATION = (
    "Lindström, Abraham: CLEVR-Math: A Dataset for Compositional Language, Visual and Mathematical Reasoning. "
    "NeSy 2022. https://arxiv.org/abs/2208.05358"
)
BIBTEX = r"""
@inproceedings{lindstrom2022clevrmath,
  title = {{CLEVR-Math}: A Dataset for Compositional Language, Visual and Mathematical Reasoning},
  author = {Lindstr{\"o}m, Adam Dahlgren and Abraham, Savitha Sam},
  booktitle = {International Workshop on Neural-Symbolic Learning and Reasoning (NeSy)},
  year = {2022},
  url = {https://arxiv.org/abs/2208.05358},
}
"""
HUBS = ()
COUNTS = {"train": 556_082, "val": 0, "test": 0}
"""Of the general data set."""
SCORER = "clevr"

_ALIASES = {"validation": "val"}
_KINDS = {"question": str, "image_filename": str, "template_filename": str, "answer": str}
_FOLDERS = ("clevr-math", "data/clevr-math", "data")
_IMAGES = ("CLEVR_v1.0/images/{}", "clevr-math-test-images/CLEVR_v1.0/images/{}", "images/{}")
_NOTHING = re.compile(r"\b(?:add|insert|introduce|subtract|remove|take away|withdraw) 0 ", re.IGNORECASE)


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split from the folder of the JSON files, or from the folder around it.

    `Row.fields` has question, image_filename, template_filename, and answer as a text. Raises DataError before the
    first row where there is no such file, or where it is another's.
    """
    split = named_split(split, COUNTS, _ALIASES)
    file = f"clevr-math-{split}.json"
    inner = next((name for name in _FOLDERS if (folder / name / file).is_file()), _FOLDERS[0])
    path = find_layout(folder, inner, (file,)) / file
    records = json_files.records(path, list(_KINDS)[:3], inside="questions")
    first = next(records, None)
    if first is None:
        raise DataError(f"no records in {path}")
    return _folder_rows(path, split, chain([first], records), _images(path.parent, folder, split))


def _images(beside: Path, folder: Path, split: str) -> Path:
    """Return the first folder of images that is there, of those beside the file and those of the folder around it."""
    expected = [root / name.format(split) for root in (beside, folder, beside.parent) for name in _IMAGES]
    return next((path for path in expected if path.is_dir()), expected[0])


def _folder_rows(path: Path, split: str, records: Iterator[object], images: Path) -> Iterator[Row]:
    picture = image_reader(images)
    for number, record in enumerate(records, start=1):
        fields = _fields(record)
        name = fields.get("image_filename")
        yield Row(f"{path.name}, record {number}", split, fields, picture(name) if names_file(name) else ())


def _fields(record: object) -> dict[str, Any]:
    fields = fields_of(record, list(_KINDS))
    answer = fields.get("answer")
    return fields | {"answer": str(answer)} if type(answer) is int else fields


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:
    """There are none. Raises MissingError, which says what to download instead."""
    named_split(split, COUNTS, _ALIASES)
    raise MissingError(
        f"{hub or 'dali-does/clevr-math'} can't be streamed: CLEVR-Math is a loading script, which datasets runs no "
        "longer; download its data/clevr-math.zip, data/clevr-math-test-images.zip and CLEVR_v1.0.zip of "
        "https://cs.stanford.edu/people/jcjohns/clevr/, unpack them in one folder, and use --data DIR"
    )


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn with one target."""
    if finding := _misfit(row):
        return bad_record(row, "clevr-math", finding)
    sample_id = f"clevr-math/{row.split}/{_native_id(row.fields)}"
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _native_id(fields: dict[str, Any]) -> str:
    named = f"{fields['image_filename'].removesuffix('.png')}-{_template(fields)}"
    return _r1v.named_id(quote(named, safe=""), fields["question"])


def _template(fields: dict[str, Any]) -> str:
    return str(fields["template_filename"]).removesuffix(".json")


def _sample(row: Row, sample_id: str) -> Sample:
    fields = row.fields
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=(Turn(question=fields["question"], targets=(fields["answer"],), scorer=SCORER),),
        labels={"template": _template(fields), "image": fields["image_filename"]},
        licence=LICENCE,
        citation=CITATION,
    )


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a record."""
    if finding := misshapen(row, _KINDS):
        return finding
    for key in ("image_filename", "template_filename"):
        if not names_file(row.fields[key]):
            return Finding("bad-record", f"its {key} can't be the name of a file", row.fields[key])
    return None


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    question, answer = row.fields["question"], row.fields["answer"]
    yield from of_images(row, row.fields["image_filename"])
    yield from of_question(question)
    yield from of_answer(answer)
    if answer.strip() and not answer.isdecimal():
        yield remark("unknown-answer", "the answer is no number from 0", answer)
    if _NOTHING.search(question):
        yield remark("no-change", "the question adds or takes away nothing", question)
