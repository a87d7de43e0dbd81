"""ShareGPT4V: long captions that GPT-4V wrote, and more by a captioner trained on them; mixed with LLaVA's dialogues.

The owners ship three JSON arrays, of captions (`cap100k`), of the captioner's (`1246k`), and of a mixture to train on
(`mix665k`), and no images: those lie below the same folder, or `data/` in it (`coco/train2017/…`, `sam/images/…`). A
record is `{"id", "image", "conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}, …]}`, with
`<image>` before or after the first question, or nowhere; without `image` it is a dialogue of text alone. A pair of
messages is a turn. There is no metric for captions.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from curation import json_files
from curation.errors import DataError, MissingError
from curation.sources import Ingested, Pictures, Row
from curation.sources._findings import (
    Finding,
    bad_record,
    ingested,
    misshapen,
    of_images,
    of_text,
    refs,
    remark,
    unusable,
)
from curation.sources._reading import fields_of, find_layout, image_reader, named_split
from schemas.sample import Sample, Turn

TITLE = "ShareGPT4V"
HOMEPAGE = "https://huggingface.co/datasets/Lin-Chen/ShareGPT4V"
LICENCE = "CC-BY-NC-4.0"
CITATION = (
    "Chen, Li, Dong, Zhang, He, Wang, Zhao, Lin: ShareGPT4V: Improving Large Multi-Modal Models with Better Captions. "
    "ECCV 2024. https://arxiv.org/abs/2311.12793"
)
BIBTEX = """
@inproceedings{chen2024sharegpt4v,
  title = {{ShareGPT4V}: Improving Large Multi-Modal Models with Better Captions},
  author = {Chen, Lin and Li, Jinsong and Dong, Xiaoyi and Zhang, Pan and He, Conghui and Wang, Jiaqi and Zhao, Feng
            and Lin, Dahua},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year = {2024},
  url = {https://arxiv.org/abs/2311.12793},
}
"""
HUBS = ()
COUNTS = {"train": 102_025}
"""Captions by GPT-4V; the two larger files have 1,246,901 and about 665,000 records."""
SCORER = ""

FILES = {
    "sharegpt4v_instruct_gpt4-vision_cap100k.json": "cap100k",
    "share-captioner_coco_lcs_sam_1246k_1107.json": "1246k",
    "sharegpt4v_mix665k_cap23k_coco-ap9k_lcs3k_sam9k_div2k.json": "mix665k",
}
"""The official files, and what they are called in ids and labels."""

_IMAGES = "https://github.com/InternLM/InternLM-XComposer/blob/main/projects/ShareGPT4V/docs/Data.md"
_KINDS = {"image": str, "conversations": list}
_KEYS = ("id", *_KINDS)
_MARK = "<image>"
_FOLDERS = ("", "sharegpt4v", "data", "data/sharegpt4v")
_MOST_ID = 200
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
"""What is quoted as it is, as most ids are."""


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read the official files below the folder, one after the other; or one file, where `folder` is that.

    `Row.fields` has file, id, image and conversations, as far as the record has them. Raises DataError before the first
    row where there is no such file, or where one holds other records.
    """
    split = named_split(split, COUNTS, {})
    base, paths = (folder.parent, [folder]) if folder.is_file() else _files(folder)
    records = [(path, json_files.records(path, _KEYS[2:])) for path in paths]
    picture = _pictures(base, paths[0].parent)
    found = chain.from_iterable(_file_rows(path, split, some, picture) for path, some in records)
    first = next(found, None)
    if first is None:
        raise DataError(f"no records in {', '.join(str(path) for path in paths)}")
    return chain([first], found)


def _files(folder: Path) -> tuple[Path, list[Path]]:
    """Return the official folder, and the files in the first folder of it that has any."""
    names = [f"{place}/{name}".lstrip("/") for place in _FOLDERS for name in FILES]
    base = find_layout(folder, "ShareGPT4V", names)
    found = [base / name for name in names if (base / name).is_file()]
    return base, [path for path in found if path.parent == found[0].parent]


def _file_rows(path: Path, split: str, records: Iterator[object], picture: Callable[[str], Pictures]) -> Iterator[Row]:
    file, name = path.name, FILES.get(path.name, path.stem)
    for number, record in enumerate(records, start=1):
        fields = fields_of(record, _KEYS)
        fields["file"] = name
        images = picture(fields["image"]) if _names_file(fields.get("image")) else ()
        yield Row(f"{file}, record {number}", split, fields, images)


def _pictures(base: Path, beside: Path) -> Callable[[str], Pictures]:
    """Return what makes a row's picture of its path, below that folder of `base` which has the path's first part."""
    readers = {root: image_reader(root) for root in (beside, base, base / "data")}

    @lru_cache(maxsize=1000)
    def reader(host: str) -> Callable[[str], Pictures]:
        holding = (root for root in readers if os.path.isdir(root / host))  # noqa: PTH112 - any name will do
        return readers[next(holding, beside)]

    return lambda name: reader(_host(name))(name)


def _names_file(image: object) -> bool:
    return isinstance(image, str) and image.strip("./") != "" and "\0" not in image


def _host(image: str) -> str:
    """Return the first folder of a path; `.` for a mere file name."""
    first, slash, _ = image.partition("/")
    return (first or slash) if slash else "."


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:  # noqa: ARG001 - every source has them
    """There are none that can be used."""
    raise MissingError(
        f"{HOMEPAGE} has ShareGPT4V's JSON ({split}), but no images: get those as {_IMAGES} says, and give --data DIR; "
        "or use --sample"
    )


def to_sample(row: Row) -> Ingested:
    """Map one record to a Sample with a turn for each question and its answer."""
    if finding := _misfit(row):
        return bad_record(row, "sharegpt4v", finding)
    dialogue = _dialogue(row.fields["conversations"], bool(row.fields.get("image")))
    sample_id = _sample_id(row, dialogue)
    return ingested(row, sample_id, _findings(row, dialogue), lambda: _sample(row, sample_id, dialogue))


def _sample(row: Row, sample_id: str, dialogue: "_Dialogue") -> Sample:
    image = row.fields.get("image")
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=tuple(Turn(question=question, targets=(answer,)) for question, answer in dialogue.pairs),
        labels={"file": row.fields["file"], "host": _host(image) if image else "none"},
        licence=LICENCE,
        citation=CITATION,
    )


