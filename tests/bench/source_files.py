"""Files for the sources to read, as large as one likes: their bundled samples, multiplied.

The records of a sample come again and again, each with a number in its question and its id, so that the file is one
that the owners could have written. As many of them are about one picture, one after the other, as in the owners' own;
the pictures are the sample's, each with a few bytes of its own behind its end. There are 10,000 at most, which then
come again under other names or in turn: far more than a source keeps.
"""

import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from curation import sources

MOST_PICTURES = 10_000
Record = dict[str, Any]


class Case(NamedTuple):
    """A source's big file: which of the sample's files, where the records lie in it, and what tells them apart."""

    name: str
    source: str
    file: str
    split: str = "train"
    ids: str = ""
    """Key that gets a number of its own; empty where the question tells records apart."""
    question: str = "question"
    inside: str = ""
    """Key under which the records lie; `*` where each is an entry of the outermost object."""
    drop: tuple[str, ...] = ()
    """Files that would be read besides."""
    picture: tuple[str, str] = ("", "")
    """Key that names a record's picture, and the picture that it is made of."""
    shared: float = 1
    """Records on a picture."""
    rows: int = 100_000
    """Unless `--rows` says otherwise, which is for those of 1,000,000 and in proportion for the others."""


_SHAREGPT4V = "sharegpt4v_instruct_gpt4-vision_cap100k.json"
_OTHERS = (
    "share-captioner_coco_lcs_sam_1246k_1107.json",
    "sharegpt4v_mix665k_cap23k_coco-ap9k_lcs3k_sam9k_div2k.json",
)
_CHARTQA = "ChartQA Dataset/test"
_PROBLEMS = "data/scienceqa/problems.json"
_IDS = "data/scienceqa/pid_splits.json"
JSON_CASES = (
    Case("sharegpt4v", "sharegpt4v", _SHAREGPT4V, ids="id", question="", drop=_OTHERS, rows=1_000_000),
    Case(
        "sharegpt4v+images",
        "sharegpt4v",
        _SHAREGPT4V,
        ids="id",
        question="",
        drop=_OTHERS,
        picture=("image", "coco/train2017/000000000101.jpg"),
    ),
    Case(
        "chartqa",
        "chartqa",
        f"{_CHARTQA}/test_human.json",
        "test",
        question="query",
        drop=(f"{_CHARTQA}/test_augmented.json",),
        picture=("imgname", f"{_CHARTQA}/png/grouped_bar_02.png"),
        shared=1.5,
    ),
    Case(
        "a-okvqa",
        "a-okvqa",
        "aokvqa_v1p0_train.json",
        ids="question_id",
        picture=("image_id", "coco/train2017/000000900001.jpg"),
    ),
    Case(
        "docvqa",
        "docvqa",
        "train/train_v1.0_withQT.json",
        ids="questionId",
        inside="data",
        picture=("image", "train/documents/lkmr0001_3.png"),
        shared=3.9,
    ),
    Case(
        "clevr",
        "clevr",
        "CLEVR_v1.0/questions/CLEVR_train_questions.json",
        ids="question_index",
        inside="questions",
        picture=("image_filename", "CLEVR_v1.0/images/train/CLEVR_train_000000.png"),
        shared=10,
    ),
    Case(
        "clevr-math",
        "clevr-math",
        "clevr-math-train.json",
        inside="questions",
        picture=("image_filename", "CLEVR_v1.0/images/train/CLEVR_train_000000.png"),
        shared=8,
    ),
    Case("scienceqa", "scienceqa", _PROBLEMS, inside="*", drop=(_IDS,), rows=1_000_000),
    Case(
        "scienceqa+images",
        "scienceqa",
        _PROBLEMS,
        inside="*",
        drop=(_IDS,),
        picture=("image", "data/scienceqa/images/train/3/image.png"),
    ),
)


