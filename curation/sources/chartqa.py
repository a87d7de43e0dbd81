"""ChartQA: charts from statistics sites, with questions that people wrote and questions that a model wrote.

The official folder is `ChartQA Dataset/{train,val,test}/` with `png/`, `tables/`, `<split>_human.json` and
`<split>_augmented.json`; a record is `{"imgname", "query", "label"}`, all text. On the Hub a row has `image`,
`query`, `label` (a list of one) and `human_or_machine`. Texts are kept as they are; what looks wrong in one
is remarked.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from curation.errors import DataError
from curation.images import ImageFault
from curation.sources import Ingested, Row
from curation.sources._reading import (
    find_layout,
    hub_image,
    hub_records,
    image_reader,
    json_records,
    named_split,
)
from schemas.digest import digest_bytes
from schemas.issue import Issue, Severity
from schemas.sample import Sample, Turn

TITLE = "ChartQA"
HOMEPAGE = "https://github.com/vis-nlp/ChartQA"
LICENCE = "GPL-3.0"
CITATION = (
    "Masry, Long, Tan, Joty, Hoque: ChartQA: A Benchmark for Question Answering about Charts with Visual and "
    "Logical Reasoning. Findings of ACL 2022. https://arxiv.org/abs/2203.10244"
)
HUB = "HuggingFaceM4/ChartQA"
SPLITS = ("train", "val", "test")
SCORER = "relaxed-accuracy"

_ALIASES = {"validation": "val"}
_ORIGINS = ("human", "augmented")
_KEYS = ("imgname", "query", "label")
_HUB_KEYS = ("image", "query", "label", "human_or_machine")
_MOJIBAKE = re.compile("\ufffd|â€|[ÂÃ][\x80-\xbf]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_LIST = re.compile(r"\s*\[.*\]\s*", re.DOTALL)


class _Finding(NamedTuple):
    code: str
    why: str
    evidence: object


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split of the official folder, or of the folder that holds it: human, then augmented questions.

    `Row.fields` has imgname, query, label, origin, and `repeated` where an earlier record has the same image
    and question. Raises DataError before the first row where the folder or a JSON is not the official one.
    """
    split = named_split(split, SPLITS, _ALIASES)
    files = {origin: f"{split}/{split}_{origin}.json" for origin in _ORIGINS}
    base = find_layout(folder, "ChartQA Dataset", list(files.values()))
    present = {origin: base / file for origin, file in files.items() if (base / file).is_file()}
    records = {origin: json_records(path, _KEYS) for origin, path in present.items()}
    if not any(records.values()):
        raise DataError(f"no records in {', '.join(str(path) for path in present.values())}")
    return _marked(_folder_rows(base / split, split, records))


def _folder_rows(folder: Path, split: str, records: dict[str, list[Any]]) -> Iterator[Row]:
    read = image_reader(folder / "png")
    for origin, some in records.items():
        for number, record in enumerate(some, start=1):
            fields = _fields(record) | {"origin": origin}
            images = () if _misshapen(fields) else (read(fields["imgname"]),)
            yield Row(f"{split}_{origin}.json, record {number}", split, fields, images)


def _fields(record: object) -> dict[str, Any]:
    if not isinstance(record, dict):
        return {"record": record}
    return {key: record[key] for key in _KEYS if key in record}


def hub_rows(split: str) -> Iterator[Row]:
    """Stream a split from the Hub, with `Row.fields` as `rows` has them; an image is named by its digest.

    Raises MissingError where the Hub can't be reached, DataError where the columns are not the known ones.
    """
    split = named_split(split, SPLITS, _ALIASES)
    return _marked(_streamed_rows(split))


def _streamed_rows(split: str) -> Iterator[Row]:
    for number, record in enumerate(hub_records(HUB, split, _HUB_KEYS[0]), start=1):
        if number == 1 and not all(key in record for key in _HUB_KEYS):
            found = ", ".join(record)
            raise DataError(f"{HUB} on the Hub: expected columns {', '.join(_HUB_KEYS)}; found {found}")
        image = hub_image(record["image"])
        yield Row(f"{HUB} {split}, row {number}", split, _hub_fields(record), (image,))


def _hub_fields(record: dict[str, Any]) -> dict[str, Any]:
    label, origin = record["label"], record["human_or_machine"]
    digest = digest_bytes((record["image"] or {}).get("bytes") or b"")
    return {
        "imgname": digest.removeprefix("sha256:")[:16],
        "query": record["query"],
        "label": label[0] if isinstance(label, list) and len(label) == 1 else label,
        "origin": _ORIGINS[origin] if origin in (0, 1) else origin,
    }


