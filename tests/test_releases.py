"""`release verify` and `release diff`: what a changed release is found out by, and what differs between two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curation import registry
from curation.errors import MissingError
from curation.release import build
from curation.releases import proving
from curation.releases.commands import diff, verify
from schemas.digest import digest_bytes
from schemas.sample import Turn
from tests.release_items import REFS, image_folder, item, records, records_for, trace

READABLE = ["jsonl", "parquet", "webdataset"]


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


def signed(folder):
    """Bring the manifest's files, and its own digest, to what is in the folder: a careful forger's work."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["files"]:
        data = (folder / entry["path"]).read_bytes()
        entry |= {"bytes": len(data), "digest": digest_bytes(data)}
    path.write_text(json.dumps(manifest))
    digest = digest_bytes(path.read_bytes()).removeprefix("sha256:")
    (folder / "manifest.sha256").write_text(f"{digest}  manifest.json\n")


@pytest.mark.parametrize("name", registry.names("exports"))
def test_every_format_is_what_was_built(name, tmp_path, store):
    build(records_for(name), tmp_path / "out", name, store, {}, {})
    report = verify(tmp_path / "out")
    assert (report.faults, report.exit_code) == ([], 0)
    assert report.counted == (name in READABLE)


@pytest.mark.parametrize("name", registry.names("exports"))
def test_a_flipped_byte_is_named(name, tmp_path, store):
    build(records_for(name), tmp_path / "out", name, store, {}, {})
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and not path.name.startswith("manifest")]
    largest = max(files, key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    report = verify(tmp_path / "out")
    assert report.exit_code == 1
    assert str(largest.relative_to(tmp_path / "out")) in report.faults[0]


@pytest.mark.parametrize(("name", "file"), [("jsonl", "data/train.jsonl"), ("webdataset", "train-000000.tar")])
def test_records_that_are_gone_are_missed_although_the_digests_are_right(name, file, tmp_path, store):
    out = tmp_path / "out"
    build(records(), out, name, store, {}, {})
    build([it for it in records() if it.sample.source != "chartqa"], tmp_path / "less", name, store, {}, {})
    (out / file).write_bytes((tmp_path / "less" / file).read_bytes())
    signed(out)
    assert "traces_by_source of chartqa: 0 are there, the manifest says 2" in list(proving.faults(out))


def test_rows_that_are_gone_from_parquet_are_missed(tmp_path, store):
    out = tmp_path / "out"
    items = [it._replace(split="train") for it in records() if len(it.sample.images) < 2]
    build(items, out, "parquet", store, {}, {})
    (path,) = (out / "data").iterdir()
    pq.write_table(pq.read_table(path).slice(1), path)
    signed(out)
    assert "samples of train: 6 are there, the manifest says 7" in list(proving.faults(out))


@pytest.mark.parametrize("name", ["parquet", "messages", "webdataset"])
def test_an_image_inside_a_file_is_held_against_its_digest(name, tmp_path, store):
    out = tmp_path / "out"
    items = [item("a/train/1", (Turn(question="?"),), REFS[:1])]
    build(items, out, name, store, {}, {})
    path = next(path for path in out.rglob("*") if path.suffix in {".parquet", ".tar"})
    shown, instead = store(REFS[0]).read_bytes(), bytearray(store(REFS[0]).read_bytes())
    instead[-1] ^= 1
    assert path.read_bytes().count(shown) == 1
    path.write_bytes(path.read_bytes().replace(shown, bytes(instead)))
    signed(out)
    (fault,) = proving.faults(out)
    assert path.name in fault
    assert "image" in fault


def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path, store):
    out = tmp_path / "out"
    build(records(), out, "llava", store, {}, {})
    image = next((out / "image").rglob("*.png"))
    image.write_bytes(image.read_bytes() + b"\0")
    signed(out)
    assert list(proving.faults(out)) == [f"{image.relative_to(out)}: its content is not what its name says"]


def test_what_is_no_release_is_told(tmp_path):
    with pytest.raises(MissingError, match=r"is not a release: it has no manifest\.json"):
        verify(tmp_path)


@pytest.mark.parametrize("name", READABLE)
def test_a_difference_names_what_became_of_each_sample(name, tmp_path, store):
    train = [it._replace(split="train") for it in records()]
    build(train, tmp_path / "a", name, store, {"seed": 1}, {})
    changed = train[1:]
    changed[0] = changed[0]._replace(traces=(trace("chartqa/train/2", conclusion="C"),))
    changed[1] = item("geoqa/train/二", (Turn(question="Another?"),), REFS[1:2], split="train")
    changed[2] = changed[2]._replace(split="test")
    changed[3] = item("pisc/val/b", changed[3].sample.turns, (), split="train")
    changed.append(item("zeta/test/3", (Turn(question="?"),), (), split="train"))
    build(changed, tmp_path / "b", name, store, {"seed": 2}, {})
    report = diff(tmp_path / "a", tmp_path / "b")
    assert [(change.what, change.sample_id) for change in report.named] == [
        ("removed", "chartqa/train/1"),
        ("traces changed", "chartqa/train/2"),
        ("sample changed", "geoqa/train/二"),
        ("moved to another split", "pisc/val/a"),
        ("sample changed", "pisc/val/b"),
        ("added", "zeta/test/3"),
    ]
    assert ("config.seed", 1, 2) in report.settings
    assert diff(tmp_path / "a", tmp_path / "a").lines() == ["Both hold the same records."]


def test_formats_that_cant_be_read_are_compared_by_their_manifests(tmp_path, store):
    build(records(), tmp_path / "a", "llava", store, {"seed": 1}, {})
    build(records()[1:], tmp_path / "b", "llava", store, {"seed": 1}, {})
    report = diff(tmp_path / "a", tmp_path / "b")
    assert not report.comparable
    assert "counts.traces_by_source.chartqa" in [setting.name for setting in report.settings]


def test_both_commands_work_from_the_command_line(tmp_path, store):
    build(records(), tmp_path / "a", "jsonl", store, {}, {})
    command = [sys.executable, "-m", "curation", "release"]
    where = {"cwd": Path(__file__).parents[1], "env": os.environ, "capture_output": True, "text": True}
    done = subprocess.run([*command, "verify", str(tmp_path / "a")], check=False, **where)
    assert (done.returncode, "is what was built" in done.stdout) == (0, True)
    done = subprocess.run([*command, "diff", str(tmp_path / "a"), str(tmp_path / "a"), "--json"], check=False, **where)
    assert json.loads(done.stdout)["changes"] == {}