def multiply(case: Case, folder: Path, rows: int) -> Path:
    """Write the case's files below the folder, with so many records; return the one that holds these."""
    shutil.copytree(sources.BUNDLED / case.source, folder)
    for name in case.drop:
        (folder / name).unlink()
    make = _OWN_FORMS.get(case.source, _multiply_json)
    make(case, folder, rows)
    return folder / case.file


# A JSON file with all records


def _multiply_json(case: Case, folder: Path, rows: int) -> None:
    path = folder / case.file
    whole = json.loads(path.read_text(encoding="utf-8"))
    records = _records(case, whole)
    name = _pictures(case, folder, rows)
    opening, closing = _around(case, whole)
    with path.open("w", encoding="utf-8") as file:
        file.write(opening)
        for number in range(rows):
            record = _changed(case, records[number % len(records)], number)
            if case.picture[0]:
                record[case.picture[0]] = name(number)
            entry = f'"{number}": ' if case.inside == "*" else ""
            file.write(",\n" * bool(number) + entry + json.dumps(record))
        file.write(closing)


def _records(case: Case, whole: Any) -> list[Record]:
    if case.inside == "*":
        return [record for record in whole.values() if record["split"] == case.split]
    found = list(whole[case.inside] if case.inside else whole)
    if case.picture[0]:
        return found
    text = json.dumps(found).replace("\\n<image>", "").replace("<image>\\n", "")  # they are to be of text alone
    return list(json.loads(text))


def _around(case: Case, whole: Any) -> tuple[str, str]:
    """Return what stands before the records in the file, and what after."""
    if case.inside == "*":
        return "{", "}"
    if not case.inside:
        return "[", "]"
    head = {key: value for key, value in whole.items() if key != case.inside}
    return json.dumps(head)[:-1] + ", " * bool(head) + f'"{case.inside}": [', "]}"


def _changed(case: Case, record: Record, number: int) -> Record:
    changed = dict(record)
    changed.pop("image", None)
    if case.ids:
        changed[case.ids] = f"{record[case.ids]}-{number}" if isinstance(record[case.ids], str) else number
    if case.question:
        changed[case.question] = f"{record[case.question]} [{number}]"
    return changed


def _pictures(case: Case, folder: Path, rows: int) -> Callable[[int], Any]:
    """Write the pictures, and return what names that of a record by its number, in the way of the source."""
    if not case.picture[0]:
        return lambda number: None
    model = folder / case.picture[1]
    many = min(MOST_PICTURES, int(rows / case.shared) + 1)
    if case.source == "scienceqa":
        _a_folder_each(model, many, rows)
        return lambda number: "image.png" if number % 2 == 0 else None
    for number, path in enumerate(_copies(model, many)):
        _truth(case, folder, model, path, number)
    ending = model.suffix
    named: dict[str, Callable[[int], str | int]] = {
        "a-okvqa": lambda number: 1 + number,
        "docvqa": lambda number: f"documents/{number + 1:012}{ending}",
        "sharegpt4v": lambda number: f"coco/train2017/{number + 1:012}{ending}",
    }

    def plain(number: int) -> str:
        return f"{number + 1:012}{ending}"

    name = named.get(case.source, plain)
    return lambda number: name(int(number / case.shared) % many)


def _copies(model: Path, many: int) -> Iterator[Path]:
    """Write so many pictures beside one, named by numbers of twelve digits."""
    data = model.read_bytes()
    for number in range(1, many + 1):
        path = model.with_name(f"{number:012}{model.suffix}")
        path.write_bytes(data + number.to_bytes(4, "big"))
        yield path


