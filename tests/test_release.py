"""Releases as folders: whole or not at all, proven by their digests, split by image."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curation import images, release, staging
from curation.errors import DataError, MissingError, StoreError, UsageError
from curation.release import build, check, read_manifest
from curation.splits import assign_splits
from curation.staging import staged
from exports import Item, _shards, jsonl
from schemas.digest import digest_bytes
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace

STAGES = Stages(summary="s", caption="c", reasoning="r", conclusion="A")
BY = Provenance(kind="simulated", created_at=datetime(2025, 3, 1, tzinfo=UTC))


def picture(number, side=24):
    noise = Random(number).randbytes(side * side * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(buffer, "PNG")
    return images.inspect(buffer.getvalue())


class Store:
    """Items and the images that they show, in a folder."""

    def __init__(self, folder, side=24):
        self.folder = folder
        self.side = side

    def path(self, ref):
        return self.folder / ref.digest.removeprefix("sha256:")

    def item(self, number, split="train"):
        loaded = picture(number, self.side)
        if not self.path(loaded.ref).exists():
            self.path(loaded.ref).write_bytes(loaded.data)
        sample = Sample(id=f"source/train/{number:04d}", images=(loaded.ref,), turns=(Turn(question="?"),))
        trace = Trace(sample_id=sample.id, turn=0, stages=STAGES, provenance=BY)
        return Item(sample, (trace,), split)

    def items(self, count):
        return (self.item(number) for number in range(count))

    def build(self, out, count=3, name="jsonl"):
        return build(self.items(count), out, name, self.path, {"seed": 1}, {"traces": digest_bytes(b"")})


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    return Store(folder)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "releases" / "r1"


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def beside(out):
    return sorted(path.name for path in out.parent.iterdir())


# Building


def test_a_release_is_described_by_its_manifest(store, out):
    other = store.item(7, split="test")
    untraced = store.item(8)._replace(traces=())
    items = [*store.items(2), other, untraced]
    manifest = build(items, out, "jsonl", store.path, {"select": "all"}, {"traces": digest_bytes(b"x")})
    assert manifest == read_manifest(out)
    assert (manifest.kind, manifest.format, manifest.format_version) == (
        "release",
        "jsonl",
        jsonl.FORMAT_VERSION,
    )
    assert (manifest.config, manifest.inputs) == ({"select": "all"}, {"traces": digest_bytes(b"x")})
    assert manifest.counts == {
        "images": {"test": 1, "train": 3},
        "samples": {"test": 1, "train": 2},
        "samples_by_licence": {"unknown": 4},
        "samples_by_source": {"source": 4},
        "samples_without_trace": {"train": 1},
        "traces": {"test": 1, "train": 2},
        "traces_by_kind": {"simulated": 3},
        "traces_by_licence": {"unknown": 3},
        "traces_by_model": {"unknown": 3},
        "traces_by_prompt_version": {"unknown": 3},
        "traces_by_recipe": {"unknown": 3},
        "traces_by_source": {"source": 3},
    }
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert {(entry.path, entry.bytes, entry.digest) for entry in manifest.files} == {
        (name, len(data), digest_bytes(data)) for name, data in found.items() if not name.startswith("manifest")
    }
    assert set(manifest.versions) == {"curation-workbench", "pyarrow", "pydantic"}


def test_a_release_without_records_can_be_built_and_checked(store, out):
    store.build(out, count=0)
    assert check(out) == []
    assert list(jsonl.read(out)) == []


def test_an_earlier_release_is_replaced_as_a_whole(store, out):
    store.build(out, count=9)
    store.build(out, count=2)
    assert len(list(jsonl.read(out))) == 2
    assert (check(out), beside(out)) == ([], ["r1"])


def test_a_release_of_another_format_version_can_be_replaced(store, out, monkeypatch):
    monkeypatch.setattr(jsonl, "FORMAT_VERSION", 7)
    store.build(out)
    monkeypatch.undo()
    store.build(out)
    assert check(out) == []


def test_an_empty_folder_may_be_built_into_and_a_link_is_followed(store, out, tmp_path):
    out.mkdir(parents=True)
    (tmp_path / "link").symlink_to(out)
    store.build(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert check(out) == []


def test_what_is_not_a_release_is_not_replaced(store, out):
    out.mkdir(parents=True)
    (out / "thesis.tex").write_text("years")
    with pytest.raises(UsageError, match=r"is not a release.*give an empty or a new folder"):
        store.build(out)
    (out / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match="is not a manifest"):
        store.build(out)
    assert (out / "thesis.tex").read_text() == "years"
    with pytest.raises(UsageError, match="is not a release"):
        store.build(out / "thesis.tex")


def test_an_unknown_format_is_refused_with_a_hint(store, out):
    with pytest.raises(UsageError, match="did you mean 'parquet'"):
        store.build(out, name="parket")
    assert not out.parent.exists()


def test_items_that_do_not_fit_together_are_refused(store, out):
    first, second = store.items(2)
    leak = Item(second.sample.model_copy(update={"images": first.sample.images}), second.traces, "test")
    stranger = second._replace(traces=first.traces)
    beyond = Trace(sample_id=second.sample.id, turn=1, stages=STAGES, provenance=BY)
    doubled = second._replace(traces=second.traces * 2)
    for items, reason in [
        ([second, first], "sort by the ids' code points"),
        ([first, first], "sort by the ids' code points"),
        ([first, leak], "is in train, source/train/0001 in test"),
        ([first, stranger], "not its own"),
        ([second._replace(traces=(beyond,))], "not its own"),
        ([doubled], "not its own"),
    ]:
        with pytest.raises(ValueError, match=reason):
            build(items, out, "jsonl", store.path, {}, {})
        assert beside(out) == []


def test_memory_does_not_grow_with_the_images(tmp_path, out, monkeypatch):
    monkeypatch.setattr(_shards, "GROUP_BYTES", 2**20)
    store = Store(tmp_path, side=200)
    size = sum(store.path(it.sample.images[0]).stat().st_size for it in store.items(40))
    for name in ("jsonl", "parquet"):
        store.build(out, count=1, name=name)  # imports what it needs
        tracemalloc.start()
        store.build(out, count=40, name=name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < size / 2


# Failing


@pytest.mark.parametrize("name", ["jsonl", "llava", "parquet"])
@pytest.mark.parametrize("error", [RuntimeError("half way"), KeyboardInterrupt()])
def test_a_failure_half_way_leaves_what_was_there(name, error, store, out):
    store.build(out)
    before = contents(out)

    def interrupted():
        yield from store.items(5)
        raise error

    with pytest.raises(type(error)):
        build(interrupted(), out, name, store.path, {}, {})
    assert (contents(out), beside(out)) == (before, ["r1"])


def test_a_failure_of_the_last_rename_puts_the_earlier_release_back(store, out, monkeypatch):
    store.build(out)
    before = contents(out)
    rename = Path.rename

    def refuse(path, target):
        if ".partial-" in path.name:
            raise PermissionError(1, "Operation not permitted", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StoreError, match=r"Operation not permitted after [\d,]+ bytes of .*r1, which is as it was"):
        store.build(out, count=5)
    assert (contents(out), beside(out)) == (before, ["r1"])


LIMITED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_release import Store
from curation.errors import StoreError
limit = int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    Store(Path(sys.argv[1]), side=200).build(Path(sys.argv[2]), 20, sys.argv[3])
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize(("name", "limit"), [("parquet", 2_000_000), ("jsonl", 100_000)])
def test_a_limit_on_file_sizes_is_told_in_one_line(name, limit, store, out):
    store.build(out)
    before = contents(out)
    list(Store(store.folder, side=200).items(20))  # as under the limit they couldn't be written
    code = LIMITED.format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", code, str(store.folder), str(out), name, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "File too large after" in done.stdout
    assert f"bytes of {out}, which is as it was before; raise the limit" in done.stdout
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    assert (contents(out), beside(out)) == (before, ["r1"])


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)]
    if not shutil.which("mount") or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("name", ["jsonl", "llava", "parquet"])
def test_a_full_disk_is_told_in_one_line_and_given_back(name, store, small_disk):
    out = small_disk / "r1"
    store.build(out)
    before = contents(out)
    store.side = 200
    with pytest.raises(StoreError, match=r"No space left on device after [1-9][\d,]* bytes of .*; make room"):
        store.build(out, 40, name)
    assert (contents(out), beside(out)) == (before, ["r1"])
    assert shutil.disk_usage(small_disk).free > 1_000_000


# Crashes


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_release import Store
from curation.release import build
store = Store(Path(sys.argv[1]))
def items():
    yield from store.items(20)
    print("half way", flush=True)
    time.sleep(60)
build(items(), Path(sys.argv[2]), "jsonl", store.path, {{}}, {{}})
"""


