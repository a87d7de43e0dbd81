"""ScienceQA: the official folder and its selections, the Hub's columns, and what is wrong with records and folders."""

import hashlib
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curation import scorers
from curation.errors import DataError, UsageError
from curation.images import LoadedImage
from curation.sources import Ingested, Row, scienceqa
from curation.strata import Coverage, Reached
from schemas.issue import Severity
from tests import bundled, make_scienceqa_sample
from tests.bad_images import BAD, LFS, picture

REAL = Path(__file__).parents[1] / ".." / "shared" / "data" / "scienceqa"
GOOD = {
    "question": "Which is bumpier?",
    "choices": ["bark", "ruler"],
    "answer": 0,
    "hint": "Look closely.",
    "image": "image.png",
    "task": "closed choice",
    "grade": "grade2",
    "subject": "natural science",
    "topic": "physics",
    "category": "Materials",
    "skill": "Compare properties",
    "lecture": "Materials have properties.",
    "solution": "Bark is bumpy.",
    "split": "test",
}

real = pytest.mark.skipif(not REAL.is_dir(), reason="the real sample of ScienceQA is not here")


class Official:
    """The official folder, made of what a test gives."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base = root / "data" / "scienceqa"
        self.picture("test/1/image.png")

    def picture(self, name: str, data: bytes | None = None) -> None:
        path = self.base / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data or picture())

    def write(self, data: object, name: str = "problems.json") -> Path:
        path = self.base / name
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return path

    def read(self, split: str = "test", **problems: object) -> list[Ingested]:
        if problems:
            self.write({pid.removeprefix("p"): record for pid, record in problems.items()})
        return [scienceqa.to_sample(row) for row in scienceqa.rows(self.root, split)]

    def one(self, **fields: object) -> Ingested:
        """Read a record that differs from a good one in the fields."""
        return self.read(p1=GOOD | fields)[0]


@pytest.fixture
def official(tmp_path) -> Official:
    return Official(tmp_path)


def codes(found: Ingested) -> list[str]:
    return [issue.code.removeprefix("source:") for issue in found.issues]


# What a record becomes


def test_a_record_becomes_a_sample(official):
    sample, issues = official.one()
    assert not issues
    assert sample.id == "scienceqa/test/1"
    assert sample.images[0].digest == f"sha256:{hashlib.sha256(picture()).hexdigest()}"
    assert sample.turns[0].model_dump(exclude_defaults=True) == {
        "question": "Which is bumpier?",
        "targets": ("bark",),
        "choices": ("bark", "ruler"),
        "context": "Look closely.\n\nMaterials have properties.",
        "scorer": "multiple-choice",
    }


@pytest.mark.parametrize(
    ("hint", "image", "expected"),
    [
        ("A hint.", "image.png", "yes yes no"),
        ("A hint.", None, "yes no no"),
        ("", "image.png", "no yes no"),
        ("", None, "no no yes"),
    ],
)
def test_contexts_are_counted_as_by_the_official_script(official, hint, image, expected):
    labels = official.one(hint=hint, image=image).sample.labels
    assert " ".join(labels[name] for name in ("TXT", "IMG", "NO")) == expected


@pytest.mark.parametrize(
    ("grade", "band"), [("grade1", "G1-6"), ("grade6", "G1-6"), ("grade7", "G7-12"), ("grade12", "G7-12")]
)
def test_grades_are_in_two_bands(official, grade, band):
    labels = official.one(grade=grade).sample.labels
    assert (labels["grade"], labels["grades"]) == (grade, band)


def test_a_grade_of_another_form_is_in_no_band(official):
    assert "grades" not in official.one(grade="grade13").sample.labels


def test_the_labels_give_the_official_table():
    coverage = Coverage()
    for row in scienceqa.rows(bundled.BUNDLED / "scienceqa", "test"):
        coverage.add(scienceqa.to_sample(row).sample, Reached())
    names = {stratum.name.removeprefix("scienceqa "): stratum.samples for stratum in coverage.strata()}
    table = {
        "subject=natural science": 4,
        "subject=language science": 1,
        "TXT=yes": 2,
        "IMG=yes": 2,
        "NO=yes": 3,
        "grades=G1-6": 3,
        "grades=G7-12": 2,
    }
    assert table.items() <= names.items()


def test_a_record_without_a_picture_is_a_sample_of_text(official):
    sample, issues = official.one(image=None)
    assert not issues
    assert sample.images == ()


def test_pictures_of_choices_follow_and_the_context_says_which_is_which(official):
    colours = ("green", "blue")
    for number, colour in enumerate(colours):
        official.picture(f"test/1/choice_{number}.png", picture(colour))
    sample, issues = official.one()
    assert not issues
    digests = [image.digest for image in sample.images]
    assert digests == [f"sha256:{hashlib.sha256(picture(colour)).hexdigest()}" for colour in ("red", *colours)]
    legend = "Image 1 belongs to the question, image 2 shows choice A, image 3 shows choice B."
    assert sample.turns[0].context.endswith(f"\n\n{legend}")


def test_pictures_of_choices_alone_do_not_count_as_an_image(official):
    official.picture("test/1/choice_0.png")
    official.picture("test/1/choice_1.png")
    sample, issues = official.one(image=None, hint="", lecture="")
    assert not issues
    assert sample.turns[0].context == "Image 1 shows choice A, image 2 shows choice B."
    assert (sample.labels["IMG"], sample.labels["NO"]) == ("no", "yes")


def test_a_choice_without_its_picture_is_remarked(official):
    official.picture("test/1/choice_1.png")
    found = official.one(image=None)
    assert codes(found) == ["choice-picture-missing"]
    assert "A has none" in found.issues[0].message
    assert "Image 1 shows choice B." in found.sample.turns[0].context


@pytest.mark.parametrize("folder", [".", "data", "data/scienceqa", ".."])
def test_the_folder_and_those_around_it_will_do(tmp_path, folder):
    official = Official(tmp_path / "ScienceQA")
    official.write({"1": GOOD})
    (row,) = scienceqa.rows(official.root / folder, "test")
    assert scienceqa.to_sample(row).sample.id == "scienceqa/test/1"


def test_a_split_is_what_the_records_say(official):
    records = {"p1": GOOD, "p2": GOOD | {"split": "val", "image": None}}
    assert [found.sample.id for found in official.read("validation", **records)] == ["scienceqa/val/2"]


def test_a_selection_takes_its_ids_and_leaves_them_in_their_split(official):
    official.write({"minitest": ["2"], "trainval": ["3"]}, "pid_splits.json")
    plain = GOOD | {"image": None}
    records = {"p1": plain, "p2": plain, "p3": plain | {"split": "val"}}
    assert [found.sample.id for found in official.read("minitest", **records)] == ["scienceqa/test/2"]
    assert [found.sample.id for found in official.read("trainval")] == ["scienceqa/val/3"]


@pytest.mark.parametrize(
    ("splits", "why"),
    [(None, "there is no "), (b"{", "not JSON"), ([], "no list named minival"), ({"minival": 3}, "no list named")],
)
def test_a_selection_needs_the_file_that_defines_it(official, splits, why):
    official.write({"1": GOOD})
    if splits is not None:
        official.write(splits, "pid_splits.json")
    with pytest.raises(DataError, match=why) as caught:
        scienceqa.rows(official.root, "minival")
    assert "pid_splits.json" in str(caught.value)


def test_texts_are_kept_as_they_are(official):
    sample, issues = official.one(question="  Quel\u00a0 \u202eâge\0? \n", choices=["a ", "日本 😀"], answer=1)
    assert sample.turns[0].question == "  Quel\u00a0 \u202eâge\0? \n"
    assert sample.turns[0].targets == ("日本 😀",)
    assert [issue.code for issue in issues] == ["source:trailing-blanks"]


# What is wrong with a record


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("a text", "it is a str, not an object"),
        (None, "it is a NoneType, not an object"),
        ({key: value for key, value in GOOD.items() if key != "answer"}, "it has no answer"),
        (GOOD | {"answer": "0"}, "its answer is a str, not a whole number"),
        (GOOD | {"answer": True}, "its answer is a bool, not a whole number"),
        (GOOD | {"choices": "bark"}, "its choices is a str, not a list"),
        (GOOD | {"choices": [1, 2]}, "its choices are not all texts"),
        (GOOD | {"question": "a\ud800"}, "its question holds half a character"),
        (GOOD | {"hint": 3}, "its hint is a int, not a text"),
        (GOOD | {"split": "dev"}, "its split is 'dev', not train, val, test"),
        (GOOD | {"split": ["test"]}, "its split is a list, not a text"),
    ],
)
def test_a_misshapen_record_among_good_ones_is_an_issue(official, record, why):
    official.picture("test/2/image.png")
    good, bad = official.read(p1=GOOD, p2=record)
    assert good.sample is not None
    assert bad.sample is None
    assert codes(bad) == ["bad-record"]
    assert why in bad.issues[0].message
    assert bad.issues[0].message.startswith("problems.json, question '2': ")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"question": " "}, "empty-question"),
        ({"choices": ["", "ruler"]}, "empty-answer"),
        ({"choices": ["bark"]}, "too-few-choices"),
        ({"choices": []}, "too-few-choices"),
        ({"answer": 2}, "answer-out-of-range"),
        ({"answer": -1}, "answer-out-of-range"),
        ({"image": "../../../../outside.png"}, "image-outside"),
        ({"image": "/etc/hostname"}, "image-missing"),
        ({"image": "a\0.png"}, "image-missing"),
        ({"question": "a" * 1_000_001}, "bad-record"),
    ],
)
def test_a_record_that_can_not_be_used_is_an_issue(official, fields, code):
    found = official.one(**fields)
    assert found.sample is None
    assert code in codes(found)


@pytest.mark.parametrize("code", BAD)
def test_a_picture_that_can_not_be_used_is_an_issue(official, code):
    path = official.base / "images/test/1/image.png"
    path.unlink() if BAD[code] is None else path.write_bytes(BAD[code])
    found = official.one()
    assert found.sample is None
    assert codes(found) == [code]


def test_a_webp_named_png_is_a_webp(official):
    official.picture("test/1/image.png", picture(form="WEBP"))
    assert official.one().sample.images[0].mime == "image/webp"


def test_an_id_that_climbs_out_reaches_no_picture(official):
    (official.root / "image.png").write_bytes(picture())
    official.write({"../../../../..": GOOD, "../1": GOOD})
    out, beside = official.read()
    assert codes(out) == ["image-outside"]
    assert codes(beside) == ["image-missing"]


def test_choices_of_the_same_text_are_remarked(official):
    found = official.one(choices=["bark", "bark"])
    assert found.sample is not None
    assert codes(found) == ["duplicate-choices"]


def test_a_choice_that_is_the_letter_of_another_is_meant_by_its_own(official):
    turn = official.one(choices=["C", "A", "B"], answer=0).sample.turns[0]
    assert turn.targets == ("A",)
    score = scorers.get("multiple-choice").score
    assert [score(letter, turn).correct for letter in "ABC"] == [True, False, False]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=6,
)


@given(
    fields=st.fixed_dictionaries({}, optional={key: JSON | st.just(value) for key, value in GOOD.items()}),
    pid=st.text(),
    pictured=st.sampled_from([[], [0], [0, 1]]),
)
def test_any_record_gives_a_sample_or_issues(fields, pid, pictured):
    row = Row("problems.json, question", "test", fields | {"pid": pid, "pictured": pictured})
    found = scienceqa.to_sample(row)
    assert found == scienceqa.to_sample(row)
    assert (found.sample is None) == any(issue.severity is Severity.ERROR for issue in found.issues)


# What is wrong with a folder


def test_a_cut_file_gives_the_records_before_the_cut(official):
    whole = json.dumps({"1": GOOD, "2": GOOD | {"image": None}, "3": GOOD})
    official.write(whole[:-100].encode())
    first, second, cut = official.read()
    assert first.sample is not None
    assert second.sample is not None
    assert codes(cut) == ["damaged-file"]
    assert "problems.json, question '3': line 1, column" in cut.issues[0].message


@pytest.mark.parametrize("data", [b"", b"{", b"[]", LFS, b'{"1": {"a": 1}}', b"{" * 100_000, b"\x80\x04K\x01."])
def test_a_file_that_can_not_be_read_is_named(official, data):
    path = official.write(data)
    with pytest.raises(DataError) as caught:
        scienceqa.rows(official.root, "test")
    assert str(caught.value).startswith(str(path)) or "no records" in str(caught.value)


def test_bytes_that_are_no_utf8_spoil_their_own_record(official):
    data = json.dumps({"1": GOOD, "2": GOOD | {"question": "caf_"}}).encode().replace(b"caf_", b"caf\xe9")
    official.write(data)
    good, bad = official.read()
    assert good.sample is not None
    assert "half a character" in bad.issues[0].message


def test_an_absent_split_is_an_error(official):
    official.write({"1": GOOD})
    with pytest.raises(DataError, match="no records of the split val in"):
        scienceqa.rows(official.root, "val")


def test_an_unknown_split_is_answered_with_the_nearest(official):
    with pytest.raises(UsageError, match="did you mean 'minitest'"):
        scienceqa.rows(official.root, "mini-test")


def test_another_folder_is_told_what_is_expected(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match=r"expected .*problems.json; found in .*/: train"):
        scienceqa.rows(tmp_path, "test")


def test_pictures_are_read_when_they_are_looked_at(official, monkeypatch):
    official.write({"1": GOOD})
    rows = list(scienceqa.rows(official.root, "test"))
    (official.base / "images/test/1/image.png").unlink()
    assert codes(scienceqa.to_sample(rows[0])) == ["image-missing"]


# The Hub


def on_the_hub(monkeypatch, *records: dict, split: str = "test", hub: str = "") -> list[Ingested]:
    asked = []

    def hub_records(*arguments):
        asked.append(arguments)
        return iter(records)

    monkeypatch.setattr(scienceqa, "hub_records", hub_records)
    found = [scienceqa.to_sample(row) for row in scienceqa.hub_rows(split, hub)]
    on_the_hub.asked = asked[0]
    return found


HUB = {key: value for key, value in GOOD.items() if key != "split"} | {"image": {"bytes": picture(), "path": None}}


def test_a_row_of_the_hub_becomes_the_same_turn(official, monkeypatch):
    (found,) = on_the_hub(monkeypatch, HUB)
    assert found.sample.turns == official.one().sample.turns
    assert found.sample.labels == official.one().sample.labels
    assert found.sample.images == official.one().sample.images
    assert found.sample.id.startswith("scienceqa/test/hub-")


@pytest.mark.parametrize("cell", [None, {"bytes": None, "path": None}])
def test_a_row_of_the_hub_may_have_no_image(monkeypatch, cell):
    (found,) = on_the_hub(monkeypatch, HUB | {"image": cell})
    assert found.sample.images == ()
    assert found.sample.labels["IMG"] == "no"


@pytest.mark.parametrize(
    ("hub", "configuration"),
    [("", None), ("lmms-lab/ScienceQA", "ScienceQA-FULL"), ("lmms-lab/ScienceQA-IMG", None)],
)
def test_the_hub_is_asked_for_its_own_names(monkeypatch, hub, configuration):
    on_the_hub(monkeypatch, HUB, split="val", hub=hub)
    assert on_the_hub.asked == (hub or "derek-thomas/ScienceQA", "validation", ["image"], configuration)


def test_rows_of_the_hub_have_ids_of_their_own(monkeypatch):
    other = HUB | {"image": {"bytes": picture("blue"), "path": None}}
    found = on_the_hub(monkeypatch, HUB, other, HUB | {"answer": 1}, HUB)
    ids = [one.sample.id for one in found]
    assert len(set(ids)) == 3
    assert ids[0] == ids[3]


def test_other_columns_are_refused(monkeypatch):
    with pytest.raises(DataError, match=r"expected columns question, .*; found image, text"):
        on_the_hub(monkeypatch, {"image": None, "text": ""})


def test_selections_are_not_on_the_hub():
    with pytest.raises(UsageError, match="no split named 'minitest'"):
        scienceqa.hub_rows("minitest")


# The bundled sample, and the real data


def test_the_bundled_sample_is_what_its_maker_writes(tmp_path):
    bundled.check("scienceqa", make_scienceqa_sample.write, tmp_path)


@real
def test_the_real_sample_of_the_test_split():
    found = [scienceqa.to_sample(row) for row in scienceqa.rows(REAL, "test")]
    assert len(found) == 89
    assert all(one.sample and not one.issues for one in found)
    assert Counter(len(one.sample.images) for one in found) == {0: 36, 1: 46, 2: 3, 3: 1, 4: 3}
    labels = [one.sample.labels for one in found]
    assert [sum(each[name] == "yes" for each in labels) for name in ("TXT", "IMG", "NO")] == [42, 48, 27]
    assert Counter(each["grades"] for each in labels) == {"G1-6": 56, "G7-12": 33}


@real
@pytest.mark.parametrize(("split", "missing"), [("train", 39), ("val", 21), ("trainval", 60)])
def test_the_real_sample_names_pictures_that_are_not_there(split, missing):
    found = [scienceqa.to_sample(row) for row in scienceqa.rows(REAL, split)]
    assert Counter(code for one in found for code in codes(one)) == {"image-missing": missing}


@real
def test_real_pictures_can_be_decoded():
    rows = list(scienceqa.rows(REAL, "minitest"))
    images = [image for row in rows for image in row.images]
    assert len(rows) == 9
    assert images
    for image in images:
        assert isinstance(image, LoadedImage)
        Image.open(io.BytesIO(image.data)).load()
