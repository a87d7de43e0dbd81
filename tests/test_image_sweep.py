"""What is wrong with the images of traces is found: by what is known of them, and in a workspace."""

import polars as pl
import pytest
from PIL import Image, ImageOps

from curation import sweeps
from curation.images import inspect
from curation.store.steps import put_samples, put_traces
from curation.sweeps import LOOKS
from curation.validate import Config, run
from curation.validators import FOUND, Subject, frame
from schemas.sample import ImageRef, Sample, Turn
from tests.records import trace
from tests.test_pictures import altered, chart, encoded


def digest(name: str) -> str:
    return f"sha256:{name * 64}"


def seen(
    name: str,
    group: str | None = None,
    size: int = 400,
    contrast: float = 50,
    fault: str = "",
    mirror: str | None = None,
) -> tuple:
    shown = (None, None, None) if fault else (size, 300, contrast)
    return (digest(name), *shown, fault, None if fault else digest(group or name), mirror and digest(mirror))


def found(looks: list[tuple], *shown: tuple[str, str], sweep: str = "image") -> list[tuple[str, str]]:
    """Sweep traces of samples, given as a name and the images that it shows."""
    subjects = []
    for name, images in shown:
        refs = tuple(ImageRef(digest=digest(image), mime="image/png", width=1, height=1) for image in images)
        asked = Sample(id=f"src/train/{name}", images=refs, turns=(Turn(question="?"),))
        subjects.append(Subject.of(asked, trace(asked.id).trace))
    known = pl.DataFrame(looks, LOOKS, orient="row")
    rows = sweeps.get(sweep).sweep(iter([frame([one]) for one in subjects]), known)
    assert rows.schema == FOUND
    assert rows["message"].str.len_chars().is_between(1, 500).all()
    by_id = {one.id: one.sample.id.rpartition("/")[2] for one in subjects}
    return [(by_id[row["subject"]], row["what"]) for row in rows.iter_rows(named=True)]


def test_nothing_is_said_of_good_images_and_of_those_that_were_not_looked_at():
    assert found([seen("a")], ("1", "a"), ("2", "a"), ("3", "b"), ("4", "")) == []


def test_an_unreadable_a_tiny_and_a_blank_image_are_found():
    looks = [seen("a", fault="it is gone" * 99), seen("b", size=27), seen("c", contrast=0.1)]
    assert found(looks, ("1", "a"), ("2", "b"), ("3", "c")) == [("1", "unreadable"), ("2", "tiny"), ("3", "blank")]


def test_of_several_images_one_is_named_for_each_fault():
    looks = [seen("a", size=3), seen("b", size=4), seen("c", contrast=0)]
    assert found(looks, ("1", "abc")) == [("1", "tiny"), ("1", "blank")]


def test_a_picture_like_an_earlier_sample_s_is_found_and_the_same_bytes_are_not():
    looks = [seen("a", "a"), seen("b", "a"), seen("c")]
    assert found(looks, ("1", "a"), ("2", "b"), ("3", "a"), ("4", "c")) == [("2", "near-duplicate")]
    assert found(looks, ("1", "b"), ("2", "b"), ("3", "a")) == [("3", "near-duplicate")]


def test_a_picture_that_mirrors_an_earlier_sample_s_is_found_and_its_copies_too():
    looks = [seen("a", "a", mirror="c"), seen("b", "a", mirror="c"), seen("c", mirror="a"), seen("d")]
    assert found(looks, ("1", "d"), ("2", "c"), ("3", "b"), ("4", "d")) == [("3", "mirrored")]
    twice = [("1", "a"), ("2", "c"), ("3", "b")]
    assert found(looks, *twice) == [("3", "near-duplicate"), ("2", "mirrored"), ("3", "mirrored")]
    assert found(looks, ("1", "ac")) == []


def test_pictures_of_one_sample_may_look_alike():
    assert found([seen("a", "a"), seen("b", "a")], ("1", "ab")) == []


def test_the_same_question_about_an_altered_picture_is_a_duplicate():
    looks = [seen("a", "a"), seen("b", "a"), seen("c")]
    shown = [("1", "a"), ("2", "b"), ("3", "c"), ("4", "ab"), ("5", "ba")]
    questions = [name for name, what in found(looks, *shown, sweep="duplicate") if what == "question"]
    assert questions == ["2", "5"]


def test_the_images_of_a_workspace_are_swept_once(store):
    mirrored = encoded(ImageOps.mirror(chart(2)), "JPEG", quality=60)
    images = [
        encoded(chart(1)),
        altered(chart(1))["jpeg"],
        encoded(chart(2)),
        mirrored,
        encoded(Image.new("L", (9, 9))),
    ]
    loaded = [inspect(data) for data in images]
    for image in loaded:
        store.images.put(image)
    names = [f"src/train/{number}" for number in range(len(loaded) + 1)]
    refs = [*(image.ref for image in loaded), inspect(encoded(chart(3))).ref]  # the last is not in the workspace
    asked = [
        Sample(id=name, images=(ref,), turns=(Turn(question=name),)) for name, ref in zip(names, refs, strict=True)
    ]
    store.write(put_samples, asked)
    store.write(put_traces, [trace(name) for name in names])
    config = Config(workspace=store.folder, only=("image",))
    report = run(config=config)
    codes = {code: (severity, count) for _, code, severity, count in report.issues}
    assert report.checked["image"] == 6
    assert codes == {
        "image:blank": ("warning", 1),
        "image:mirrored": ("warning", 1),
        "image:near-duplicate": ("warning", 1),
        "image:tiny": ("warning", 1),
        "image:unreadable": ("error", 1),
    }
    again = run(config=config)
    assert (again.checked["image"], again.issues) == (0, report.issues)


@pytest.mark.parametrize("name", ["image", "duplicate"])
def test_a_sweep_takes_what_is_known_of_no_image(name):
    assert sweeps.get(name).sweep(iter([frame([])]), LOOKS.to_frame()).schema == FOUND
