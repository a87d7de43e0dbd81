"""Splits: what is tested on is not trained on, a record stays where it is, and every source gets its shares."""

import json
from collections import Counter
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from curation import division, export, pull, push, release
from curation.division import divide
from curation.errors import UsageError
from curation.images import inspect
from curation.releases.intake import Intake
from curation.splits import NAMES, Asked, lasting_splits, source_splits
from curation.splits.kinship import kinship
from curation.splits.quotas import Quotas
from curation.store import Store
from curation.store.divided import kept_splits, plan_of, put_splits
from curation.store.steps import StoredTrace, put_samples, put_traces
from curation.store.tables import splits as kept_table
from exports import jsonl
from schemas.sample import Sample, Turn
from tests.hub_server import WARNED, hub_of_this_process
from tests.records import trace
from tests.release_items import image_folder, records
from tests.test_pictures import altered, encoded
from tests.test_pictures import chart as drawn
from tests.workbench import chart, chartqa, report, write_records

THREE = (0.5, 0.25, 0.25)


def turn(question="What is shown?", choices=(), targets=(), context=""):
    return {"question": question, "choices": list(choices), "targets": list(targets), "context": context}


def record(*images, turns=None):
    return {"images": [{"digest": f"sha256:{image:064x}"} for image in images], "turns": turns or [turn()]}


def kin_of(some, alike=()):
    """Compare records, given by id; numbers stand for images, moved to where a mark has its bits."""
    shifted = {i: {**r, "images": [{"digest": mark(each["digest"])} for each in r["images"]]} for i, r in some.items()}
    return kinship(sorted(shifted.items()), {mark(f"sha256:{a:064x}"): mark(f"sha256:{b:064x}") for a, b in alike})


def mark(digest):
    return f"sha256:{int(digest.removeprefix('sha256:'), 16):016x}".ljust(71, "0")


def groups(kin):
    """The ids that have each thing."""
    found = {}
    for sample, thing in zip(kin.samples.tolist(), kin.things.tolist(), strict=True):
        found.setdefault(thing, []).append(kin.ids[sample])
    return sorted(map(tuple, found.values()))


# What is the same


def test_an_image_and_one_that_looks_like_it_are_the_same():
    some = {"s/t/1": record(1), "s/t/2": record(2, 3), "s/t/3": record(4), "s/t/4": record(2)}
    assert groups(kin_of(some)) == [("s/t/2", "s/t/4")]
    assert groups(kin_of(some, {(1, 3), (4, 3)})) == [("s/t/1", "s/t/2", "s/t/3"), ("s/t/2", "s/t/4")]


ATTRACT = ("attract", "repel")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (turn("Which  IS it?", ["A cat", "dog"], ["a cat"]), turn("which is it?", ["Dog", "a cat"], ["A cat"]), True),
        (turn("Which?", ATTRACT, ["attract"]), turn("Which?", ATTRACT), True),
        (turn("Which?", ATTRACT, ["attract"]), turn("Which?", ATTRACT, ["repel"]), False),
        (turn("Which?", ATTRACT, ["attract"]), turn("Which?", (*ATTRACT, "neither"), ["attract"]), False),
        (turn("Which?", ATTRACT, ["attract"], "A hint."), turn("Which?", ATTRACT, ["attract"]), False),
        (turn("Which?", ATTRACT), turn("Which?", ATTRACT), False),
        (turn("Which one?", ["A", "B"], ["A"]), turn("Which one?", ["A", "B"], ["A"]), False),
        (turn("How many cubes are there?", (), ["3"]), turn("How many cubes are there?", (), ["3"]), False),
    ],
)  # fmt: skip
def test_questions_about_two_pictures_are_the_same_where_the_words_leave_nothing_to_the_picture(one, other, same):
    some = {"s/t/1": record(1, turns=[turn("Else?"), one]), "s/t/2": record(2, turns=[other])}
    assert groups(kin_of(some)) == ([("s/t/1", "s/t/2")] if same else [])


def test_a_question_with_two_answers_links_nothing_wherever_it_has_the_same():
    asked = [turn("Which?", ATTRACT, [answer]) for answer in ("attract", "attract", "repel")]
    assert groups(kin_of({f"s/t/{n}": record(n, turns=[each]) for n, each in enumerate(asked)})) == []