def test_a_build_that_is_killed_leaves_what_was_there_and_the_next_one_cleans_up(store, out):
    store.build(out)
    before = contents(out)
    code = KILLED.format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", code, str(store.folder), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"half way\n"
        with pytest.raises(UsageError, match=f"another process is writing {out} .*partial-{process.pid}"):
            store.build(out)
        process.send_signal(signal.SIGKILL)
    assert (contents(out), beside(out)) == (before, [f".r1.partial-{process.pid}", "r1"])
    store.build(out, count=4)
    assert (len(list(jsonl.read(out))), beside(out)) == (4, ["r1"])


def test_a_crash_between_the_renames_is_mended_by_the_next_build(store, out):
    store.build(out)
    before = contents(out)
    out.rename(out.with_name(".r1.previous-99999"))
    with pytest.raises(ValueError, match="code points"):
        build([store.item(0)] * 2, out, "jsonl", store.path, {}, {})
    assert (contents(out), beside(out)) == (before, ["r1"])


def test_a_crash_after_the_renames_is_mended_by_the_next_build(store, out):
    store.build(out)
    shutil.copytree(out, out.with_name(".r1.previous-99999"))
    store.build(out, count=4)
    assert (len(list(jsonl.read(out))), beside(out)) == (4, ["r1"])


