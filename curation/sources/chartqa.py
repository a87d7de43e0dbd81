"""ChartQA: charts from statistics sites, with questions that people wrote and questions that a model wrote.

The official folder is `ChartQA Dataset/{train,val,test}/` with `png/`, `tables/`, `<split>_human.json` and
`<split>_augmented.json`; a record is `{"imgname", "query", "label"}`, all text. On the Hub a row has `image`,
`query`, `label` (a list of one) and `human_or_machine`. Texts are kept as they are; what looks wrong in one
is remarked. The tables, which the folder has, are what checks of traces compare with.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from curation import json_files
from curation.errors import DataError
from curation.sources import Ingested, Row
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
    hub_image,
    hub_records,
    image_reader,
    named_hub,
    named_split,
    names_file,
)
from curation.sources._truths import tables
from schemas.digest import digest_bytes
from schemas.sample import Sample, Turn

TITLE = "ChartQA"
HOMEPAGE = "https://github.com/vis-nlp/ChartQA"
LICENCE = "GPL-3.0"
CITATION = (
    "Masry, Long, Tan, Joty, Hoque: ChartQA: A Benchmark for Question Answering about Charts with Visual and "
    "Logical Reasoning. Findings of ACL 2022. https://arxiv.org/abs/2203.10244"
)
BIBTEX = """
@inproceedings{masry2022chartqa,
  title = {{ChartQA}: A Benchmark for Question Answering about Charts with Visual and Logical Reasoning},
  author = {Masry, Ahmed and Do, Xuan Long and Tan, Jia Qing and Joty, Shafiq and Hoque, Enamul},
  booktitle = {Findings of the Association for Computational Linguistics: ACL 2022},
  year = {2022},
  url = {https://arxiv.org/abs/2203.10244},
}
"""
HUBS = ("HuggingFaceM4/ChartQA",)
COUNTS = {"train": 28_299, "val": 1_920, "test": 2_500}
SCORER = "relaxed-accuracy"

_ALIASES = {"validation": "val"}
_ORIGINS = ("human", "augmented")
_KINDS = {"imgname": str, "query": str, "label": str}
_HUB_KEYS = ("image", "query", "label", "human_or_machine")
_LIST = re.compile(r"\s*\[.*\]\s*", re.DOTALL)


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split of the official folder, or of the folder that holds it: human, then augmented questions.

    `Row.fields` has imgname, query, label and origin. Raises DataError before the first row where the folder or a
    JSON is not the official one.
    """
    split = named_split(split, COUNTS, _ALIASES)
    files = {origin: f"{split}/{split}_{origin}.json" for origin in _ORIGINS}
    base = find_layout(folder, "ChartQA Dataset", list(files.values()))
    present = {origin: base / file for origin, file in files.items() if (base / file).is_file()}
    records = {origin: json_files.records(path, list(_KINDS)) for origin, path in present.items()}
    found = _folder_rows(base / split, split, records)
    first = next(found, None)
    if first is None:
        raise DataError(f"no records in {', '.join(str(path) for path in present.values())}")
    return chain([first], found)


def _folder_rows(folder: Path, split: str, records: dict[str, Iterator[object]]) -> Iterator[Row]:
    picture, truth = image_reader(folder / "png"), tables(folder / "tables")
    for origin, some in records.items():
        for number, record in enumerate(some, start=1):
            fields = fields_of(record, list(_KINDS)) | {"origin": origin}
            name = fields.get("imgname")
            images, facts = (picture(name), truth(name)) if names_file(name) else ((), None)
            yield Row(f"{split}_{origin}.json, record {number}", split, fields, images, facts)


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:
    """Stream a split from the Hub, with `Row.fields` as `rows` has them; an image is named by its digest.

    Raises MissingError where the Hub can't be reached, DataError where the columns are not the known ones.
    """
    return _streamed_rows(named_split(split, COUNTS, _ALIASES), named_hub(hub, HUBS))


def _streamed_rows(split: str, hub: str) -> Iterator[Row]:
    for number, record in enumerate(hub_records(hub, split, _HUB_KEYS[:1]), start=1):
        if number == 1 and not all(key in record for key in _HUB_KEYS):
            found = ", ".join(record)
            raise DataError(f"{hub} on the Hub: expected columns {', '.join(_HUB_KEYS)}; found {found}")
        image = hub_image(record["image"])
        yield Row(f"{hub} {split}, row {number}", split, _hub_fields(record), image)


def _hub_fields(record: dict[str, Any]) -> dict[str, Any]:
    label, origin = record["label"], record["human_or_machine"]
    digest = digest_bytes((record["image"] or {}).get("bytes") or b"")
    return {
        "imgname": digest.removeprefix("sha256:")[:16],
        "query": record["query"],
        "label": label[0] if isinstance(label, list) and len(label) == 1 else label,
        "origin": _ORIGINS[origin] if origin in (0, 1) else origin,
    }


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn with one target, the label as it stands."""
    if finding := _misfit(row):
        return bad_record(row, "chartqa", finding)
    sample_id = _sample_id(row)
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _sample(row: Row, sample_id: str) -> Sample:
    fields = row.fields
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=(Turn(question=fields["query"], targets=(fields["label"],), scorer=SCORER),),
        labels={"origin": fields["origin"], "image": fields["imgname"]},
        licence=LICENCE,
        citation=CITATION,
        facts=row.facts,
    )


def _sample_id(row: Row) -> str:
    stem = quote(row.fields["imgname"].removesuffix(".png"), safe="")
    question = sha256(row.fields["query"].encode()).hexdigest()[:8]
    return f"chartqa/{row.split}/{row.fields['origin']}-{stem}-{question}"


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a record."""
    if finding := misshapen(row, _KINDS):
        return finding
    imgname, origin = row.fields["imgname"], row.fields["origin"]
    if not names_file(imgname):
        return Finding("bad-record", "its imgname can't be the name of a file", imgname)
    if origin not in _ORIGINS:
        return Finding("bad-record", f"its human_or_machine is {origin!r}, not 0 or 1", origin)
    return None


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, what a person should look at, and what the metric makes of the label."""
    query, label = row.fields["query"], row.fields["label"]
    yield from of_images(row, row.fields["imgname"])
    yield from of_question(query)
    yield from of_answer(label, "label")
    if _LIST.fullmatch(label):
        yield remark("list-label", "the label is a list, which the metric compares as one text", label)
    if _is_zero(label):
        yield remark("zero-label", "the label is zero, which the metric compares as a text", label)


def _is_zero(label: str) -> bool:
    try:
        return float(label.rstrip("%")) == 0
    except ValueError:
        return False