def test_without_an_image_the_text_is_the_sample():
    texts = [[turn("Why?")], [turn("WHY? ")], [turn("Why?"), turn("And?")], [turn("Why?", ["a", "b"])]]
    some = {f"s/t/{number}": record(turns=turns) for number, turns in enumerate(texts)}
    assert groups(kin_of({**some, "s/t/9": record(1, turns=texts[0])})) == [("s/t/0", "s/t/1")]


def test_any_text_is_compared():
    hostile = "\0\ud800" + "\ufdfa" * 5_000 + "\u202e"
    some = {f"s/t/{n}": record(*([n] * n), turns=[turn(hostile, [hostile, "ab"], [hostile])]) for n in range(3)}
    assert groups(kin_of(some)) == [("s/t/1", "s/t/2")]


def test_samples_out_of_order_are_refused():
    with pytest.raises(ValueError, match="s/t/1 after s/t/2"):
        kinship([("s/t/2", record()), ("s/t/1", record())], {})


# The splits of the sources

ids = st.tuples(st.sampled_from(["train", "val", "dev", "test", "testA"]), st.integers(0, 99))
shown = st.lists(st.integers(1, 8), max_size=3).map(
    lambda images: record(*images, turns=[turn("Which?" * len(images))])
)
sourced = st.dictionaries(ids.map(lambda each: f"vqa/{each[0]}/{each[1]}"), shown, max_size=30)


def split_of_things(kin, splits):
    """The splits in which each thing is."""
    found = {}
    for sample, thing in zip(kin.samples.tolist(), kin.things.tolist(), strict=True):
        if kin.ids[sample] in splits:
            found.setdefault(thing, set()).add(splits[kin.ids[sample]])
    return found.values()


def test_the_names_of_sources_are_train_validation_and_test():
    names = ("train", "val", "validation", "dev", "test", "testA", "all")
    splits = source_splits(kin_of({f"vqa/{name}/1": record(n) for n, name in enumerate(names, 1)}))
    expected = ("train", "validation", "validation", "validation", "test", "test", "train")
    assert splits == {f"vqa/{name}/1": split for name, split in zip(names, expected, strict=True)}


@given(sourced)
def test_nothing_is_in_two_splits_of_the_sources_and_every_test_sample_stays(some):
    kin = kin_of(some)
    splits = source_splits(kin)
    assert all(len(found) == 1 for found in split_of_things(kin, splits))
    assert all(splits[i] == "test" for i in some if i.split("/")[1].startswith("test"))


def test_a_release_keeps_the_splits_of_the_source_and_asks_nothing_of_the_test(tmp_path):
    folder, workspace, out = tmp_path / "data", tmp_path / "workspace", tmp_path / "release"
    chartqa(folder, rows=4, split="train")
    for number in range(3):
        chart(folder / "test", f"t{number}.png", (80, 60), color=number)
    rows = [{"imgname": f"t{number}.png", "query": "How many?", "label": "7"} for number in range(3)]
    write_records(folder, rows)
    flags = ("--source", "chartqa", "--data", folder, "--workspace", workspace)
    read = report("annotate", *flags, "--split", "test", "--ingest", OPENAI_API_KEY="")
    assert (read["rows"], read["samples"]) == (3, 3)
    report("annotate", *flags, "--offline")
    built = report("export", "--format", "jsonl", "--splits", "source", "--workspace", workspace, "--out", out)
    assert built["counts"]["traces"] == {"train": 4}
    tested = [json.loads(line) for line in (out / "data/test.jsonl").read_text().splitlines()]
    assert [line["traces"] for line in tested] == [[], [], []]


def test_a_train_sample_whose_image_is_tested_on_is_left_out(tmp_path):
    folder, workspace = tmp_path / "data", tmp_path / "workspace"
    for split in ("train", "test"):
        chart(folder / split, "same.png")
        write_records(folder, [{"imgname": "same.png", "query": f"{split}?", "label": "7"}], split)
    for split in ("train", "test"):
        report(
            "annotate", "--source", "chartqa", "--data", folder, "--split", split, "--offline", "--workspace", workspace
        )
    built = report("export", "--format", "jsonl", "--splits", "source", "--workspace", workspace)
    assert built["leaks"] == 1
    assert built["counts"]["traces"] == {"test": 1}


