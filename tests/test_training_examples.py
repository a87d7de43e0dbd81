"""From the lines of a release to examples: arms, rows that are too long, images that can't be read, the cache."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from curation.errors import DataError
from curation.families import GROUPS, Size, VisionModel
from curation.prompts.wording import answer_text, question_text, untagged_text
from curation.training import index
from curation.training.arms import answer_of, ask
from curation.training.examples import Encoder
from curation.training.pixels import PixelCache, UnreadableImage
from curation.training.records import Line, Row
from curation.training.settings import Arm
from exports.jsonl import image_file
from schemas.sample import Sample, Turn
from tests import small_release
from tests.records import trace
from tests.training_runs import fresh, run, settings


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_release.build(tmp_path_factory.mktemp("release") / "boxes", flagged=5)


@pytest.fixture(scope="module")
def model(release: Path) -> VisionModel:
    return fresh(release)


def words(text: str) -> int:
    """Count signs, and words and numbers in pieces of at most eight letters or three digits."""
    found = re.findall(r"\d+|[^\W\d_]+|[^\w\s]|_", text)
    return sum(-(-len(word) // (3 if word.isdigit() else 8)) for word in found)


def test_every_turn_is_found_again_at_its_place(release: Path) -> None:
    rows = index(release, "train")
    names = [rows.read(number).name for number in range(len(rows.lengths))]
    assert len(names) == 24
    assert names == sorted(set(names))
    assert rows.sources == ("boxes", "crates")
    assert [rows.sources[i] for i in rows.source_ids] == [name.split("/")[0] for name in names]
    row = rows.read(3)
    turn = row.line.sample.turns[0]
    assert rows.lengths[3] == words(question_text(turn)) + words(answer_text(row.trace.stages))


def test_only_wanted_samples_are_taken(release: Path) -> None:
    rows = index(release, "train", wanted=lambda name: name.startswith("boxes/"))
    assert {rows.read(i).line.sample.source for i in rows.taken("raw").nonzero()[0]} == {"boxes"}
    assert len(rows.lengths) == 24


def test_a_line_that_is_no_record_is_named(release: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lines = (release / "data" / "train.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "data" / "train.jsonl").write_bytes(b"".join([*lines[:2], b"{}\n"]))
    with pytest.raises(DataError, match=r"train.jsonl, line 3 is not a record"):
        index(tmp_path, "train")


def test_raw_takes_flagged_turns_and_the_other_arms_do_not(release: Path) -> None:
    rows = index(release, "train")
    assert rows.taken("raw").sum() == 24
    for arm in ("curated", "direct", "no-tags"):
        assert rows.taken(arm).sum() == 19


def two_turns(flagged: bool = False) -> Row:
    first = trace(turn=0, conclusion="three").trace
    second = trace(turn=1, conclusion="no").trace
    turns = (Turn(question="How many?", targets=("3",)), Turn(question="Any red?", targets=("NO", "no")))
    errors = {first.id: ("model:loss",)} if flagged else {}
    return Row(Line(sample=Sample(id="src/train/1", turns=turns), traces=(first, second), errors=errors), second)


def test_each_arm_answers_in_its_own_form_with_earlier_turns_in_that_form_too() -> None:
    row = two_turns()
    first, second = (one.stages for one in row.line.traces)
    expected = {
        "curated": (answer_text(first), answer_text(second)),
        "raw": (answer_text(first), answer_text(second)),
        "direct": ("3", "NO"),
        "no-tags": (untagged_text(first), untagged_text(second)),
    }
    for arm, (earlier, answer) in expected.items():
        asked = ask(row, arm)  # type: ignore[arg-type]
        assert (asked.question, asked.answer) == ("Any red?", answer)
        assert [(before.question, before.answer) for before in asked.earlier] == [("How many?", earlier)]


def test_an_earlier_turn_with_a_flagged_trace_is_given_its_target() -> None:
    assert [before.answer for before in ask(two_turns(flagged=True), "curated").earlier] == ["3"]
    assert ask(two_turns(flagged=True), "raw").earlier[0].answer == answer_text(two_turns().line.traces[0].stages)


@pytest.mark.parametrize("arm", ["direct", "no-tags"])
def test_stages_are_told_apart_without_tags(release: Path, model: VisionModel, arm: Arm) -> None:
    rows = index(release, "train")
    for number in range(8):
        row = rows.read(number)
        answer = answer_of(model.renderer, row, arm)
        texts = {
            name: model.renderer.tokenizer.decode(
                [i for i, group in zip(answer.ids, answer.groups, strict=True) if GROUPS[group] == name]
            )
            for name in GROUPS
        }
        stages = row.trace.stages
        for name in GROUPS[:-1] if arm == "no-tags" else ("conclusion",):
            assert texts[name].strip() == getattr(stages, name)
        assert texts["tags"] == model.renderer.tokenizer.eos_token


def test_an_answer_with_a_special_token_written_in_it_is_still_counted(model: VisionModel) -> None:
    row = two_turns()
    odd = row.line.sample.turns[1].model_copy(update={"targets": ("<|end|>",)})
    line = row.line.model_copy(update={"sample": row.line.sample.model_copy(update={"turns": (odd, odd)})})
    answer = answer_of(model.renderer, Row(line, row.trace), "direct")
    assert len(answer.ids) == len(answer.groups)
    assert set(answer.groups) == {GROUPS.index("conclusion")}


def test_a_row_that_is_too_long_is_cut_or_dropped_as_told(release: Path, model: VisionModel) -> None:
    rows = index(release, "train")
    whole = Encoder(model.renderer, rows, settings()).encode(0)
    limit = whole.prompt + 5
    cut = Encoder(model.renderer, rows, settings(max_tokens=limit, overlong="truncate")).encode(0)
    assert cut.fit == "truncated"
    assert cut.ids.tolist() == whole.ids.tolist()[:limit]
    assert cut.groups.tolist() == whole.groups.tolist()[:5]
    assert Encoder(model.renderer, rows, settings(max_tokens=limit)).encode(0).fit == "dropped"
    none_left = settings(max_tokens=whole.prompt, overlong="truncate")
    assert Encoder(model.renderer, rows, none_left).encode(0).fit == "dropped"


def test_long_rows_are_counted_and_a_step_without_any_row_is_skipped(release: Path) -> None:
    cut = run(release, steps=3, max_tokens=30, overlong="truncate")
    assert cut.counts["truncated"] == 12
    dropped = run(release, steps=3, max_tokens=30)
    assert dropped.counts["dropped"] == 12
    assert dropped.counts["skipped_steps"] == 3


def break_picture(folder: Path, number: int) -> str:
    """Spoil the picture of a turn in train; return the turn's name."""
    row = index(folder, "train").read(number)
    image_file(folder, row.line.sample.images[0]).write_bytes(b"GIF89a, cut off")
    return row.name


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_read_in_mid_epoch_leaves_its_item_out(tmp_path: Path, workers: int) -> None:
    folder = small_release.build(tmp_path / "boxes", 8)
    whole = run(folder, steps=2)
    name = break_picture(folder, 2)
    outcome = run(folder, tmp_path / "out", steps=2, workers=workers)
    assert outcome.counts["unreadable"] == 1
    assert outcome.unreadable == (name,)
    assert 0 < outcome.counts["tokens"] < whole.counts["tokens"]
    assert f'"unreadable": "{name}", "reason": "images/' in (tmp_path / "out" / "log.jsonl").read_text()