def _a_folder_each(model: Path, many: int, rows: int) -> None:
    """Give every other question of ScienceQA a folder with its picture, as about half of the owners' have one."""
    copies = list(_copies(model, many))
    for number in range(0, rows, 2):
        own = model.parent.parent / str(number) / model.name
        own.parent.mkdir(exist_ok=True)
        own.unlink(missing_ok=True)
        os.link(copies[number // 2 % many], own)


def _truth(case: Case, folder: Path, model: Path, path: Path, number: int) -> None:
    """Write what the owners say about a picture: a chart's table, a scene's objects."""
    if case.source == "chartqa":
        tables = folder / _CHARTQA / "tables"
        os.link(tables / f"{model.stem}.csv", tables / f"{path.stem}.csv")
    elif case.source == "clevr":
        file = folder / "CLEVR_v1.0/scenes/CLEVR_train_scenes.json"
        if not number:
            scene = json.loads(file.read_text(encoding="utf-8"))["scenes"][0]
            names = [f"{each:012}{path.suffix}" for each in range(1, MOST_PICTURES + 1)]
            file.write_text(json.dumps({"scenes": [scene | {"image_filename": name} for name in names]}))


# Forms of their own


def _multiply_pisc(case: Case, folder: Path, rows: int) -> None:
    """Write photos with three pairs of persons each, all of them the training split's."""
    for split in folder.glob("*_split"):
        shutil.rmtree(split)
    info = json.loads((folder / "annotation_image_info.json").read_text(encoding="utf-8"))
    persons = next(each for each in info if each["id"] == 41)
    copies = list(_copies(folder / "image/00041.jpg", min(MOST_PICTURES, rows // 3 + 1)))
    ids = range(100_001, 100_001 + -(-rows // 3))
    for number, name in enumerate(ids):
        os.link(copies[number % len(copies)], folder / f"image/{name:05}.jpg")
    (folder / "annotation_image_info.json").write_text(json.dumps([persons | {"id": name} for name in ids]))
    pairs = {"1 2": 3, "1 3": 2, "2 3": 2}
    labelled = {str(name): dict(islice(pairs.items(), rows - 3 * at)) for at, name in enumerate(ids)}
    (folder / case.file).write_text(json.dumps(labelled))


def _multiply_ai2d(case: Case, folder: Path, rows: int) -> None:
    """Write diagrams with four questions each, two of them about letters."""
    base = folder / "ai2d"
    asked = json.loads((folder / case.file).read_text(encoding="utf-8"))["questions"]
    copies = list(_copies(base / "images/108.png", min(MOST_PICTURES, rows // 4 + 1)))
    for number in range(-(-rows // 4)):
        name = f"{10_001 + number}.png"
        own = {
            text: record | {"questionId": f"{name}-{at}"}
            for at, (text, record) in enumerate(islice(asked.items(), rows - 4 * number))
        }
        (base / f"questions/{name}.json").write_text(json.dumps({"imageName": name, "questions": own}))
        os.link(copies[number % len(copies)], base / f"images/{name}")
        os.link(base / "annotations/108.png.json", base / f"annotations/{name}.json")
    for path in base.glob("questions/*.json"):
        if len(path.name) < len("10001.png.json"):
            path.unlink()


def _multiply_geoqa(case: Case, folder: Path, rows: int) -> None:
    """Write a pickle with so many problems, each with an array of its own."""
    with (folder / case.file).open("rb") as file:
        problems = pickle.load(file)
    numbers = count(1000)
    many = [
        {**problem, "id": next(numbers), "image": problem["image"] + 0}
        for _ in range(-(-rows // len(problems)))
        for problem in problems
    ]
    with (folder / case.file).open("wb") as file:
        pickle.dump(many[:rows], file, protocol=3)


_OWN_FORMS: dict[str, Callable[[Case, Path, int], None]] = {
    "pisc": _multiply_pisc,
    "ai2d": _multiply_ai2d,
    "geoqa": _multiply_geoqa,
}
OTHER_CASES = (
    Case("pisc", "pisc", "relationship.json", shared=3),
    Case("ai2d", "ai2d", "ai2d/questions/108.png.json", shared=4),
    Case("geoqa", "geoqa", "GeoQA3/train.pk", rows=10_000),
)
CASES = {case.name: case for case in (*JSON_CASES, *OTHER_CASES)}