# Splits by shares

names = st.sampled_from("abc").flatmap(lambda source: st.integers(0, 30).map(lambda number: f"{source}/train/{number}"))
samples = st.dictionaries(names, shown, max_size=30)
portions = st.sampled_from([THREE, (0.9, 0.05, 0.05), (0.5, 0.5), (0.0, 0.5, 0.5)])


@settings(max_examples=50)
@given(samples, portions, st.integers())
def test_no_image_and_no_question_is_in_two_splits_and_none_is_left_out(some, shares, seed):
    kin = kin_of(some)
    found = lasting_splits(kin, Asked(shares, seed), {})
    assert found.splits == found.new
    assert found.splits.keys() == some.keys()
    assert all(len(splits) == 1 for splits in split_of_things(kin, found.splits))
    assert found == lasting_splits(kin_of(dict(reversed(some.items()))), Asked(shares, seed), {})


@settings(max_examples=40)
@given(st.lists(samples, min_size=2, max_size=5), portions)
def test_a_record_never_moves_in_whatever_order_others_are_added(batches, shares):
    there, kept = {}, {}
    for batch in batches:
        there = batch | there
        kin = kin_of(there)
        found = lasting_splits(kin, Asked(shares, 0), kept)
        assert not found.new.keys() & kept.keys()
        assert kept.items() <= found.splits.items()  # nothing that was there is left out because of what comes
        kept |= found.new
        assert found.splits == kept
        assert all(len(splits) == 1 for splits in split_of_things(kin, found.splits))


def test_a_new_record_between_two_splits_is_left_out_and_nothing_moves():
    kept = {"s/t/1": "train", "s/t/2": "test"}
    some = {"s/t/1": record(1), "s/t/2": record(2), "s/t/3": record(1, 2), "s/t/4": record(1, 3), "s/t/5": record(2, 4)}
    found = lasting_splits(kin_of(some), Asked(THREE, 0), kept)
    assert found.new == {"s/t/4": "train", "s/t/5": "test"}
    assert found.splits == kept | found.new


def test_a_group_between_two_splits_goes_where_the_fewest_are_left_out():
    kept = {"s/t/1": "train", "s/t/2": "test"}
    chain = {"s/t/3": record(1, 3), "s/t/4": record(1, 3), "s/t/5": record(3, 4), "s/t/6": record(2, 4)}
    found = lasting_splits(kin_of({"s/t/1": record(1), "s/t/2": record(2)} | chain), Asked(THREE, 0), kept)
    assert found.new == dict.fromkeys(["s/t/3", "s/t/4", "s/t/5"], "train")


def test_of_kept_records_that_turn_out_to_look_alike_the_tested_one_stays():
    kept = {"s/t/1": "train", "s/t/2": "test", "s/t/3": "train"}
    some = {name: record(number) for number, name in enumerate(kept, 1)}
    found = lasting_splits(kin_of(some, {(1, 2)}), Asked(THREE, 0), kept)
    assert (found.new, found.splits) == ({}, {"s/t/2": "test", "s/t/3": "train"})


@settings(max_examples=30)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 60), min_size=1), portions, st.integers(0, 9),
    st.integers(1, 3),
)  # fmt: skip
def test_every_source_has_its_shares_to_the_sample_also_when_it_grows(sizes, shares, seed, times):
    some, kept = {}, {}
    for time in range(1, times + 1):
        for place, (source, size) in enumerate(sizes.items()):
            some |= {f"{source}/train/{n}": record(n * 4 + place + 1) for n in range(size * time)}
        kept |= lasting_splits(kin_of(some), Asked(shares, seed), kept).new
    counts = Counter((name.split("/")[0], split) for name, split in kept.items())
    for source, size in sizes.items():
        for name, share in zip(NAMES if len(shares) == 3 else ("train", "test"), shares, strict=True):
            assert abs(counts[source, name] - share * size * times) <= 1


def test_a_few_large_groups_leave_the_shares_as_they_are():
    sizes = [400, 150, 60, *[20] * 5, *[2] * 60, *[1] * 170]  # 1,000 samples
    images = [image for image, size in enumerate(sizes, 1) for _ in range(size)]
    some = {f"a/t/{number}": record(image) for number, image in enumerate(images)}
    for seed in range(5):
        found = lasting_splits(kin_of(some), Asked((0.8, 0.1, 0.1), seed), {})
        assert Counter(found.splits.values()) == {"train": 800, "validation": 100, "test": 100}