def _sample_id(row: Row, dialogue: "_Dialogue") -> str:
    """Return an id of the record's own and its content, as its own may stand on several records."""
    fields = row.fields
    content = "\0".join([fields.get("image") or "", *chain.from_iterable(dialogue.pairs)])
    own = "" if fields.get("id") is None else f"{_quoted(str(fields['id']))}-"
    file = _quoted(fields["file"])
    return f"sharegpt4v/{row.split}/{file}-{own}{sha256(content.encode()).hexdigest()[:12]}"


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe="")


class _Dialogue(NamedTuple):
    """The questions of a conversation with their answers."""

    pairs: list[tuple[str, str]]
    fault: Finding | None
    """What ended it early: the pairs are those before."""
    skipped: bool
    """It began with an answer, which is not one of them."""


def _dialogue(messages: Sequence[Any], with_image: bool) -> _Dialogue:
    """Read a conversation up to its first fault.

    One that begins with an answer is read from the first question on, as LLaVA's training does.
    """
    skipped = bool(messages) and _from(messages[0]) == "gpt"
    pairs: list[tuple[str, str]] = []
    for at in range(int(skipped), len(messages), 2):
        pair = messages[at : at + 2]
        if fault := _fault(pair, at, with_image):
            return _Dialogue(pairs, fault, skipped)
        question: str = pair[0]["value"]
        pairs.append((_unmarked(question) if with_image else question, pair[1]["value"]))
    return _Dialogue(pairs, None if pairs else Finding("no-turns", "it has no question with an answer"), skipped)


def _fault(pair: Sequence[Any], at: int, with_image: bool) -> Finding | None:
    """Find why two messages are not a question and its answer. Messages are counted from 1."""
    for number, (speaker, message) in enumerate(zip(("human", "gpt"), pair, strict=False), start=at + 1):
        if _from(message) != speaker:
            return Finding("not-alternating", f"message {number} is not from {speaker}", message)
        value = message.get("value")
        if not isinstance(value, str):
            return Finding("bad-record", f"message {number} has no text", message)
        if why := unusable(value):
            return Finding("bad-record", f"message {number} {why}", value[:100])
        if not (_unmarked(value) if with_image and speaker == "human" else value).strip():
            return Finding("empty-question" if speaker == "human" else "empty-answer", f"message {number} is empty")
    if len(pair) < 2:
        return Finding("no-answer", f"message {at + 1}, the last one, is a question without answer", pair)
    return None


def _from(message: object) -> object:
    return message.get("from") if isinstance(message, dict) else None


def _unmarked(question: str) -> str:
    """Return a question without the mark of where the image goes."""
    if _MARK not in question:
        return question
    return " ".join(part.strip() for part in question.split(_MARK) if part.strip())


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a record."""
    if finding := misshapen(row, _KINDS, ("image",)):
        return finding
    own, image = row.fields.get("id"), row.fields.get("image")
    if own is not None and not isinstance(own, (str, int)):
        return Finding("bad-record", "its id is neither a text nor a number", own)
    if len(text := str(own)) > _MOST_ID or unusable(text):
        return Finding("bad-record", "its id can't be part of an id", own)
    if image is not None and not _names_file(image):
        return Finding("bad-record", "its image can't be the name of a file", image)
    return None


def _findings(row: Row, dialogue: _Dialogue) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    yield from of_images(row, row.fields.get("image"))
    if dialogue.skipped:
        yield remark("answer-first", "it begins with an answer, which is left out", row.fields["conversations"][0])
    if dialogue.fault:
        yield _ended(dialogue.fault, len(dialogue.pairs))
    if not row.fields.get("image") and any(_MARK in question for question, _ in dialogue.pairs):
        yield remark("image-mark", f"a question holds {_MARK}, and the record has no image", dialogue.pairs[0][0])
    for question, answer in dialogue.pairs:
        yield from of_text("question", question)
        yield from of_text("answer", answer)


def _ended(fault: Finding, pairs: int) -> Finding:
    """Return what ended the conversation: a remark where there are turns before it."""
    if not pairs:
        return fault
    turns = "the turn before it is" if pairs == 1 else f"the {pairs} turns before it are"
    return remark("conversation-cut", f"{fault.why}; {turns} kept", fault.evidence)