def test_a_folder_of_another_name_is_no_leftover(out):
    near = [".r1.partial-x", ".r10.partial-1", "r1.partial-1", ".rx1.partial-1"]
    for name in near:
        out.with_name(name).mkdir(parents=True)
    with staged(out) as folder:
        (folder / "file").touch()
    assert beside(out) == sorted([*near, "r1"])


def test_two_writers_of_one_folder_are_kept_apart(out):
    with staged(out), pytest.raises(UsageError, match="another process is writing"), staged(out):
        pass
    assert beside(out) == ["r1"]


def test_everything_is_synced_before_it_is_renamed(out, monkeypatch):
    synced = set()
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: synced.add(os.fstat(handle).st_ino) or fsync(handle))
    monkeypatch.setattr(staging, "_put_in_place", lambda partial, out: None)
    with staged(out) as folder:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "file").write_bytes(b"x")
        inodes = {path.stat().st_ino for path in [folder, *folder.rglob("*")]}
    assert synced == inodes


# Checking


@pytest.mark.parametrize("name", ["jsonl", "llava", "parquet"])
def test_a_flipped_byte_is_named_in_whichever_file_it_is(name, store, out):
    store.build(out, name=name)
    assert check(out) == []
    for path in [path for path in out.rglob("*") if path.is_file()]:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        faults = check(out)
        assert ("manifest" if path.name.startswith("manifest") else path.name) in faults[0]
        assert len(faults) == 1 or path.name == "manifest.json"
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    assert check(out) == []


def test_a_flipped_byte_anywhere_in_the_manifest_is_found(store, out):
    store.build(out, count=1, name="parquet")
    data = (out / "manifest.json").read_bytes()
    for place in range(0, len(data), 3):
        (out / "manifest.json").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert check(out)


def test_what_is_missing_extra_cut_or_replaced_is_named(store, out):
    manifest = store.build(out)
    first, second, third = (entry.path for entry in manifest.files if entry.path.startswith("images/"))
    (out / first).unlink()
    (out / second).write_bytes(b"")
    (out / third).unlink()
    (out / third).symlink_to("/etc/passwd")
    (out / "data" / "note.txt").touch()
    assert check(out) == [
        "data/note.txt: not in manifest.json",
        f"{first}: missing",
        f"{second}: 0 bytes, {manifest.files[2].bytes:,} were written",
        f"{third}: not a file of its own",
    ]


def test_a_manifest_that_leads_out_of_the_folder_opens_nothing(store, out, monkeypatch):
    manifest = store.build(out)
    entry = manifest.files[0].model_copy(update={"path": "../../images"})
    release._write_manifest(out, manifest.model_copy(update={"files": (entry, *manifest.files[1:])}))
    assert check(out) == ["../../images: missing", f"{manifest.files[0].path}: not in manifest.json"]