def test_groups_of_two_sources_leave_the_shares_of_both_as_they_are():
    some = {f"a/t/{number}": record(number + 1) for number in range(300)}
    some |= {f"b/t/{number}": record(number + 1) for number in range(200, 1000)}  # 100 pictures are in both
    found = lasting_splits(kin_of(some), Asked((0.8, 0.1, 0.1), 0), {})
    counts = Counter((name[0], split) for name, split in found.splits.items())
    assert {(s, k): counts[s, k] for s in "ab" for k in ("validation", "test")} == {
        ("a", "validation"): 30, ("a", "test"): 30, ("b", "validation"): 80, ("b", "test"): 80,
    }  # fmt: skip


def test_another_seed_gives_other_splits_and_few_records_more_change_few_of_them_without_a_memory():
    some = {f"a/t/{number}": record(number + 1) for number in range(1000)}
    first, other = (lasting_splits(kin_of(some), Asked(THREE, seed), {}).splits for seed in (0, 1))
    assert first != other
    more = some | {f"a/t/{number}": record(number + 1) for number in range(1000, 1010)}
    later = lasting_splits(kin_of(more), Asked(THREE, 0), {}).splits
    assert sum(later[name] != split for name, split in first.items()) <= 20


def test_equal_splits_are_filled_from_train_and_then_from_the_one_that_is_held_out_furthest():
    assert Quotas({0: 0.4, 1: 0.2, 2: 0.4}, {"a": 1}).place({(("a", 1),): 1}) == {(("a", 1),): {0: 1}}
    assert Quotas({1: 0.5, 2: 0.5}, {"a": 1}).place({(("a", 1),): 1}) == {(("a", 1),): {2: 1}}


@pytest.mark.parametrize("fractions", [(), (0.5,), (0.9, 0.2), (1.2, -0.2), (float("nan"), 1), (0.25,) * 4])
def test_fractions_that_are_not_parts_of_one_are_refused(fractions):
    with pytest.raises(UsageError, match="fractions"):
        lasting_splits(kin_of({}), Asked(fractions, 0), {})


# In a workspace


def put(store, *named):
    """Store a sample with a trace for each name, and its image's bytes."""
    images = {name: inspect(data) for name, data in named}
    for image in images.values():
        store.images.put(image)
    made = [Sample(id=name, images=(image.ref,), turns=(Turn(question="?"),)) for name, image in images.items()]
    store.write(put_samples, made)
    store.write(put_traces, [StoredTrace(trace(name).trace, "e") for name in images])


def exported(store, out, **flags):
    given = {"select": "all", "format": "jsonl", "splits": (0.5, 0.5), "out": out} | flags
    done = export.run(config=export.Config(workspace=store.folder, **given))
    return done, {item.sample.id: item.split for item in jsonl.read(out)}


def test_pictures_that_look_alike_are_in_one_split_and_later_ones_join_them(store, tmp_path):
    one, two = encoded(drawn(1)), encoded(drawn(2))
    put(store, ("a/t/1", one), ("a/t/5", two))
    _, first = exported(store, tmp_path / "first")
    assert sorted(first.values()) == ["test", "train"]
    put(store, ("a/t/2", altered(drawn(1))["half"]), ("a/t/3", altered(drawn(2))["half"]), ("c/t/1", one))
    done, second = exported(store, tmp_path / "second")
    expected = {"a/t/1": first["a/t/1"], "a/t/2": first["a/t/1"], "c/t/1": first["a/t/1"]}
    assert second == expected | {"a/t/5": first["a/t/5"], "a/t/3": first["a/t/5"]}
    assert done.leaks == 0


def test_a_release_of_one_source_fits_to_a_later_one_of_all(store, tmp_path):
    put(store, *((f"{source}/t/{n}", encoded(drawn(n))) for source in "ab" for n in range(6)))
    _, some = exported(store, tmp_path / "some", source=("a",))
    _, whole = exported(store, tmp_path / "whole")
    assert whole.items() >= some.items()
    assert all(whole[name] == whole[name.replace("a", "b")] for name in some)


