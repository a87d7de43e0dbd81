"""PISC: photos of people, and how two of them are related; the owners give the pair, and the question is built of it.

The official folder holds `annotation_image_info.json`, a list of `{"id", "bbox": [[x1, y1, x2, y2], …], "imgW", …}`;
`relationship.json` and `domain.json`, `{"13357": {"1 2": 4}}` with persons and labels from 1; `relationship_split/` and
`domain_split/`, whose files list ids; and `image/`, with the ids in five digits. Each labelled pair is a sample. All
persons of a photo are marked in it, so that its pairs share one picture, and can't be torn apart by a split.

The splits `train`, `val` and `test` ask for the relationship; `train-domain` and so on for the domain, which is coarser
and has a split of its own. Without the folder of a split, all is `train`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from curation import json_files
from curation.errors import DataError, MissingError
from curation.images import ImageFault, LoadedImage, load
from curation.json_files import Broken
from curation.sources import Ingested, Pictures, Row
from curation.sources._findings import Finding, bad_record, ingested, misshapen, of_images, refs, remark
from curation.sources._marks import Box, marked
from curation.sources._reading import find_layout, named_split
from schemas.sample import Sample, Turn

TITLE = "PISC (People in Social Context)"
HOMEPAGE = "https://zenodo.org/records/1059155"
LICENCE = "see zenodo.org/records/1059155; photos under the terms of Flickr, COCO, Visual Genome and others"
CITATION = (
    "Li, Wong, Zhao, Kankanhalli: Dual-Glance Model for Deciphering Social Relationships. ICCV 2017. "
    "https://arxiv.org/abs/1708.00634"
)
BIBTEX = """
@inproceedings{li2017dualglance,
  title = {Dual-Glance Model for Deciphering Social Relationships},
  author = {Li, Junnan and Wong, Yongkang and Zhao, Qi and Kankanhalli, Mohan S.},
  booktitle = {IEEE International Conference on Computer Vision (ICCV)},
  year = {2017},
  url = {https://arxiv.org/abs/1708.00634},
}
"""
HUBS = ()
COUNTS = {
    "train": 55_400,
    "val": 1_505,
    "test": 3_961,
    "train-domain": 49_017,
    "val-domain": 14_536,
    "test-domain": 15_497,
}
"""Pairs, as counted in https://arxiv.org/abs/1807.00504, whose splits these are."""
SCORER = "class-recall"


class _Task(NamedTuple):
    """One of the two things that are labelled."""

    name: str
    classes: tuple[str, ...]
    """From label 1 on."""
    question: str
    prefixes: tuple[str, ...]
    """What the names of its split files may begin with, outside its own folder."""


_TASKS = {
    "relation": _Task(
        "relationship",
        ("friends", "family", "couple", "professional", "commercial", "no relation"),
        "What is the social relationship between person {} and person {}?",
        ("relation", "relationship"),
    ),
    "domain": _Task(
        "domain",
        ("intimate", "not intimate", "no relation"),
        "Is the social relationship between person {} and person {} intimate, not intimate, or is there none?",
        ("domain",),
    ),
}
_MARKED = "Each person in the photo is marked by a box with a number. "
_ALIASES = {"validation": "val", "validation-domain": "val-domain"}
_SPELLINGS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
_INFO = "annotation_image_info.json"
_ID = re.compile(r"[0-9]{1,9}")
_PAIR = re.compile(r"([0-9]{1,4}) ([0-9]{1,4})")
_CACHED_PHOTOS = 4

_Show = Callable[[str, Mapping[str, Any]], Pictures]


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read the labelled pairs of a split of the official folder, or of a folder `PISC` in it.

    `Row.fields` has id, pair and label, and bbox, imgW and imgH of the photo where it has them. Raises DataError before
    the first row where a JSON is not the official one, or where the split is not there.
    """
    split = named_split(split, COUNTS, _ALIASES)
    task = _task(split)
    base = find_layout(folder, "PISC", [f"{task.name}.json", _INFO])
    chosen = _chosen(base, task, split)
    persons = _Persons(base / _INFO)
    labelled = json_files.entries(base / f"{task.name}.json", ())
    found = chain(_of_pairs(labelled, split, chosen, persons, _photos(base / "image")), persons.damage(split))
    first = next(found, None)
    if first is None:
        raise DataError(f"no pairs of {split} in {base / f'{task.name}.json'}")
    return chain([first], found)


def _task(split: str) -> _Task:
    return _TASKS["domain" if split.endswith("-domain") else "relation"]


class _Chosen:
    """The photos of a split, and which of them came; all are, where there are no splits."""

    def __init__(self, path: Path | None) -> None:
        self.name = path.name if path else ""
        self._come: dict[str, bool] = {}
        self.broken: list[Broken] = []
        for value in json_files.values(path, "a list of ids of photos") if path else ():
            if isinstance(value, Broken):
                self.broken.append(value)
            else:
                self._come[_id(value)] = False

    def has(self, name: str) -> bool:
        """Tell whether a photo belongs to the split, and note that it came."""
        if not self.name:
            return True
        if name in self._come:
            self._come[name] = True
        return name in self._come

    def absent(self) -> Iterator[str]:
        """Return the photos of the split that did not come."""
        return (name for name, come in self._come.items() if not come)


def _chosen(base: Path, task: _Task, split: str) -> _Chosen:
    """Find the file that lists the photos of a split. Raises DataError where it is not there, but others are."""
    name = split.removesuffix("-domain")
    files = _split_files(base, task)
    expected = base / f"{task.name}_split" / f"relation_{name}idx.json"
    if name in files:
        return _Chosen(files[name])
    if files:
        raise DataError(f"expected {expected}; there are only: {', '.join(path.name for path in files.values())}")
    packed = base / f"{task.name}_split.zip"
    if packed.is_file():
        raise DataError(f"{packed} is not unpacked: unpack it there, as it says which photos are of {split}")
    if name == "train":
        return _Chosen(None)
    raise DataError(
        f"expected {expected}; without the split files, all pairs are those of {split.replace(name, 'train')}"
    )


def _split_files(base: Path, task: _Task) -> dict[str, Path]:
    """Return the files of the splits by name; their spelling varies, as in relation_trainidx.json, domain_val.json."""
    found: dict[str, Path] = {}
    own = base / f"{task.name}_split"
    for folder, prefixes in ((own, ("relation", "relationship", "domain", "")), (base, task.prefixes)):
        for path in sorted(folder.glob("*.json")):
            plain = path.stem.lower().replace("_", "").removesuffix("idx")
            for name, spellings in _SPELLINGS.items():
                if plain in {prefix + spelling for prefix in prefixes for spelling in spellings}:
                    found.setdefault(name, path)
    return found


class _Persons:
    """Where the persons of each photo are, kept as the file has it, at some hundred bytes a photo."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, bytes] = {}
        self._broken: list[Broken] = []
        for record in json_files.records(path, ("id", "bbox")):
            if isinstance(record, Broken):
                self._broken.append(record)
            elif isinstance(record, dict) and "id" in record:
                self._kept.setdefault(_id(record["id"]), _packed(record))

    def of(self, name: str) -> dict[str, Any]:
        """Return bbox, imgW and imgH of a photo, where there are any."""
        return dict(json.loads(self._kept.get(name, b"{}")))

    def damage(self, split: str) -> Iterator[Row]:
        """Return where the file can't be read on."""
        return (Row(self._path.name, split, {"record": broken}) for broken in self._broken)


def _packed(record: dict[str, Any]) -> bytes:
    try:
        return json.dumps({key: record[key] for key in ("bbox", "imgW", "imgH") if key in record}).encode()
    except RecursionError:  # lists in lists in lists
        return b"{}"


def _id(value: object) -> str:
    """Return an id as the keys of relationship.json have it; what can be none, by its kind."""
    return str(value) if isinstance(value, str | int) else f"a {type(value).__name__}"


def _of_pairs(
    labelled: Iterable[tuple[str, object]], split: str, chosen: _Chosen, persons: _Persons, show: _Show
) -> Iterator[Row]:
    whole = True
    for name, pairs in labelled:
        if isinstance(pairs, Broken):
            whole = False
            yield Row(f"{_task(split).name}.json, after photo {_called(name)}", split, {"record": pairs})
        elif chosen.has(name):
            yield from _of_photo(name, pairs, split, persons.of(name), show)
    for broken in chosen.broken:
        yield Row(chosen.name, split, {"record": broken})
    for name in chosen.absent() if whole else ():
        yield Row(f"{chosen.name}, photo {_called(name)}", split, {"id": name})


def _of_photo(name: str, pairs: object, split: str, persons: dict[str, Any], show: _Show) -> Iterator[Row]:
    where = f"{_task(split).name}.json, photo {_called(name)}"
    if not isinstance(pairs, dict):
        yield Row(where, split, {"record": pairs})
        return
    for pair, label in pairs.items():
        fields = {"id": name, "pair": pair, "label": label} | persons
        yield Row(f"{where}, pair {_called(pair)}", split, fields, show(_file(name), fields))


def _called(text: str) -> str:
    """Return what a message can call a photo or a pair, whatever the file has there."""
    return text if len(text) <= 12 and text.isascii() and text.isprintable() else repr(text)[:24]


def _file(name: str) -> str:
    return f"{name:0>5}.jpg"


def _photos(root: Path) -> _Show:
    """Return a function that makes a row's picture of a photo: with the persons marked. The last few are kept."""

    @lru_cache(maxsize=_CACHED_PHOTOS)
    def read(name: str, boxes: tuple[Box | None, ...], size: tuple[int, int] | None) -> LoadedImage | ImageFault:
        try:
            photo = load(root, name)
            _check_size(photo, size)
            return marked(photo, boxes)
        except ImageFault as fault:  # a raised one keeps the bytes alive, through the frames of its traceback
            return ImageFault(fault.code, fault.message)

    def show(name: str, fields: Mapping[str, Any]) -> Pictures:
        return Pictures(lambda: read(name, _boxes(fields), _size(fields)))

    return show


def _size(fields: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the size that the photo had when the boxes were drawn, where it is told."""
    width, height = fields.get("imgW"), fields.get("imgH")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _check_size(photo: LoadedImage, size: tuple[int, int] | None) -> None:
    actual = photo.ref.width, photo.ref.height
    if size not in (None, actual):
        raise ImageFault("resized", f"it has {actual} pixels, its boxes are for a photo of {size}")


def _boxes(fields: Mapping[str, Any]) -> tuple[Box | None, ...]:
    """Return the persons' boxes; None for one that is none."""
    return tuple(_box(value) for value in fields["bbox"])


def _box(value: object) -> Box | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(isinstance(edge, int | float) and abs(edge) < 1e6 for edge in value):  # not so, for nan
        return None
    box = Box(*value)
    return box if box.left < box.right and box.top < box.bottom else None


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:  # noqa: ARG001 - every source has them
    """There are none."""
    raise MissingError(f"PISC ({split}) is not on the Hub: get it from {HOMEPAGE} and give --data DIR, or use --sample")


def to_sample(row: Row) -> Ingested:
    """Map one pair to a Sample of one turn, whose choices are the classes."""
    if finding := _misfit(row):
        return bad_record(row, "pisc", finding)
    sample_id = f"pisc/{row.split}/{row.fields['id']}-{row.fields['pair'].replace(' ', '-')}"
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _sample(row: Row, sample_id: str) -> Sample:
    fields, task = row.fields, _task(row.split)
    answer = task.classes[fields["label"] - 1]
    question = _MARKED + task.question.format(*_numbers(row))
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=(Turn(question=question, targets=(answer,), choices=task.classes, scorer=SCORER),),
        labels={task.name: answer, "persons": str(len(fields["bbox"])), "image": _file(fields["id"])},
        licence=LICENCE,
        citation=CITATION,
    )


def _numbers(row: Row) -> Sequence[int]:
    """Return the numbers of the two persons, from 1."""
    return [int(number) for number in row.fields["pair"].split(" ")]


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a labelled pair."""
    if finding := misshapen(row, {"id": str}):
        return finding
    fields = row.fields
    if "pair" not in fields:
        return Finding("no-annotation", "the split names it, and no pair of it is labelled", fields["id"])
    if finding := misshapen(row, {"pair": str, "label": int}):
        return finding
    if not _ID.fullmatch(fields["id"]):
        return Finding("bad-record", "its id is not a number", fields["id"])
    if not _PAIR.fullmatch(fields["pair"]) or len(set(_numbers(row))) < 2:
        return Finding("bad-record", "it is not a pair of persons, such as 1 2", fields["pair"])
    return None


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    label, classes = row.fields["label"], _task(row.split).classes
    if not 1 <= label <= len(classes):
        yield Finding("answer-out-of-range", f"the label is {label}, of 1 to {len(classes)}", label)
    if finding := _unmarked(row):
        yield finding
        return
    yield from of_images(row, _file(row.fields["id"]))
    yield from _outside(row)


def _unmarked(row: Row) -> Finding | None:
    """Find why a person of the pair can't be marked."""
    bbox = row.fields.get("bbox")
    if not isinstance(bbox, list) or not bbox:
        return Finding("no-persons", f"{_INFO} has no boxes of this photo", bbox)
    for number in _numbers(row):
        if not 1 <= number <= len(bbox):
            return Finding("person-out-of-range", f"it names person {number} of {len(bbox)}", row.fields["pair"])
        if _box(bbox[number - 1]) is None:
            return Finding("bad-box", f"the box of person {number} is none", bbox[number - 1])
    return None


def _outside(row: Row) -> Iterator[Finding]:
    """Find the boxes that are not where the photo is."""
    photo = row.images[0]
    if isinstance(photo, ImageFault):
        return
    size = photo.ref.width, photo.ref.height
    for number in _numbers(row):
        box = Box(*row.fields["bbox"][number - 1])
        if box.is_outside(*size):
            yield Finding(
                "box-outside", f"the box of person {number} is outside the photo of {size[0]} x {size[1]}", box
            )
        elif box.sticks_out(*size):
            yield remark("box-cut", f"the box of person {number} goes beyond the photo's edge", box)