def test_a_folder_whose_manifest_can_not_be_used_says_so(store, out, tmp_path):
    assert check(tmp_path) == [f"{tmp_path} is not a release: it has no manifest.json"]
    manifest = store.build(out)
    for changes, reason in [
        ({"format_version": 8}, "version 8 of the format jsonl is not known here, version 1 is"),
        ({"format": "jsonx"}, "did you mean 'jsonl'"),
        ({"kind": "run"}, "the manifest of a run, not of a release"),
    ]:
        release._write_manifest(out, manifest.model_copy(update=changes))
        (fault,) = check(out)
        assert reason in fault
    (out / "manifest.json").write_bytes(b"{")
    assert check(out) == [f"{out}/manifest.json is not a manifest, or it is damaged"]
    with pytest.raises(DataError):
        read_manifest(out)
    with pytest.raises(MissingError):
        read_manifest(out / "nowhere")


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum here")
def test_the_manifest_can_be_checked_without_this_project(store, out):
    store.build(out)
    subprocess.run(["sha256sum", "--check", "--strict", "manifest.sha256"], cwd=out, check=True, capture_output=True)


# Splits


DIGESTS = st.sampled_from([digest_bytes(bytes([n])) for n in range(12)])
SAMPLES = st.dictionaries(st.text("abc", min_size=1, max_size=4), st.lists(DIGESTS, max_size=3), max_size=12)
SINGLE = st.dictionaries(st.text("xyz", min_size=1, max_size=4), st.lists(DIGESTS, max_size=1), max_size=8)
THREE = (0.5, 0.25, 0.25)


@given(samples=SAMPLES, seed=st.integers())
def test_no_image_is_in_two_splits(samples, seed):
    splits = assign_splits(samples.items(), THREE, seed)
    assert splits.keys() == samples.keys()
    assert set(splits.values()) <= {"train", "validation", "test"}
    where = {}
    for sample_id, digests in samples.items():
        for digest in digests:
            assert where.setdefault(digest, splits[sample_id]) == splits[sample_id]


@given(samples=SAMPLES, added=SINGLE, seed=st.integers(0, 3))
def test_records_that_link_nothing_move_nothing(samples, added, seed):
    before = assign_splits(samples.items(), THREE, seed)
    after = assign_splits((added | samples).items(), THREE, seed)
    assert {sample_id: after[sample_id] for sample_id in samples} == before


@given(samples=SAMPLES, seed=st.integers(0, 3), shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(samples, seed, shuffle):
    shuffled = list(samples.items())
    shuffle.shuffle(shuffled)
    assert assign_splits(shuffled, THREE, seed) == assign_splits(samples.items(), THREE, seed)


def test_splits_have_about_the_sizes_asked_for_and_depend_on_the_seed():
    samples = [(f"s/t/{number}", [digest_bytes(str(number).encode())]) for number in range(4000)]
    splits = assign_splits(samples, (0.8, 0.15, 0.05), 0)
    sizes = {name: list(splits.values()).count(name) / 4000 for name in ("train", "validation", "test")}
    assert sizes == pytest.approx({"train": 0.8, "validation": 0.15, "test": 0.05}, abs=0.02)
    assert assign_splits(samples, (0.8, 0.15, 0.05), 1) != splits


@pytest.mark.parametrize(
    ("fractions", "names"),
    [
        ((1,), {"train"}),
        ((0.5, 0.5), {"train", "test"}),
        ((0.5, 0, 0.5), {"train", "test"}),
        ((0, 1, 0), {"validation"}),
        ((0.7, 0.2, 0.1), {"train", "validation", "test"}),
    ],
)
def test_fractions_name_the_splits(fractions, names):
    splits = assign_splits([(f"s/t/{number}", []) for number in range(200)], fractions, 0)
    assert set(splits.values()) == names


@pytest.mark.parametrize("fractions", [(), (0.5,), (0.9, 0.2), (1.2, -0.2), (float("nan"), 1), (0.25,) * 4])
def test_fractions_that_are_not_parts_of_one_are_refused(fractions):
    with pytest.raises(UsageError, match="fractions"):
        assign_splits([], fractions, 0)
