"""`pull`: releases come back from a local Hub as they were built, into a folder or into a workspace."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import select

from curation import export, pull, push, release
from curation.__main__ import main
from curation.errors import DataError, MissingError, StoppedError, StoreError, UsageError
from curation.releases.commands import verify
from curation.store import Store
from curation.store.steps import StoredTrace, put_samples, put_traces
from curation.store.tables import samples, traces
from schemas.sample import Turn
from tests.hub_server import EXPIRED, WARNED, WRITER, answer, drop, half, hub_of_this_process
from tests.processes import STRICT
from tests.release_items import PICTURES, REFS, contents, image_folder, item, records, trace

REPO = "lab/counts"
pytestmark = [pytest.mark.filterwarnings(WARNED), pytest.mark.usefixtures("sqlite")]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_of_this_process(monkeypatch, tmp_path) as served:
        yield served


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


def published(items, folder: Path, store, name="jsonl") -> Path:
    """Build a release, and push it."""
    release.build(items, folder, name, store, {}, {})
    push.run(config=push.Config(release=folder, repo=REPO, accept_licence=True))
    return folder


def pulled(workspace: Path, **flags) -> pull.PullReport:
    return pull.run(config=pull.Config(repo=REPO, workspace=workspace, **flags))


def refused(error, workspace: Path, **flags) -> str:
    with pytest.raises(error) as caught:
        pulled(workspace, **flags)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def filled(workspace: Path) -> Path:
    """Make a workspace with all records, as if they had been annotated in it."""
    with Store.open(workspace, create=True) as opened:
        for image in PICTURES:
            opened.images.put(image)
        with opened.writing() as connection:
            put_samples(connection, [it.sample for it in records()])
            put_traces(connection, [StoredTrace(each, None) for it in records() for each in it.traces])
    return workspace


def exported(workspace: Path, out: Path, name: str) -> Path:
    export.run(config=export.Config(workspace=workspace, out=out, format=name, select="all", splits=(0.5, 0.25, 0.25)))
    return out


def stored(workspace: Path) -> tuple[dict, dict]:
    """The records of a workspace."""
    with Store.open(workspace) as opened, opened.snapshot() as connection:
        rows = [connection.execute(select(table.c.id, table.c.record)).all() for table in (samples, traces)]
    known, traced = ({row.id: json.loads(row.record) for row in each} for each in rows)
    return known, traced


@pytest.mark.parametrize("name", ["jsonl", "parquet", "webdataset"])
def test_build_verify_push_pull_verify_ends_with_the_same_bytes(hub, tmp_path, capsys, name):
    ours, theirs, built = filled(tmp_path / "ours"), tmp_path / "theirs", tmp_path / "built"
    exported(ours, built, name)
    assert main(["release", "verify", str(built)]) == 0
    assert main(["push", "--release", str(built), "--repo", REPO, "--accept-licence", "--tag", "v1"]) == 0
    back = tmp_path / "back"
    assert main(["pull", "--repo", REPO, "--revision", "v1", "--out", str(back)]) == 0
    assert main(["release", "verify", str(back)]) == 0
    assert contents(back) == contents(built)
    assert main(["pull", "--repo", REPO, "--revision", "v1", "--workspace", str(theirs)]) == 0
    assert main(["release", "verify", str(theirs / "releases" / "lab--counts")]) == 0
    assert stored(theirs) == stored(ours)
    assert contents(exported(theirs, tmp_path / "again", name)) == contents(built)
    said = capsys.readouterr()
    assert said.err == ""
    assert WRITER not in said.out


def test_the_command_line_talks_to_the_hub_that_the_environment_names(hub, tmp_path, store):
    release.build(records(), tmp_path / "built", "parquet", store, {}, {})
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    settings = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path), "HF_TOKEN": WRITER}
    done = subprocess.run(
        [*STRICT, "-W", WARNED, "-m", "curation", "push", "--release", "built", "--repo", REPO, "--accept-licence"],
        cwd=tmp_path, env=inherited | settings | {"NO_PROXY": "*", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{hub.endpoint}/datasets/{REPO} (private): " in done.stdout
    assert WRITER not in done.stdout
    assert (hub.asked("GET .*/xet-write-token/main"), hub.asked("PUT /storage/") > 0) == (1, True)
    pulled(tmp_path, out=tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tmp_path / "built")


# Into a folder


@pytest.mark.parametrize("name", ["messages", "llava", "csv"])
def test_every_format_can_be_downloaded(hub, tmp_path, store, name):
    built = published(records(), tmp_path / "built", store, name)
    report = pulled(tmp_path / "w", out=tmp_path / "back")
    assert contents(tmp_path / "back") == contents(built)
    assert (report.downloaded, report.into_workspace) == (True, False)
    assert not (tmp_path / "w").exists()
    assert verify(tmp_path / "back").faults == []


def test_what_is_there_is_not_downloaded_again(hub, tmp_path, store):
    published(records(), tmp_path / "built", store)
    pulled(tmp_path, out=tmp_path / "back")
    before = len(hub.requests)
    assert not pulled(tmp_path, out=tmp_path / "back").downloaded
    assert not any("/resolve/" in line for line in hub.requests[before:])


def test_what_was_changed_there_is_brought_back(hub, tmp_path, store):
    built = published(records(), tmp_path / "built", store)
    pulled(tmp_path, out=tmp_path / "back")
    (tmp_path / "back" / "data" / "train.jsonl").write_text("")
    assert pulled(tmp_path, out=tmp_path / "back").downloaded
    assert contents(tmp_path / "back") == contents(built)


def test_a_tag_names_its_release_although_others_followed(hub, tmp_path, store):
    built = published(records(), tmp_path / "built", store)
    digest = release.file_digest(built / "manifest.json").removeprefix("sha256:")
    published(records()[:3], tmp_path / "later", store)
    pulled(tmp_path, out=tmp_path / "back", revision=f"release-{digest[:12]}")
    assert contents(tmp_path / "back") == contents(built)


def test_a_folder_that_is_no_release_is_left_alone(hub, tmp_path, store):
    published(records(), tmp_path / "built", store)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("…")
    assert "is not a release" in refused(UsageError, tmp_path, out=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_a_card_comes_with_the_release_and_what_else_the_repository_has_does_not(hub, tmp_path, store):
    hub.upload(REPO, {"README.md": b"# About"})
    built = published(records(), tmp_path / "built", store)
    pulled(tmp_path, out=tmp_path / "back")
    assert contents(tmp_path / "back") == contents(built) | {Path("README.md"): b"# About"}


# Into a workspace


def test_pulling_twice_brings_nothing_new(hub, tmp_path, store):
    published(records(), tmp_path / "built", store)
    first = pulled(tmp_path / "w")
    before = stored(tmp_path / "w")
    again = pulled(tmp_path / "w")
    assert (first.samples, first.traces, first.rejected, first.already) == (9, 11, 3, 0)
    assert (again.samples, again.traces, again.rejected, again.already) == (0, 0, 0, 23)
    assert stored(tmp_path / "w") == before


def test_what_a_workspace_has_stays_as_it_is(hub, tmp_path, store):
    theirs = item("a/train/1", (Turn(question="Theirs?"), Turn(question="And?")), REFS[:1])
    ours = item("a/train/1", (Turn(question="Ours?"),), REFS[:1])
    other = item("a/train/2", (Turn(question="Other?"),), REFS[1:2])
    published([theirs, other], tmp_path / "built", store)
    with Store.open(tmp_path / "w", create=True) as opened, opened.writing() as connection:
        put_samples(connection, [ours.sample])
    report = pulled(tmp_path / "w")
    assert (report.differing, report.exit_code) == (["a/train/1"], 1)
    assert (report.samples, report.traces) == (1, 1)
    known, traced = stored(tmp_path / "w")
    assert known["a/train/1"] == ours.sample.model_dump(mode="json")
    assert list(traced) == [trace("a/train/2").id]


def test_a_format_that_loses_something_is_for_a_folder_only(hub, tmp_path, store):
    published(records(), tmp_path / "built", store, "messages")
    before = len(hub.requests)
    message = refused(UsageError, tmp_path / "w")
    assert "has the format messages, which a workspace can't take back: --out DIR downloads it" in message
    assert not any("parquet" in line for line in hub.requests[before:] if "resolve" in line)
    assert not (tmp_path / "w" / "curation.db").exists()


def test_an_image_that_is_not_what_its_record_says_is_refused(hub, tmp_path, store):
    wrong = REFS[0].model_copy(update={"width": 9})
    published([item("a/train/1", (Turn(question="?"),), (wrong,))], tmp_path / "built", store)
    assert "is not what its record says" in refused(DataError, tmp_path / "w")
    assert stored(tmp_path / "w") == ({}, {})


# What goes wrong


@pytest.mark.parametrize("name", ["jsonl", "webdataset", "parquet"])
def test_a_damaged_download_is_refused_and_nothing_is_kept(hub, tmp_path, store, name):
    published(records(), tmp_path / "built", store, name)
    digest, data = max(hub.objects.items(), key=lambda each: len(each[1]))
    hub.objects[digest] = data[:-1] + bytes([data[-1] ^ 1])
    for flags in ({"out": tmp_path / "back"}, {}):
        message = refused(DataError, tmp_path / "w", **flags)
        assert "its content is not what was written" in message or "is not what its name says" in message
    assert not (tmp_path / "back").exists()
    assert not (tmp_path / "w" / "curation.db").exists()
    assert list(tmp_path.rglob("*partial*")) == []


def test_a_missing_file_is_refused_and_the_earlier_release_stays(hub, tmp_path, store):
    published(records()[:3], tmp_path / "earlier", store)
    pulled(tmp_path, out=tmp_path / "back")
    published(records(), tmp_path / "built", store)
    repository = hub.repositories[REPO]
    repository.commit("main", {path: blob for path, blob in repository.head().items() if path != "data/test.jsonl"})
    assert "data/test.jsonl: missing" in refused(DataError, tmp_path, out=tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tmp_path / "earlier")


def test_a_repository_that_is_no_release_is_told(hub, tmp_path):
    hub.upload(REPO, {"data.csv": b"a,b\n"})
    assert "holds no release at main: it has no manifest.json" in refused(DataError, tmp_path)


def test_a_release_can_write_nowhere_else(hub, tmp_path, store):
    built = published(records()[:3], tmp_path / "built", store)
    manifest = json.loads((built / "manifest.json").read_text())
    manifest["files"].append({"path": "../evil", "bytes": 1, "digest": "sha256:0"})
    files = {path.as_posix(): data for path, data in contents(built).items()}
    hub.upload(REPO, files | {"manifest.json": json.dumps(manifest).encode(), "../evil": b"x"})
    assert refused(MissingError, tmp_path, out=tmp_path / "in" / "back").startswith("the Hub's client gives up: ")
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("flags", [{}, {"revision": "v9"}])
def test_what_is_not_there_is_told(hub, tmp_path, store, flags):
    if flags:
        published(records()[:3], tmp_path / "built", store)
    revision = flags.get("revision", "main")
    expected = f"there is no lab/counts with a revision {revision}, or HF_TOKEN may not see it"
    assert refused(MissingError, tmp_path / "w", **flags) == expected


def test_a_private_release_needs_a_token(hub, tmp_path, store, monkeypatch):
    published(records()[:3], tmp_path / "built", store)
    monkeypatch.delenv("HF_TOKEN")
    assert "or HF_TOKEN may not see it" in refused(MissingError, tmp_path / "w")
    monkeypatch.setenv("HF_TOKEN", EXPIRED)
    assert refused(MissingError, tmp_path / "w").startswith("the Hub does not take the token (401")


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, tmp_path, store):
    built = published(records(), tmp_path / "built", store)
    digest, data = max(hub.objects.items(), key=lambda each: len(each[1]))
    hub.fail(f"GET /storage/{digest}", half(data))
    pulled(tmp_path, out=tmp_path / "back")
    assert contents(tmp_path / "back") == contents(built)
    assert hub.asked(f"GET /storage/{digest}") == 2


def test_a_network_that_stays_lost_is_told(hub, tmp_path, store):
    published(records(), tmp_path / "built", store)
    hub.fail("/storage/|/resolve/.*jsonl", drop, times=10_000)
    assert refused(StoppedError, tmp_path / "w").startswith("the connection to the Hub broke off (")
    assert list((tmp_path / "w" / "releases").iterdir()) == []


def test_a_hub_that_is_not_well_is_told(hub, tmp_path, store):
    published(records()[:3], tmp_path / "built", store)
    hub.fail("GET .*/tree/", answer(503), times=10_000)
    assert refused(StoppedError, tmp_path / "w").startswith("the Hub is not well (503)")


def test_a_full_disk_is_told(hub, tmp_path, store, monkeypatch):
    published(records()[:3], tmp_path / "built", store)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    assert "No space left on device" in refused(StoreError, tmp_path / "w")
    assert list((tmp_path / "w" / "releases").iterdir()) == []
