"""GeoQA, GeoQA+ and UniGeo: problems of school geometry with a figure, and four options each.

The official files are pickles: `GeoQA3/{train,dev,test}.pk` of GeoQA, `GeoQA2.2/{Mix-train,…,new-test}.pk` of GeoQA+,
`calculation_{train,val,test}.pk` of UniGeo, and `sub_dataset_dict.pk` with the type of each problem by its id. A record
has `id`, `subject` (the text in Chinese; UniGeo adds `English_problem`, which is preferred), `choices`, `choice_nums`,
`label` and `image`, an array of grey values. They are read without running anything (`_pickles`), a thousand records at
a time. Read too, a record at a time, with their images as files:

- `json-image_files/` of GeoQA+, a JSON and a PNG for each problem;
- `geoqa+.jsonl` of InternVL (its `images/N.png` are what LLaVA-CoT-100k names) and `qa_tuning.json` of Geo170K;
- `geoqa_test_prompts.jsonl` of R1-V: the 754 test questions in English, without options.

The first of these that the folder, or one of its usual folders, has is the split. `GEOQA_R1V_Train_8K` on the Hub has
the images in its rows; `Luckyjhg/Geo170K` only names them.
"""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from curation.errors import DataError, MissingError
from curation.sources import Ingested, Row, _geoqa_forms, _r1v
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
from curation.sources._reading import find_layout, hub_records, named_hub, named_split
from schemas.sample import Sample, Turn

TITLE = "GeoQA / GeoQA+"
HOMEPAGE = "https://github.com/chen-judge/GeoQA"
LICENCE = "not stated by its owners"
CITATION = (
    "Chen, Tang, Qin, Liang, Liu, Xing, Lin: GeoQA: A Geometric Question Answering Benchmark Towards Multimodal "
    "Numerical Reasoning. Findings of ACL 2021. https://arxiv.org/abs/2105.14517. Cao, Xiao: An Augmented Benchmark "
    "Dataset for Geometric Question Answering through Dual Parallel Text Encoding. COLING 2022. "
    "https://aclanthology.org/2022.coling-1.130"
)
BIBTEX = """
@inproceedings{chen2021geoqa,
  title = {{GeoQA}: A Geometric Question Answering Benchmark Towards Multimodal Numerical Reasoning},
  author = {Chen, Jiaqi and Tang, Jianheng and Qin, Jinghui and Liang, Xiaodan and Liu, Lingbo and Xing, Eric P.
            and Lin, Liang},
  booktitle = {Findings of the Association for Computational Linguistics: ACL-IJCNLP 2021},
  year = {2021},
  url = {https://arxiv.org/abs/2105.14517},
}

@inproceedings{cao2022augmented,
  title = {An Augmented Benchmark Dataset for Geometric Question Answering through Dual Parallel Text Encoding},
  author = {Cao, Jie and Xiao, Jing},
  booktitle = {International Conference on Computational Linguistics (COLING)},
  year = {2022},
  url = {https://aclanthology.org/2022.coling-1.130},
}
"""
HUBS = ("leonardPKU/GEOQA_R1V_Train_8K",)
COUNTS = {"train": 3_499, "dev": 745, "test": 754}
"""Of GeoQA; GeoQA+ adds 2,518 problems."""
SCORER = "numeric"

