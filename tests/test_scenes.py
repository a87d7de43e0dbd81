"""Scenes are drawn from one small file: any number, the same ones each time."""

import json

import pytest

from curation import sources
from curation.errors import DataError, MissingError
from curation.scene_graph import picture, questions, traces

SOURCE = sources.get("scenes")


def rows(folder, split="train", **recipe):
    (folder / "scenes.json").write_text(json.dumps({"count": {"train": 20, "test": 20}} | recipe), encoding="utf-8")
    return list(SOURCE.rows(folder, split))


def digests(some):
    return [row.images[0].ref.digest for row in some]


def test_a_row_becomes_a_sample_with_its_strata(tmp_path):
    sample, issues = SOURCE.to_sample(rows(tmp_path)[1])
    assert (sample.id, issues) == ("scenes/train/000002", ())
    assert set(sample.labels) == {"type", "level"}
    assert sample.turns[0].scorer == "exact-match"
    assert sample.images[0].width == sample.images[0].height == 64


def test_the_answer_is_what_the_picture_shows(tmp_path):
    for row in rows(tmp_path):
        scene = picture.read_scene(row.images[0].data)
        question = questions.parse(row.fields["question"])
        assert traces.stages(scene.rows, question).conclusion == row.fields["answer"]
        assert question.level(scene.rows) == row.fields["level"]


def test_more_scenes_leave_the_earlier_ones_as_they_were(tmp_path):
    few = rows(tmp_path)
    assert rows(tmp_path, count={"train": 30})[:20] == few


def test_splits_and_seeds_have_no_scene_in_common(tmp_path):
    drawn = [*rows(tmp_path), *rows(tmp_path, "test"), *rows(tmp_path, seed=1)]
    assert len(set(digests(drawn))) == len(drawn) == 60


def test_the_number_of_objects_is_as_told(tmp_path):
    scenes = [picture.read_scene(row.images[0].data) for row in rows(tmp_path, objects=[5, 7])]
    assert {len(scene.objects) for scene in scenes} == {5, 6, 7}


def test_validation_is_another_name_of_val(tmp_path):
    assert rows(tmp_path, "validation", count={"val": 1})[0].split == "val"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "scenes.json: Invalid JSON"),
        ("[]", "scenes.json: it has to hold names with values"),
        ("{}", "scenes.json: count is missing"),
        ('{"count": {"trian": 5}}', "scenes.json: count.trian is not known here"),
        ('{"count": {"train": -1}}', "scenes.json: count.train has to be greater"),
        ('{"count": {"train": 1}, "objects": [2]}', r"scenes.json: objects.1 is missing"),
        ('{"count": {"train": 1}, "objects": [2, 17]}', r"scenes.json: objects.1 has to be less"),
        ('{"count": {"train": 1}, "objects": [5, 2]}', "scenes.json: .*the fewest objects are more than the most"),
        ('{"count": {"test": 1}}', "scenes.json: count has no train"),
        ('\xff{"count": {"test": 1}}', "scenes.json: Invalid JSON"),
    ],
)
def test_a_file_that_cannot_be_drawn_from_is_named_with_the_place_in_it(tmp_path, text, why):
    (tmp_path / "scenes.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=why):
        SOURCE.rows(tmp_path, "train")


def test_there_are_none_on_the_hub():
    with pytest.raises(MissingError, match="drawn, not downloaded: use --sample, or --data DIR"):
        SOURCE.hub_rows("train")
