"""AI2D: diagrams from school books, with questions of four choices.

The official folder is `ai2d/` with `images/N.png`, `questions/N.png.json` (an object whose `questions` are named by
their texts), `annotations/N.png.json` and `categories.json`; `ai2d_test_ids.csv`, in it or beside it, says which
diagrams are the test split. Questions with `abcLabel` ask about letters, which are not in the images: they are drawn
here from the annotations, when the image is looked at; or they come from a folder `abc_images/`, where somebody drew
them before. In `test` letters are in place of the texts ("mask"), in `test-no-mask` beside them. On the Hub there is
only the test split, in these two forms, with the letters drawn.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from curation import json_files
from curation.errors import DataError, MissingError, UsageError
from curation.images import ImageFault, LoadedImage, load
from curation.json_files import Broken
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
    refs,
    remark,
)
from curation.sources._lettering import lettered, letters_of
from curation.sources._reading import (
    fields_of,
    find_layout,
    hub_image,
    hub_records,
    image_reader,
    named_hub,
    named_split,
)
from curation.sources._truths import Find, labels
from schemas.digest import digest_bytes
from schemas.issue import Severity
from schemas.sample import Facts, Sample, Turn

TITLE = "AI2D"
HOMEPAGE = "https://prior.allenai.org/projects/diagram-understanding"
LICENCE = "CC-BY-SA-4.0"
CITATION = (
    "Kembhavi, Salvato, Kolve, Seo, Hajishirzi, Farhadi: A Diagram Is Worth A Dozen Images. ECCV 2016. "
    "https://arxiv.org/abs/1603.07396"
)
BIBTEX = """
@inproceedings{kembhavi2016diagram,
  title = {A Diagram Is Worth A Dozen Images},
  author = {Kembhavi, Aniruddha and Salvato, Mike and Kolve, Eric and Seo, Minjoon and Hajishirzi, Hannaneh
            and Farhadi, Ali},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year = {2016},
  url = {https://arxiv.org/abs/1603.07396},
}
"""
HUBS = ("lmms-lab/ai2d", "lmms-lab/ai2d-no-mask")
COUNTS = {"train": 12_413, "test": 3_088, "test-no-mask": 3_088}
SCORER = "multiple-choice"

_NO_MASK = "test-no-mask"
_ALIASES = {"test_no_mask": _NO_MASK}
_HUB_OF = dict(zip(("test", _NO_MASK), HUBS, strict=True))
_TEST_IDS = "ai2d_test_ids.csv"
_TEST_IDS_AT = "https://s3-us-east-2.amazonaws.com/prior-datasets/ai2d_test_ids.csv"
_EXAMPLES = ["questions/0.png.json", "questions/1.png.json"]
_KINDS = {
    "imageName": str,
    "questionId": str,
    "question": str,
    "answerTexts": list,
    "correctAnswer": int,
    "abcLabel": bool,
    "category": str,
}
_OPTIONAL = ("abcLabel", "category")
_OF_A_QUESTION = ("questionId", "answerTexts", "correctAnswer", "abcLabel")
_HUB_KEYS = ("image", "question", "options", "answer")
_NO_CHOICE = "{}"
"""What stands in the data where a question has less than four choices."""
_INDEX = re.compile("[0-9]{1,3}")
_LONGEST_NAME = 200
_CACHED = 4


class _Repeated(dict[str, Any]):
    """A JSON object with entries of the same name, all of which are among its pairs."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeated(pairs)


class _Diagrams(NamedTuple):
    """The official folder, and how its diagrams are read."""

    base: Path
    split: str
    test: frozenset[str] | None
    """Names of the diagrams of the test split, without `.png`; None where nothing says so."""
    categories: dict[str, Any]
    plain: Callable[[str], Pictures]
    drawn: Callable[[str], Pictures]
    written: Find

    def has(self, stem: str) -> bool:
        """Tell whether a diagram is in the split."""
        return self.test is None or (stem in self.test) == self.split.startswith("test")


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Read a split of the official folder, or of the folder around it, diagram by diagram.

    `Row.fields` has the question's own, its `imageName` and `category`, whether its text is `repeated` in its file,
    and whether its split is a `guess`. Raises DataError before the first row where the folder is not the official
    one, or where nothing says which diagrams are the test split.
    """
    split = named_split(split, COUNTS, _ALIASES)
    inside = [base for base in (folder, folder / "ai2d") if (base / "questions").is_dir()]
    base = inside[0] if inside else find_layout(folder, "ai2d", _EXAMPLES)
    test = _test_ids(base)
    if test is None and split != "train":
        raise DataError(f"there is no {_TEST_IDS} in {base} or beside it: get it from {_TEST_IDS_AT}")
    drawn = _drawn_reader(base, beside=split == _NO_MASK)
    diagrams = _Diagrams(
        base, split, test, _categories(base), image_reader(base / "images"), drawn, labels(base / "annotations")
    )
    found = _folder_rows(diagrams)
    first = next(found, None)
    if first is None:
        raise DataError(f"no questions of the split {split} in {base / 'questions'}")
    return chain([first], found)


def _test_ids(base: Path) -> frozenset[str] | None:
    """Read the list of the test split's diagrams, one in a line."""
    path = next((path for path in (base / _TEST_IDS, base.parent / _TEST_IDS) if path.is_file()), None)
    if path is None:
        return None
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    ids = frozenset(line.strip().strip('",').removesuffix(".png") for line in lines)
    if not any(each.isdecimal() for each in ids):
        raise DataError(
            f"{path}: expected the number of a diagram in each line; found {lines[0] if lines else ''!r:.60}"
        )
    return ids


def _categories(base: Path) -> dict[str, Any]:
    path = base / "categories.json"
    found = json_files.document(path) if path.is_file() else {}
    if not isinstance(found, dict):
        why = found.why if isinstance(found, Broken) else f"expected an object, found {json_files.shape(found)}"
        raise DataError(f"{path}: {why}")
    return found


def _drawn_reader(base: Path, *, beside: bool) -> Callable[[str], Pictures]:
    """Return a function that makes a picture with letters of an image's name; the last few are kept."""
    ready = None if beside or not (base / "abc_images").is_dir() else image_reader(base / "abc_images")
    draw = lru_cache(maxsize=_CACHED)(partial(_drawn, base, beside))

    def picture(name: str) -> Pictures:
        if ready and (base / "abc_images" / name).is_file():
            return ready(name)
        return Pictures(partial(draw, name))

    return picture


def _drawn(base: Path, beside: bool, name: str) -> LoadedImage | ImageFault:
    try:
        image = load(base / "images", name)
        annotation = json_files.document(base / "annotations" / f"{name}.json")
        return lettered(image, letters_of(annotation), beside=beside)
    except ImageFault as fault:
        return ImageFault(fault.code, fault.message)
    except DataError as error:
        return ImageFault("unlettered", f"the letters can't be drawn: {error}")


def _folder_rows(diagrams: _Diagrams) -> Iterator[Row]:
    paths = (diagrams.base / "questions").glob("*.json")
    for path in sorted(paths, key=lambda path: (len(path.name), path.name)):
        if diagrams.has(path.name.removesuffix(".json").removesuffix(".png")):
            yield from _file_rows(diagrams, path)


def _file_rows(diagrams: _Diagrams, path: Path) -> Iterator[Row]:
    """Read the questions of one diagram."""
    where, found = f"questions/{path.name}", _read(path)
    if isinstance(found, Broken):
        yield Row(where, diagrams.split, {"record": found})
        return
    questions, image = found["questions"], found["imageName"]
    about = {"imageName": image, "guess": diagrams.test is None}
    if isinstance(image, str) and isinstance(category := diagrams.categories.get(image), str):
        about["category"] = category
    pairs = questions.pairs if isinstance(questions, _Repeated) else list(questions.items())
    times = Counter(text for text, _ in pairs)
    for number, (text, record) in enumerate(pairs, start=1):
        fields = fields_of(record, _OF_A_QUESTION) | about | {"question": text, "repeated": times[text] > 1}
        shown = _pictures(diagrams, fields), _written(diagrams, fields)
        yield Row(f"{where}, question {number}", diagrams.split, fields, *shown)


def _read(path: Path) -> Any:
    """Return the outermost object of a file of questions; a Broken where it is none."""
    try:
        found = json_files.document(path, _object)
    except DataError as error:
        return Broken(str(error))
    if isinstance(found, Broken):
        return found
    if not isinstance(found, dict) or "imageName" not in found or not isinstance(found.get("questions"), dict):
        return Broken(f"expected an object with imageName and questions; found {json_files.shape(found)}")
    return found


def _pictures(diagrams: _Diagrams, fields: dict[str, Any]) -> Pictures:
    """Return the diagram, with letters where they are asked about; nothing for what is no name of a file."""
    if _unnamed(fields["imageName"]):
        return Pictures()
    return (diagrams.drawn if fields.get("abcLabel") is True else diagrams.plain)(fields["imageName"])


def _unnamed(image: object) -> bool:
    return not isinstance(image, str) or not image or "\0" in image or len(image) > _LONGEST_NAME


def _written(diagrams: _Diagrams, fields: dict[str, Any]) -> Facts | None:
    """Return the texts of a diagram; where letters are drawn over them, they are not to be seen."""
    image = fields["imageName"]
    return diagrams.written(image) if isinstance(image, str) and not fields.get("abcLabel") else None


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:
    """Stream a test split from the Hub, with `Row.fields` as `rows` has them; digests stand for the names.

    Raises MissingError where the Hub can't be reached or has no such split, UsageError where it is another of its data
    sets that has it, DataError where the columns are not the known ones.
    """
    split = named_split(split, COUNTS, _ALIASES)
    if split not in _HUB_OF:
        raise MissingError(f"{HUBS[0]} has no split {split!r} on the Hub; use --data DIR, or --split test")
    if hub and named_hub(hub, HUBS) != _HUB_OF[split]:
        raise UsageError(f"{hub} is the split {dict(zip(HUBS, _HUB_OF, strict=True))[hub]}, not {split}")
    return _streamed_rows(split, _HUB_OF[split])


def _streamed_rows(split: str, hub: str) -> Iterator[Row]:
    for number, record in enumerate(hub_records(hub, "test", _HUB_KEYS[:1]), start=1):
        if number == 1 and not all(key in record for key in _HUB_KEYS):
            raise DataError(f"{hub} on the Hub: expected columns {', '.join(_HUB_KEYS)}; found {', '.join(record)}")
        yield Row(f"{hub} test, row {number}", split, _hub_fields(record), hub_image(record["image"]))


def _hub_fields(record: dict[str, Any]) -> dict[str, Any]:
    """Return the fields; the answer is an index, written as text."""
    image = digest_bytes((record["image"] or {}).get("bytes") or b"").removeprefix("sha256:")[:16]
    asked = repr([image, record["question"], record["options"]]).encode("utf-8", "replace")
    answer = record["answer"]
    index = isinstance(answer, str) and _INDEX.fullmatch(answer)
    return {
        "imageName": image,
        "questionId": f"hub-{sha256(asked).hexdigest()[:16]}",
        "question": record["question"],
        "answerTexts": record["options"],
        "correctAnswer": int(answer) if index else answer,
    }


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn, whose target is the right choice."""
    if finding := _misfit(row):
        return bad_record(row, "ai2d", finding)
    sample_id = f"ai2d/{row.split}/{quote(row.fields['questionId'], safe='')}"
    return ingested(row, sample_id, _findings(row), lambda: _sample(row, sample_id))


def _sample(row: Row, sample_id: str) -> Sample:
    fields = row.fields
    choices = tuple(fields["answerTexts"])
    targets = targets_of(choices, fields["correctAnswer"])
    turn = Turn(question=fields["question"], targets=targets, choices=choices, scorer=SCORER)
    return Sample(
        id=sample_id,
        images=refs(row),
        turns=(turn,),
        labels=_labels(row),
        licence=LICENCE,
        citation=CITATION,
        facts=row.facts,
    )


def _labels(row: Row) -> dict[str, str]:
    labels = {"mask": "no-mask" if row.split == _NO_MASK else "mask", "image": row.fields["imageName"]}
    if row.fields.get("category"):
        labels["category"] = row.fields["category"]
    if row.fields.get("abcLabel") is not None:
        labels["abcLabel"] = "yes" if row.fields["abcLabel"] else "no"
    return labels


def _misfit(row: Row) -> Finding | None:
    """Find why the fields are not those of a question."""
    if finding := misshapen(row, _KINDS, _OPTIONAL):
        return finding
    if _unnamed(row.fields["imageName"]):
        return Finding("bad-record", "its imageName can't be the name of a file", row.fields["imageName"])
    return None if row.fields["questionId"] else Finding("bad-record", "its questionId is empty")


def _findings(row: Row) -> Iterator[Finding]:
    """Find what leaves no usable sample, and what a person should look at."""
    fields = row.fields
    choices, answer = fields["answerTexts"], fields["correctAnswer"]
    yield from of_images(row, fields["imageName"])
    yield from of_question(fields["question"])
    flaws = list(of_choices(choices, answer))
    yield from flaws
    if not any(flaw.severity is Severity.ERROR for flaw in flaws):
        yield from of_answer(choices[answer], "right choice")
    if _NO_CHOICE in choices:
        yield remark("empty-choice", f"a choice is {_NO_CHOICE}, which stands for none", choices)
    if fields.get("repeated"):
        yield remark(
            "repeated-question", "its file has this question twice, as entries of one name", fields["question"]
        )
    if fields.get("guess"):
        yield remark("unknown-split", f"without {_TEST_IDS} it may be of the test split; get it from {_TEST_IDS_AT}")