_ALIASES = {"validation": "dev", "val": "dev"}
_NAMES_IMAGES_ONLY = "Luckyjhg/Geo170K"
_FILES = {
    "train": (
        "train.pk",
        "calculation_train.pk",
        "Mix-train.pk",
        "GeoQA-train.pk",
        "Backtrans-train.pk",
        "json-image_files",
        "json",
        "geoqa+.jsonl",
        "qa_tuning.json",
    ),
    "dev": ("dev.pk", "calculation_val.pk"),
    "test": ("test.pk", "calculation_test.pk", "new-test.pk", "geoqa_test_prompts.jsonl"),
}
_FOLDERS = (
    "",
    "GeoQA3",
    "data/GeoQA3",
    "GeoQA2.2",
    "data/GeoQA2.2",
    "GeoQA+/data/GeoQA2.2",
    "data",
    "UniGeo",
    "data/UniGeo",
    "Geo170K",
    "opensource",
    "R1-V",
)
_KINDS = {"id": str, "question": str, "choices": list, "label": int, "answer": str, "type": str, "image": str}
_OPTIONAL = ("choices", "label", "answer", "type", "image")
_MOST_ID = 300
_CHINESE = re.compile("[\u3400-\u9fff]")


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split of an official folder, or of the folder around it; see above for what is looked for.

    `Row.fields` has id, question, choices and label or answer, type and image. Raises DataError before the first row
    where there is nothing to read, or where it is something else.
    """
    split = named_split(split, COUNTS, _ALIASES)
    path = _place(folder, split)
    found = _read(path, split, folder)
    first = next(found, None)
    if first is None:
        raise DataError(f"no records in {path}")
    return chain([first], found)


def _place(folder: Path, split: str) -> Path:
    for name in _FILES[split]:
        for place in _FOLDERS:
            if (path := folder / place / name).exists():
                return path
    return find_layout(folder, "GeoQA3", _FILES[split])


def _read(path: Path, split: str, folder: Path) -> Iterator[Row]:
    if path.is_dir():
        return _geoqa_forms.of_folder(path, split)
    if path.suffix == ".pk":
        return _geoqa_forms.of_pickle(path, split)
    if split == "test":
        return _geoqa_forms.of_prompts(path, split, folder)
    return _geoqa_forms.of_conversations(path, split, folder)


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:
    """Stream R1-V's training questions in English from the Hub; they have no options, and no type.

    Raises MissingError where the Hub can't be reached or has no such split, DataError where the columns are not the
    known ones.
    """
    split = named_split(split, COUNTS, _ALIASES)
    if hub == _NAMES_IMAGES_ONLY:
        raise MissingError(
            f"the rows of {hub} on the Hub only name their images: download its qa_tuning.json and images.zip, unpack "
            "them in one folder, and use --data DIR"
        )
    hub = named_hub(hub, HUBS)
    _r1v.check_split(hub, split)
    return _streamed_rows(split, hub)


def _streamed_rows(split: str, hub: str) -> Iterator[Row]:
    for problem in _r1v.problems(hub, hub_records(hub, split, ("image",))):
        fields = {"question": problem.question, "answer": problem.answer, "image": problem.image_name}
        if isinstance(problem.question, str):
            fields["id"] = _r1v.named_id(problem.image_name, problem.question)
        yield Row(problem.where, split, fields, problem.image)


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn; its target is the text of the right option, or the answer."""
    if finding := _misfit(row):
        return bad_record(row, "geoqa", finding)
    sample_id = f"geoqa/{row.split}/{quote(row.fields['id'], safe='%')}"
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _sample(row: Row, sample_id: str) -> Sample:
    fields = row.fields
    turn = Turn(
        question=fields["question"],
        targets=(_target(fields),),
        choices=tuple(fields.get("choices") or ()),
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


def _target(fields: dict[str, Any]) -> str:
    choices = fields.get("choices")
    return str(choices[fields["label"]] if choices else fields["answer"])


def _labels(fields: dict[str, Any]) -> dict[str, str]:
    """Return the type of the problem, by which the owners report, and the language that it is written in."""
    language = "zh" if _CHINESE.search(fields["question"]) else "en"
    found = {"type": fields.get("type"), "language": language, "image": fields.get("image")}
    return {name: value for name, value in found.items() if value}


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a problem."""
    if finding := misshapen(row, _KINDS, _OPTIONAL):
        return finding
    fields = row.fields
    if not fields["id"] or len(fields["id"]) > _MOST_ID:
        return Finding("bad-record", "its id is empty, or longer than an id", fields["id"])
    if "\0" in (fields.get("image") or ""):
        return Finding("bad-record", "its image can't be the name of a file", fields["image"])
    return None


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    fields = row.fields
    yield from of_images(row, fields.get("image") or fields["id"])
    yield from of_question(fields["question"])
    found = tuple(_of_options(fields) if fields.get("choices") else _of_answer(fields))
    yield from found
    if not any(finding.severity == "error" for finding in found):
        yield from _of_language(fields)


def _of_options(fields: dict[str, Any]) -> Iterator[Finding]:
    choices, label = fields["choices"], fields.get("label")
    yield from of_choices(choices, label)
    if label is None:
        yield Finding("empty-answer", "it names no right option", choices)
    elif 0 <= label < len(choices) and isinstance(choices[label], str):
        yield from of_answer(choices[label], "right option")


def _of_answer(fields: dict[str, Any]) -> Iterator[Finding]:
    if fields.get("answer") is None:
        yield Finding("empty-answer", "it has neither options nor an answer", fields["question"])
    else:
        yield from of_answer(fields["answer"])


def _of_language(fields: dict[str, Any]) -> Iterator[Finding]:
    """Remark what a translation has left, such as the unit of `9米`."""
    target = _target(fields)
    if _CHINESE.search(target) and not _CHINESE.search(fields["question"]):
        yield remark("mixed-language", "the question is in English, its answer holds Chinese", target)