def test_the_cache_gives_the_same_pixels_and_stays_in_its_bounds(release: Path, model: VisionModel) -> None:
    rows = index(release, "train")
    all_refs = [rows.read(number).line.sample.images for number in range(10)]
    one = PixelCache(model.renderer, release, 100)
    one.get(all_refs[0])
    size = one.bytes
    small = PixelCache(model.renderer, release, 3.5 * size / 2**20)
    for refs in [*all_refs, *all_refs[::-1], *all_refs[-2:]]:
        for name, tensor in small.get(refs).items():
            torch.testing.assert_close(tensor, one.get(refs)[name], rtol=0, atol=0)
        assert small.bytes <= 3.5 * size
    assert small.get(all_refs[-1]) is small.get(all_refs[-1])
    none = PixelCache(model.renderer, release, 0)
    assert none.get(all_refs[0]) is not none.get(all_refs[0])
    assert none.bytes == 0


def test_images_of_a_batch_are_processed_together_and_each_once(
    release: Path, model: VisionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = index(release, "train")
    refs = list({row.digest: (row,) for number in range(24) for row in rows.read(number).line.sample.images}.values())
    processed: list[int] = []
    whole = type(model.renderer).pixels_of_each

    def counted(self: Any, examples: Any) -> Any:
        processed.append(len(examples))
        return whole(self, examples)

    monkeypatch.setattr(type(model.renderer), "pixels_of_each", counted)
    cache = PixelCache(model.renderer, release, 100)
    found = cache.get_each([*refs, refs[0]])
    assert sum(processed) == len(refs)
    assert len(processed) == -(-len(refs) // 8)
    assert found[0] is found[-1]
    assert [cache.get(one) is here for one, here in zip(refs, found, strict=False)] == [True] * len(refs)


def test_an_image_that_cannot_be_read_spoils_no_other_of_its_batch(tmp_path: Path, model: VisionModel) -> None:
    folder = small_release.build(tmp_path / "boxes", 8)
    rows = index(folder, "train")
    whole = PixelCache(model.renderer, folder, 100)
    refs = [rows.read(number).line.sample.images for number in range(len(rows.lengths))]
    expected = whole.get_each(refs)
    break_picture(folder, 2)
    found = PixelCache(model.renderer, folder, 100).get_each(refs)
    for number, (here, there) in enumerate(zip(found, expected, strict=True)):
        if refs[number] == refs[2]:
            assert isinstance(here, UnreadableImage)
        else:
            torch.testing.assert_close(here, there, rtol=0, atol=0)


def test_a_missing_image_is_named(release: Path, model: VisionModel, tmp_path: Path) -> None:
    ref = index(release, "train").read(0).line.sample.images[0]
    with pytest.raises(UnreadableImage, match=r"images/..*: .*No such file"):
        PixelCache(model.renderer, tmp_path, 1).get([ref])
    blank = PixelCache(model.renderer, tmp_path, 1).blank([ref])
    assert Size(ref.width, ref.height) == (64, 64)
    assert blank["pixel_values"].shape[-2:] == (64, 64)
