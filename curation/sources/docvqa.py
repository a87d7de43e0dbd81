"""DocVQA, single pages: scans of letters, forms and tables from an archive of industry, and questions on what they say.

The official folder is `{train,val,test}/` with `documents/` and `<split>_v1.0.json`, or `<split>_v1.0_withQT.json`,
which adds types of questions; as unpacked since 2023, `spdocvqa_qas/` with the same files and `spdocvqa_images/`. Both
forms, and the files beside each other in one folder, are read. A file is `{"dataset_name", …, "data": [record]}`, a
record `{"questionId", "question", "image", "docId", "ucsf_document_id", "ucsf_document_page_no", "answers", …}`; the
answers are all accepted, and those of the test split are hidden. What was read on a page, `ocr_results/` or
`spdocvqa_ocr/`, is taken along for checks of traces. On the Hub, three data sets hold the same pages;
`eliolio/docvqa`, which is often named, holds none.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from curation import json_files
from curation.errors import DataError
from curation.sources import Ingested, Pictures, Row
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
    unusable,
)
from curation.sources._reading import (
    fields_of,
    find_layout,
    hub_image,
    hub_records,
    image_reader,
    named_hub,
    named_split,
    names_file,
)
from curation.sources._truths import Find, pages
from schemas.digest import digest_bytes
from schemas.sample import Sample, Turn

TITLE = "DocVQA"
HOMEPAGE = "https://rrc.cvc.uab.es/?ch=17"
LICENCE = "research and education only, after registration; pages of the UCSF Industry Documents Library"
CITATION = (
    "Mathew, Karatzas, Jawahar: DocVQA: A Dataset for VQA on Document Images. WACV 2021. "
    "https://arxiv.org/abs/2007.00398"
)
BIBTEX = """
@inproceedings{mathew2021docvqa,
  title = {{DocVQA}: A Dataset for {VQA} on Document Images},
  author = {Mathew, Minesh and Karatzas, Dimosthenis and Jawahar, C. V.},
  booktitle = {IEEE/CVF Winter Conference on Applications of Computer Vision (WACV)},
  year = {2021},
  url = {https://arxiv.org/abs/2007.00398},
}
"""
HUBS = ("lmms-lab/DocVQA", "pixparse/docvqa-single-page-questions", "nielsr/docvqa_1200_examples")
COUNTS = {"train": 39_463, "val": 5_349, "test": 5_188}
SCORER = "anls"

TYPES = (
    "figure/diagram",
    "form",
    "table/list",
    "layout",
    "free_text",
    "Image/Photo",
    "handwritten",
    "Yes/No",
    "others",
)
"""The types of questions that its owners report; a question may be of several."""

_ALIASES = {"validation": "val"}
_HIDDEN = "test"
_MOST_ID = 100
_PLACES = ("{split}/{file}", "spdocvqa_qas/{file}", "{file}")
_FILES = ("{split}_v1.0_withQT.json", "{split}_v1.0.json")
_KINDS = {"question": str, "image": str, "answers": list, "question_types": list}
_OPTIONAL = ("answers", "question_types")
_KEYS = ("questionId", *_KINDS)


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split of the official folder, or of a folder `docvqa` in it; with question types where there are any.

    `Row.fields` has questionId, question, image, and answers and question_types where the record has them. Raises
    DataError before the first row where the folder or the JSON is not the official one.
    """
    split = named_split(split, COUNTS, _ALIASES)
    files = [place.format(split=split, file=name.format(split=split)) for name in _FILES for place in _PLACES]
    base = find_layout(folder, "docvqa", files)
    path = next(base / file for file in files if (base / file).is_file())
    records = json_files.records(path, _KEYS[:3], inside="data")
    first = next(records, None)
    if first is None:
        raise DataError(f"no records in {path}")
    places = (path.parent / "ocr_results", base / split / "ocr_results", base / "spdocvqa_ocr", base / "ocr_results")
    shown = (_pages(base, path.parent, split), pages(*dict.fromkeys(places)))
    return _folder_rows(path, split, chain([first], records), shown)


def _folder_rows(
    path: Path, split: str, records: Iterator[object], shown: tuple[Callable[[str], Pictures], Find]
) -> Iterator[Row]:
    """Read the rows; `shown` makes a picture of a name, and finds what is written in it."""
    picture, truth = shown
    for number, record in enumerate(records, start=1):
        fields = fields_of(record, _KEYS)
        name = fields.get("image")
        images, facts = (picture(name), truth(name)) if names_file(name) else ((), None)
        yield Row(f"{path.name}, record {number}", split, fields, images, facts)


def _pages(base: Path, beside: Path, split: str) -> Callable[[str], Pictures]:
    """Return what makes a row's picture of its name `documents/….png`, which `spdocvqa_images/` has without folder."""
    images = base / "spdocvqa_images"
    readers = {root: image_reader(root) for root in (beside, base / split, base, images)}

    def picture(name: str) -> Pictures:
        found = next((root for root in readers if os.path.isfile(root / name)), None)  # noqa: PTH113 - any name will do
        if found is None and images.is_dir():
            return readers[images](name.removeprefix("documents/"))
        return readers[found or beside](name)

    return picture


class _Form(NamedTuple):
    """How a data set on the Hub holds DocVQA."""

    config: str | None
    keys: Sequence[str]
    fields: Callable[[dict[str, Any]], dict[str, Any]]


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:
    """Stream a split from the Hub, with `Row.fields` as `rows` has them; `train` is not in the usual data set.

    Raises MissingError where the Hub can't be reached or has no such split, DataError where the columns are not the
    known ones.
    """
    split = named_split(split, COUNTS, _ALIASES)
    usual = HUBS[1] if split == "train" else HUBS[0]
    return _streamed_rows(split, named_hub(hub or usual, HUBS))


def _streamed_rows(split: str, hub: str) -> Iterator[Row]:
    form = _FORMS[hub]
    records = hub_records(hub, "validation" if split == "val" else split, ("image",), form.config)
    for number, record in enumerate(records, start=1):
        if number == 1 and not all(key in record for key in form.keys):
            expected, found = ", ".join(form.keys), ", ".join(record)
            raise DataError(f"{hub} on the Hub: expected columns {expected}; found {found}")
        yield Row(f"{hub} {split}, row {number}", split, form.fields(record), hub_image(record["image"]))


def _of_lmms(record: dict[str, Any]) -> dict[str, Any]:
    page = f"{record['ucsf_document_id']}_{record['ucsf_document_page_no']}"
    return _hub_fields(record["questionId"], record["question"], f"documents/{page}.png", record["answers"]) | {
        "question_types": record["question_types"]
    }


def _of_pixparse(record: dict[str, Any]) -> dict[str, Any]:
    other = record["other_metadata"] or {}
    page = f"{other.get('ucsf_document_id')}_{other.get('ucsf_document_page_no')}"
    return _hub_fields(record["question_id"], record["question"], f"documents/{page}.png", record["answers"])


def _of_nielsr(record: dict[str, Any]) -> dict[str, Any]:
    digest = digest_bytes((record["image"] or {}).get("bytes") or b"").removeprefix("sha256:")
    return _hub_fields(record["id"], (record["query"] or {}).get("en"), f"{digest[:16]}.png", record["answers"])


def _hub_fields(number: object, question: object, image: str, answers: object) -> dict[str, Any]:
    question_id = int(number) if isinstance(number, str) and number.isdecimal() and len(number) < 20 else number
    return {"questionId": question_id, "question": question, "image": image, "answers": answers}


_LMMS_KEYS = (
    "questionId",
    "question",
    "question_types",
    "image",
    "ucsf_document_id",
    "ucsf_document_page_no",
    "answers",
)
_FORMS = {
    HUBS[0]: _Form("DocVQA", _LMMS_KEYS, _of_lmms),
    HUBS[1]: _Form(None, ("image", "question_id", "question", "answers", "other_metadata"), _of_pixparse),
    HUBS[2]: _Form(None, ("id", "image", "query", "answers"), _of_nielsr),
}


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn, whose targets are the accepted answers; none where they are hidden."""
    if finding := _misfit(row):
        return bad_record(row, "docvqa", finding)
    sample_id = f"docvqa/{row.split}/{quote(str(row.fields['questionId']), safe='')}"
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _sample(row: Row, sample_id: str) -> Sample:
    fields = row.fields
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=(Turn(question=fields["question"], targets=_answers(row), scorer=SCORER),),
        labels=_types(row) | {"image": fields["image"].removeprefix("documents/")},
        licence=LICENCE,
        citation=CITATION,
        facts=row.facts,
    )


def _types(row: Row) -> dict[str, str]:
    """Return a label for each type, as a question may be of several: the owners' breakdown is that of `yes`."""
    own = row.fields.get("question_types") or ()
    if not own:
        return {}
    labels = {name: "yes" if name in own else "no" for name in TYPES}
    return labels | {"_".join(name.split()): "yes" for name in own if name not in labels and name.strip()}


def _answers(row: Row) -> tuple[str, ...]:
    """Return the accepted answers, once each; an empty one would be met by saying nothing."""
    return tuple(dict.fromkeys(answer for answer in row.fields.get("answers") or () if answer.strip()))


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a record."""
    if finding := misshapen(row, _KINDS, _OPTIONAL):
        return finding
    question_id, image = row.fields.get("questionId"), row.fields["image"]
    if not isinstance(question_id, int | str) or isinstance(question_id, bool):
        return Finding("bad-record", "its questionId is neither a number nor a text", row.fields)
    if not 0 < len(str(question_id)) <= _MOST_ID or unusable(str(question_id)):
        return Finding("bad-record", "its questionId can't be part of an id", question_id)
    if not names_file(image):
        return Finding("bad-record", "its image can't be the name of a file", image)
    for key in _OPTIONAL:
        if not all(isinstance(text, str) for text in row.fields.get(key) or ()):
            return Finding("bad-record", f"its {key} are not all texts", row.fields[key])
    return None


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    answers = row.fields.get("answers") or ()
    yield from of_images(row, row.fields["image"])
    yield from of_question(row.fields["question"])
    if not _answers(row):
        if row.split != _HIDDEN or answers:
            yield Finding("empty-answer", "it has no answer", answers)
        return
    for answer in answers:
        if not answer.strip():
            yield remark("empty-answer", "one of the accepted answers is empty, and is left out", answers)
        else:
            yield from of_answer(answer)
