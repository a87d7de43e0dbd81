"""A release under hard circumstances, end to end: two at once, and a disk that fills half way."""

import asyncio
import io
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from curation import pull, push, release
from curation.errors import UsageError
from curation.images import inspect
from curation.store import Store
from curation.store.steps import StoredTrace, put_samples, put_traces
from schemas.sample import Sample, Turn
from tests.hub_server import WARNED, hub_of_this_process
from tests.records import trace
from tests.release_items import contents, image_folder, records
from tests.workbench import here

REPO = "lab/counts"


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """Releases that have images in common."""
    folder, store = tmp_path_factory.mktemp("releases"), image_folder(tmp_path_factory.mktemp("store"))
    release.build(records(), folder / "one", "jsonl", store, {}, {})
    release.build(records()[:4], folder / "two", "jsonl", store, {}, {})
    release.build(records()[2:5], folder / "three", "jsonl", store, {}, {})
    return folder


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_of_this_process(monkeypatch, tmp_path) as served:
        yield served


def pushed(folder):
    return push.run(config=push.Config(release=folder, repo=REPO, accept_licence=True))


def pulled(out):
    return pull.run(config=pull.Config(repo=REPO, out=out, workspace=out.parent))


def between(hub, asked, folder):
    """Let a whole push of the folder take place before the next request of this kind is answered."""

    async def happens(request):
        await asyncio.to_thread(pushed, folder)
        return await hub.commit(request) if request.method == "POST" else await hub.resolve(request)

    hub.fail(asked, happens)


@pytest.mark.filterwarnings(WARNED)
@pytest.mark.parametrize(
    ("before", "slower", "quicker"),
    [("", "one", "one"), ("", "one", "two"), ("two", "one", "one"), ("three", "one", "two")],
)
def test_of_two_pushes_at_once_one_is_whole_and_the_other_is_told(hub, releases, tmp_path, before, slower, quicker):
    if before:
        pushed(releases / before)
    between(hub, "POST .*/commit/", releases / quicker)
    with pytest.raises(UsageError, match="somebody else pushed to lab/counts meanwhile"):
        pushed(releases / slower)
    pulled(tmp_path / "back")
    assert contents(tmp_path / "back") == contents(releases / quicker)
    again = pushed(releases / slower)
    assert bool(again.changes) == (slower != quicker)
    assert len(hub.repositories[REPO].tags) == len({before, slower, quicker} - {""})


@pytest.mark.filterwarnings(WARNED)
def test_what_is_pulled_while_others_push_is_one_release(hub, releases, tmp_path):
    pushed(releases / "one")
    between(hub, "GET .*/resolve/.*jsonl", releases / "two")
    pulled(tmp_path / "back")
    assert contents(tmp_path / "back") == contents(releases / "one")
    pulled(tmp_path / "back")
    assert contents(tmp_path / "back") == contents(releases / "two")


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(disk)]
    if not shutil.which("mount") or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def filled(workspace, count):
    """Make a workspace of traces, with a picture of 200 kB each."""
    rng = np.random.default_rng(count)
    with Store.open(workspace, create=True) as store:
        for number in range(count):
            buffer = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (260, 256, 3), np.uint8)).save(buffer, "PNG", compress_level=0)
            image = inspect(buffer.getvalue())
            store.images.put(image)
            asked = Sample(id=f"s/train/{number}", images=(image.ref,), turns=(Turn(question="?"),))
            store.write(put_samples, [asked])
            store.write(put_traces, [StoredTrace(trace(asked.id).trace, "e")])


@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize("format_", ["parquet", "jsonl", "webdataset"])
def test_a_disk_that_fills_half_way_leaves_the_workspace_and_the_earlier_release(small_disk, format_):
    workspace, out = small_disk / "workspace", small_disk / "release"
    filled(workspace, 20)
    export = ("export", "--workspace", workspace, "--select", "all", "--out", out, "--format")
    assert here(*export, "csv").returncode == 0
    before = contents(out)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 1_000_000))
    done = here(*export, format_)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "No space left on device after" in done.stderr
    assert contents(out) == before
    assert sorted(path.name for path in small_disk.iterdir()) == ["ballast", "release", "workspace"]
    ballast.unlink()
    shutil.rmtree(out)
    assert here(*export, format_).returncode == 0
    assert here("release", "verify", out).returncode == 0