def test_what_was_kept_apart_and_is_found_alike_is_left_out_of_train_and_told(store, tmp_path):
    put(store, ("a/t/1", encoded(drawn(1))), ("a/t/2", altered(drawn(1))["half"]))
    with store.writing() as connection:
        put_splits(connection, plan_of((0.5, 0.5), 0), {"a/t/1": "train", "a/t/2": "test"})
    done, splits = exported(store, tmp_path / "out")
    assert (done.leaks, splits) == (1, {"a/t/2": "test"})
    assert "1 samples share a picture or a question with another split: they are left out." in done.lines()


def test_other_shares_and_seeds_are_other_splits(store, tmp_path):
    put(store, *((f"a/t/{n}", encoded(drawn(n))) for n in range(8)))
    _, first = exported(store, tmp_path / "first")
    _, whole = exported(store, tmp_path / "whole", splits=(1.0,))
    assert set(whole.values()) == {"train"}
    assert any(exported(store, tmp_path / f"{seed}", seed=seed)[1] != first for seed in (1, 2, 3))
    assert exported(store, tmp_path / "again")[1] == first


def test_an_export_beside_another_one_keeps_the_splits_of_the_quicker(store, tmp_path):
    put(store, ("a/t/1", encoded(drawn(1))), ("a/t/2", encoded(drawn(2))))
    plan = plan_of((0.5, 0.5), 0)
    theirs = {"a/t/1": "test", "a/t/2": "test"}

    def slow(connection, name):
        kept = kept_splits(connection, name)
        if not kept:
            store.write(lambda writing, rows: put_splits(writing, plan, rows), theirs)
        return kept

    with patch.object(division, "kept_splits", slow):
        assert exported(store, tmp_path / "out")[1] == theirs


def test_the_same_records_have_the_same_splits_in_every_workspace(tmp_path, sqlite):
    folders = []
    for name, order in (("one", 1), ("two", -1)):
        with Store.open(tmp_path / name, create=True) as store:
            for n in range(6)[::order]:
                put(store, (f"a/t/{n}", encoded(drawn(n // 2))))
            folders.append(exported(store, tmp_path / f"out-{name}", splits=THREE))
    assert folders[0][1] == folders[1][1]
    digests = [(done.out / "manifest.json").read_bytes() for done, _ in folders]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"splits": "source", "seed": 0},
        {"splits": [0.5, float("nan")], "seed": 0},
        {"splits": [1], "seed": 10**5000},
    ],
)
def test_a_release_that_does_not_say_how_it_was_split_is_taken_without(store, tmp_path, config):
    release.build(records(), tmp_path / "out", "jsonl", image_folder(tmp_path), {}, {})
    manifest = release.read_manifest(tmp_path / "out").model_copy(update={"config": config})
    intake = Intake(store, "lab/counts")
    intake.take(tmp_path / "out", manifest, lambda *_: None)
    assert intake.samples == len(records())
    with store.snapshot() as connection:
        assert connection.execute(select(kept_table)).all() == []


@pytest.mark.filterwarnings(WARNED)
def test_what_is_pulled_stays_in_its_splits_among_other_records(store, tmp_path, monkeypatch):
    put(store, *((f"a/t/{n}", encoded(drawn(n))) for n in range(6)))
    _, ours = exported(store, tmp_path / "ours")
    with hub_of_this_process(monkeypatch, tmp_path):
        push.run(config=push.Config(release=tmp_path / "ours", repo="lab/counts", accept_licence=True))
        monkeypatch.delenv("CURATION_STORE", raising=False)
        pull.run(config=pull.Config(repo="lab/counts", workspace=tmp_path / "there"))
    with Store.open(tmp_path / "there") as there:
        put(there, *((f"a/s/{n}", encoded(drawn(n))) for n in range(3, 9)))
        _, theirs = exported(there, tmp_path / "theirs")
        with there.snapshot() as records:
            assert divide(there, records, (0.5, 0.5), 0, lambda *_: None) == theirs
            assert len(records.execute(select(kept_table)).all()) == 12
    assert theirs.items() >= ours.items()
    assert all(theirs[f"a/s/{n}"] == ours[f"a/t/{n}"] for n in range(3, 6))