def _marked(some: Iterator[Row]) -> Iterator[Row]:
    """Mark the rows that an earlier row already is, at the cost of eight bytes kept of each."""
    seen: set[bytes] = set()
    for row in some:
        if _misshapen(row.fields):
            yield row
            continue
        digest = blake2b(_sample_id(row).encode(), digest_size=8).digest()
        yield row._replace(fields=row.fields | {"repeated": True}) if digest in seen else row
        seen.add(digest)


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn with one target, the label as it stands."""
    if why := _misshapen(row.fields):
        digest = sha256(repr(row.fields).encode()).hexdigest()
        finding = _Finding("bad-record", why, row.fields)
        return Ingested(None, (_issue(row, f"chartqa/{row.split}/record-{digest[:12]}", finding),))
    sample_id = _sample_id(row)
    if row.fields.get("repeated"):
        finding = _Finding("duplicate-row", "an earlier record has this image and question", row.fields["query"])
        # A warning, as an error would count against the sample of this id, which is the earlier record.
        return Ingested(None, (_issue(row, sample_id, finding, Severity.WARNING),))
    if refusals := tuple(_issue(row, sample_id, finding) for finding in _refusals(row)):
        return Ingested(None, refusals)
    remarks = tuple(_issue(row, sample_id, finding, Severity.WARNING) for finding in _remarks(row))
    return Ingested(_sample(row, sample_id), remarks)


def _sample(row: Row, sample_id: str) -> Sample:
    fields = row.fields
    return Sample(
        id=sample_id,
        images=tuple(image.ref for image in row.images if not isinstance(image, ImageFault)),
        turns=(Turn(question=fields["query"], targets=(fields["label"],), scorer=SCORER),),
        labels={"origin": fields["origin"], "image": fields["imgname"]},
    )


def _sample_id(row: Row) -> str:
    stem = quote(row.fields["imgname"].removesuffix(".png"), safe="")
    question = sha256(row.fields["query"].encode()).hexdigest()[:8]
    return f"chartqa/{row.split}/{row.fields['origin']}-{stem}-{question}"


def _misshapen(fields: dict[str, Any]) -> str:
    """Say why the fields are not those of a record, or nothing."""
    return next(_shape_faults(fields), "")


def _shape_faults(fields: dict[str, Any]) -> Iterator[str]:
    if "record" in fields:
        yield f"it is a {type(fields['record']).__name__}, not an object"
    for key in _KEYS:
        if key not in fields:
            yield f"it has no {key}"
        elif not isinstance(fields[key], str):
            yield f"its {key} is a {type(fields[key]).__name__}, not a text"
        elif _HALF_CHARACTER.search(fields[key]):
            yield f"its {key} holds half a character (a lone surrogate)"
    if not fields["imgname"] or "\0" in fields["imgname"]:
        yield "its imgname can't be the name of a file"
    if fields["origin"] not in _ORIGINS:
        yield f"its human_or_machine is {fields['origin']!r}, not 0 or 1"


def _refusals(row: Row) -> Iterator[_Finding]:
    """Find what leaves no usable sample."""
    query, label = row.fields["query"], row.fields["label"]
    for image in row.images:
        if isinstance(image, ImageFault):
            yield _Finding(f"image-{image.code}", image.message, row.fields["imgname"])
    if not query.strip():
        yield _Finding("empty-question", "the question is empty", query)
    if not label.strip():
        yield _Finding("empty-answer", "the label is empty", label)


def _remarks(row: Row) -> Iterator[_Finding]:
    """Find what a person should look at, or what the metric makes of the label."""
    query, label = row.fields["query"], row.fields["label"]
    if _LIST.fullmatch(label):
        yield _Finding("list-label", "the label is a list, which the metric compares as one text", label)
    for name, text in (("question", query), ("label", label)):
        if _MOJIBAKE.search(text):
            yield _Finding("mojibake", f"the {name} holds characters of a wrong encoding", text)
        if text != text.strip():
            yield _Finding("trailing-blanks", f"the {name} begins or ends with blanks", text)
    if _is_zero(label):
        yield _Finding("zero-label", "the label is zero, which the metric compares as a text", label)


def _is_zero(label: str) -> bool:
    try:
        return float(label.rstrip("%")) == 0
    except ValueError:
        return False


def _issue(row: Row, sample_id: str, finding: _Finding, severity: Severity = Severity.ERROR) -> Issue:
    return Issue(
        sample_id=sample_id,
        code=f"source:{finding.code}",
        severity=severity,
        message=f"{row.where}: {finding.why}",
        evidence=repr(finding.evidence)[:200],
    )
