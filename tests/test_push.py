"""`push`: the real client of the Hub publishes releases on a local server that speaks the Hub's HTTP API."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from curation import push, release
from curation.errors import DataError, MissingError, StoppedError, UsageError
from curation.hub.changes import Local, Remote, changes
from curation.push import Config, PushReport
from curation.releases import leaks as leaking
from curation.releases.leaks import leaks
from curation.releases.licences import restricted
from schemas.sample import Turn
from tests.hub_server import EXPIRED, READER, WARNED, WRITER, answer, drop, hub_of_this_process
from tests.release_items import REFS, contents, image_folder, item, records

REPO = "lab/counts"
pytestmark = pytest.mark.filterwarnings(WARNED)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def releases(tmp_path_factory, store):
    """Two releases: of all records under a free licence, and of some of them."""
    folder = tmp_path_factory.mktemp("releases")
    free = licensed(records(), "CC-BY-4.0")
    release.build(free, folder / "one", "jsonl", store, {}, {})
    release.build(free[:4], folder / "two", "jsonl", store, {}, {})
    return folder


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_of_this_process(monkeypatch, tmp_path) as served:
        yield served


@pytest.fixture
def one(releases) -> Path:
    return releases / "one"


def licensed(items, licence):
    return [it._replace(sample=it.sample.model_copy(update={"licence": licence})) for it in items]


def pushed(folder: Path, **flags) -> PushReport:
    return push.run(config=Config(release=folder, repo=REPO, **flags))


def held(hub, branch="main") -> dict[Path, bytes]:
    """What the repository's branch holds, the Hub's own file apart."""
    files = hub.repositories[REPO].head(branch)
    return {Path(path): hub.data(blob) for path, blob in files.items() if path != ".gitattributes"}


def refused(error, folder, **flags) -> str:
    with pytest.raises(error) as caught:
        pushed(folder, **flags)
    assert "\n" not in str(caught.value)
    assert not any(token in str(caught.value) for token in (WRITER, READER, EXPIRED))
    return str(caught.value)


# What is done


def test_a_release_is_published_as_it_is_in_one_commit_private_and_tagged(hub, one):
    report = pushed(one)
    repository = hub.repositories[REPO]
    assert held(hub) == contents(one)
    assert repository.private
    assert report.created
    assert hub.asked("POST .*/commit/") == 1
    digest = release.file_digest(one / "manifest.json").removeprefix("sha256:")
    assert repository.tags == {f"release-{digest[:12]}": report.commit}
    assert report.commit == repository.branches["main"]


def test_tokens_are_not_sent_to_the_storage(hub, one):
    pushed(one)
    assert hub.objects
    assert hub.tokens_at_storage == []


def test_a_dry_run_sends_nothing_and_needs_no_token(hub, one, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    report = pushed(one, dry_run=True)
    assert {change.path for change in report.changes} == {str(path) for path in contents(one)}
    assert sum(change.bytes for change in report.changes) == sum(map(len, contents(one).values()))
    assert hub.repositories == {}
    assert all(line.startswith("GET ") for line in hub.requests)
    assert (
        f"Nothing was sent. Without --dry-run this goes to a new private data set {hub.endpoint}/" in report.lines()[-1]
    )


def test_a_dry_run_says_what_is_new_changed_and_removed(hub, releases):
    pushed(releases / "one")
    before = len(hub.requests)
    report = pushed(releases / "two", dry_run=True)
    there, coming = contents(releases / "one"), contents(releases / "two")
    found = {kind: {Path(c.path) for c in report.changes if c.what == kind} for kind in ("new", "changed", "removed")}
    assert found["removed"] == there.keys() - coming.keys()
    assert found["changed"] == {path for path in coming.keys() & there.keys() if coming[path] != there[path]}
    assert found["new"] == coming.keys() - there.keys()
    assert report.same == len(coming) - len(found["changed"])
    assert all(line.startswith(("GET ", "POST /api/datasets/lab/counts/paths-info")) for line in hub.requests[before:])


def test_pushing_again_changes_nothing(hub, one):
    first = pushed(one)
    commits, before = dict(hub.repositories[REPO].commits), len(hub.requests)
    again = pushed(one)
    assert hub.repositories[REPO].commits == commits
    assert (again.commit, again.changes, again.tagged) == (first.commit, [], False)
    assert again.lines() == [f"{again.url} holds this release already, as {again.tag}: nothing was changed."]
    assert not any("/commit/" in line or "/lfs/" in line for line in hub.requests[before:])


def test_of_another_release_only_what_differs_is_sent(hub, releases):
    first = pushed(releases / "one")
    objects = set(hub.objects)
    second = pushed(releases / "two")
    assert held(hub) == contents(releases / "two")
    assert set(hub.objects) == objects  # the images were all there
    assert set(hub.repositories[REPO].tags) == {first.tag, second.tag}


def test_large_files_go_in_parts(hub, one):
    hub.part_bytes = 100
    pushed(one)
    assert held(hub) == contents(one)
    assert hub.asked("PUT /storage/[0-9a-f]{64}/2") > 0


def test_a_branch_is_made(hub, releases):
    pushed(releases / "one")
    pushed(releases / "two", revision="trial")
    assert held(hub) == contents(releases / "one")
    assert held(hub, "trial") == contents(releases / "two")


def test_a_card_that_was_written_on_the_hub_stays(hub, one):
    hub.upload(REPO, {"README.md": b"# About"})
    pushed(one)
    assert held(hub) == contents(one) | {Path("README.md"): b"# About"}


# What is refused before anything is sent


def test_what_is_not_what_was_built_is_refused(hub, one, tmp_path):
    for path, data in contents(one).items():
        (tmp_path / "bad" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bad" / path).write_bytes(data)
    (image,) = list((tmp_path / "bad" / "images").rglob("*.*"))[:1]
    image.write_bytes(image.read_bytes()[:-1] + b"\0")
    assert image.name in refused(DataError, tmp_path / "bad")
    assert hub.requests == []


def test_another_repository_is_not_overwritten_unless_that_is_meant(hub, one):
    hub.upload(REPO, {"data.csv": b"a,b\n", "README.md": b"# Theirs"})
    message = refused(UsageError, one)
    assert "holds 1 files that are no release, such as data.csv" in message
    assert "--replace" in message
    pushed(one, replace=True)
    assert held(hub) == contents(one) | {Path("README.md"): b"# Theirs"}


def test_a_public_repository_is_pushed_to_only_on_purpose(hub, one):
    hub.upload(REPO, {}, private=False)
    assert "is public: --public says" in refused(UsageError, one)
    assert not pushed(one, public=True).private


def test_a_tag_is_never_moved(hub, releases):
    first = pushed(releases / "one", tag="v1")
    assert "has the tag v1 for another release" in refused(UsageError, releases / "two", tag="v1")
    assert held(hub) == contents(releases / "one")
    assert hub.repositories[REPO].tags == {"v1": first.commit}


@pytest.mark.parametrize("name", ["counts", "a/b/c", "lab/..", "lab/a b"])
def test_a_name_that_is_none_is_told(hub, one, name):
    with pytest.raises(UsageError):
        push.run(config=Config(release=one, repo=name))
    assert hub.requests == []


@pytest.mark.parametrize("name", ["jsonl", "parquet", "webdataset", "csv"])
def test_a_secret_is_found_in_every_format_and_not_shown(hub, tmp_path, store, name):
    secret = "hf_" + "Ab3" * 11
    said = item("a/train/1", (Turn(question=f"Is\n{secret} one?"),), REFS[:1])
    release.build(licensed([said], "MIT"), tmp_path / "out", name, store, {}, {})
    message = refused(DataError, tmp_path / "out")
    assert "a token of the Hub (hf_Ab3…)" in message
    assert secret[:10] not in message
    assert ("row 1" if name == "parquet" else "line ") in message
    assert hub.requests == []


@pytest.mark.parametrize(
    ("licence", "why"),
    [("CC-BY-NC-4.0", "non-commercial"), ("research and education only", "research only"), ("", "unknown")],
)
def test_a_licence_that_restricts_has_to_be_accepted(hub, tmp_path, store, licence, why):
    items = licensed(records()[:1], licence) + licensed(records()[1:3], "Apache-2.0")
    release.build(items, tmp_path / "out", "llava", store, {}, {})
    message = refused(UsageError, tmp_path / "out")
    assert f"1 samples under {licence or 'unknown'!r} ({why})" in message
    assert hub.requests == []
    assert pushed(tmp_path / "out", accept_licence=True).commit


def test_being_offline_is_told(hub, one, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert refused(MissingError, one) == "HF_HUB_OFFLINE is set: unset it to reach the Hub"


# What the Hub refuses


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (None, "the Hub asks who this is (401, Invalid username or password.): set HF_TOKEN, or log in with"),
        (EXPIRED, 'the Hub does not take the token (401, User Access Token "***" is expired): it is expired'),
        ("hf_nobody", "the Hub does not take the token (401, Invalid credentials in Authorization header)"),
        (READER, "the token has no right to this in lab/counts (403, You don't have the rights to do that.)"),
    ],
)
def test_a_token_that_does_not_do_is_told(hub, one, monkeypatch, token, expected):
    monkeypatch.delenv("HF_TOKEN")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    assert refused(MissingError, one).startswith(expected)
    assert hub.repositories == {}


@pytest.mark.parametrize(
    ("status", "message"),
    [(402, "Payment required"), (413, ""), (403, "Private repository storage limit reached, please upgrade your plan")],
)
@pytest.mark.parametrize("where", ["/commit/", "objects/batch"])
def test_no_room_is_told_and_nothing_is_half_there(hub, one, status, message, where):
    hub.fail(where, answer(status, message))
    assert refused(MissingError, one).startswith(f"the Hub has no room for lab/counts ({status}")
    assert held(hub) == {}
    assert pushed(one).tagged


def test_an_upload_that_broke_off_is_tried_again(hub, one):
    hub.fail("PUT /storage/", drop, times=3)
    hub.fail("PUT /storage/", answer(503), times=1)
    pushed(one)
    assert held(hub) == contents(one)
    assert hub.waits


def test_a_network_that_stays_lost_is_told_and_the_same_command_goes_on(hub, one):
    hub.fail("POST .*/commit/", drop)
    message = refused(StoppedError, one)
    assert message.startswith("the connection to the Hub broke off (")
    assert message.endswith("): run the same command again, nothing is sent twice")
    assert held(hub) == {}
    sent = hub.asked("PUT /storage/")
    pushed(one)
    assert held(hub) == contents(one)
    assert hub.asked("PUT /storage/") == sent


def test_uploads_that_never_succeed_are_given_up(hub, one):
    hub.fail("PUT /storage/", drop, times=10_000)
    assert refused(StoppedError, one).startswith("the connection to the Hub broke off (")
    assert held(hub) == {}


def test_a_commit_that_loses_a_race_leaves_the_other_whole(hub, releases):
    pushed(releases / "one")

    async def others(request):
        repository = hub.repositories[REPO]
        repository.commit("main", {path: blob for path, blob in repository.head().items() if "image" not in path})
        return await hub.commit(request)

    hub.fail("POST .*/commit/", others)
    message = refused(UsageError, releases / "two")
    assert message.startswith("somebody else pushed to lab/counts meanwhile (412, A commit has happened since.")
    assert held(hub) == {path: data for path, data in contents(releases / "one").items() if path.parts[0] != "images"}


def test_a_pause_that_the_hub_asks_for_is_told(hub, one):
    hub.fail("POST .*/commit/", answer(429, "We had to rate limit you", **{"Retry-After": "55"}))
    assert refused(StoppedError, one).startswith(
        "the Hub asks for a pause of 55 seconds (429, We had to rate limit you)"
    )


def test_a_pause_between_uploads_is_kept(hub, one):
    hub.fail("objects/batch", answer(429, **{"Retry-After": "7"}))
    pushed(one)
    assert hub.waits == [8.0]
    assert held(hub) == contents(one)


def test_a_hub_that_is_not_well_is_told(hub, one):
    hub.fail("POST .*/commit/", answer(503))
    assert refused(StoppedError, one).startswith("the Hub is not well (503)")


def test_what_a_gitignore_keeps_out_is_missed(hub, one):
    hub.upload(REPO, {"manifest.json": b"{}", ".gitignore": b"data/train.jsonl\n"})
    hub.fail("POST .*/commit/", hub.commit)
    # The file that keeps it out goes with this very commit, and so it is there the next time.
    assert "does not hold what was sent (data/train.jsonl)" in refused(DataError, one)
    pushed(one)
    assert held(hub) == contents(one)


# The parts


def test_changes_are_told_by_digests_alone(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"hello\n")
    one = Local(path, 6, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
    git = Remote(6, "ce013625030ba8dba906f756967f9e9ca394464a", None)  # of `git hash-object`
    stored = Remote(6, "", one.sha256)
    local = {"new": one, "same": one, "stored": one, "other": one, "longer": one}
    remote = {"same": git, "stored": stored, "other": git._replace(blob="0"), "longer": git._replace(bytes=7)}
    found = {path: what for what, path, _ in changes(local, remote | {"old": git, "README.md": git})}
    there = {"new": "new", "same": "same", "stored": "same", "other": "changed", "longer": "changed", "old": "removed"}
    assert found == there


SECRETS = {
    "hf_" + "aB1" * 12: "a token of the Hub",
    "sk-proj-" + "a1_B" * 10: "a key of a model's endpoint",
    "sk-" + "a1B2" * 8: "a key of a model's endpoint",
    "AKIA" + "ABCD" * 4: "a key of AWS",
    "ghp_" + "aB1" * 12: "a token of GitHub",
    "github_pat_" + "a1" * 12: "a token of GitHub",
    "-----BEGIN RSA PRIVATE KEY-----": "a private key",
    "/home/maria/data": "a path of a machine",
    "/Users/maria/data": "a path of a machine",
    "C:\\Users\\maria\\data": "a path of a machine",
    "/home/jürgen/data": "a path of a machine",
}
HARMLESS = (
    *("hf_short", "the task-list-of-things-1234567890", "sk-learn-compatible-estimators", "sk-", "AKIAshort"),
    *("https://example.org/home/page/1", "go /home now", "/home/", "Users: 3", "ftp://Users", "x_hf_" + "a1" * 20),
)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", ["", " ", "\n", '"', "图", "é\t"])
def test_what_is_secret_is_found_in_json_too(tmp_path, secret, before):
    (tmp_path / "a.jsonl").write_text("{}\n" + json.dumps({"t": f"see{before or '='}{secret}"}) + "\n")
    (tmp_path / "b.md").write_text(f"\n\n{before}{secret}", encoding="utf-8")
    found = leaks(tmp_path, 10)
    assert [leak.what for leak in found] == [SECRETS[secret]] * 2
    assert [leak.place for leak in found] == ["a.jsonl, line 2", f"b.md, line {4 if before == chr(10) else 3}"]
    assert all(len(leak.excerpt) <= 7 for leak in found)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_so_is_let_pass(tmp_path, text):
    (tmp_path / "a.md").write_text(f"see {text} there")
    assert leaks(tmp_path, 1) == []


def test_a_secret_between_two_pieces_is_found_once_at_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(leaking, "_PIECE", 1000)
    secret = "hf_" + "a1" * 20
    for place in range(980, 1020):
        (tmp_path / "a.csv").write_text("x" * (place - 1) + "\n" + secret + "\n" + "y\n" * 2000 + secret)
        assert [leak.place for leak in leaks(tmp_path, 10)] == ["a.csv, line 2", "a.csv, line 2003"]


def test_a_long_line_takes_linear_time(tmp_path):
    (tmp_path / "a.tsv").write_text("sk-" * 100_000 + "/home/" * 70_000 + ":\\" * 100_000 + "-----BEGIN " * 30_000)
    assert leaks(tmp_path, 1) == []


def test_texts_in_a_tar_are_read_and_pictures_are_not(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("1.json", "1.png"):
            entry = tarfile.TarInfo(name)
            entry.size = 12
            tar.addfile(entry, io.BytesIO(b"/home/maria/"))
    assert [leak.place for leak in leaks(tmp_path, 9)] == ["a.tar, 1.json, line 1"]


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        *(
            (name, None)
            for name in ("Apache-2.0", "MIT", "CC-BY-4.0", "cc-by-sa-4.0", "CC0-1.0", "GPL-3.0", "CC BY 4.0")
        ),
        ("Apache-2.0; photos: COCO's terms", None),
        *(
            (name, "non-commercial")
            for name in ("CC-BY-NC-4.0", "cc-by-nc-sa-4.0", "CC BY-NC 4.0", "Non-commercial use")
        ),
        *((name, "unknown") for name in ("not stated by its owners", "see zenodo.org", "proprietary", "CC-BY-ND-4.0")),
        ("research and education only, after registration", "research only"),
    ],
)
def test_licences_are_told_apart(tmp_path, store, licence, why):
    manifest = release.build(licensed(records()[:2], licence), tmp_path / "out", "csv", store, {}, {})
    assert [(each.why, each.samples) for each in restricted(manifest)] == ([(why, 2)] if why else [])


def test_of_a_release_from_before_licences_were_counted_nothing_is_known(tmp_path, store):
    manifest = release.build(records()[:2], tmp_path / "out", "csv", store, {}, {})
    counts = {name: count for name, count in manifest.counts.items() if name != "samples_by_licence"}
    older = manifest.model_copy(update={"counts": counts})
    assert [(each.why, each.samples) for each in restricted(older)] == [("unknown", 2)]
