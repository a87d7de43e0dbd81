"""The card on its way to the Hub and back: it goes with the release, and what people wrote there is not lost."""

from pathlib import Path

import pytest

from curation import pull, push, release
from curation.errors import DataError
from curation.releases import card
from schemas.sample import Turn
from tests.hub_server import WARNED, hub_of_this_process, small
from tests.release_items import REFS, contents, image_folder, item, records

REPO = "lab/counts"
pytestmark = [pytest.mark.filterwarnings(WARNED), pytest.mark.usefixtures("sqlite")]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_of_this_process(monkeypatch, tmp_path) as served:
        yield served


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def releases(tmp_path_factory, store):
    """Two releases with cards, and one of a format that has none."""
    folder = tmp_path_factory.mktemp("releases")
    for name, form, items in (
        ("one", "parquet", records()),
        ("two", "parquet", records()[:4]),
        ("tar", "csv", records()),
    ):
        release.build(items, folder / name, form, store, {}, {})
        card.renew(folder / name, folder / name)
    return folder


def pushed(folder: Path, **flags) -> push.PushReport:
    return push.run(config=push.Config(release=folder, repo=REPO, accept_licence=True, **flags))


def pulled(out: Path) -> pull.PullReport:
    return pull.run(config=pull.Config(repo=REPO, out=out))


def held(hub) -> dict[Path, bytes]:
    files = hub.repositories[REPO].head("main")
    return {Path(path): hub.data(blob) for path, blob in files.items() if path != ".gitattributes"}


def edit(hub, text: bytes, **others: bytes) -> None:
    """Change files of the repository, as people do on its page."""
    changed = {"README.md": text} | {f"card/{name}.png": data for name, data in others.items()}
    repository = hub.repositories[REPO]
    repository.commit("main", repository.head() | {path: small(data) for path, data in changed.items()})


def test_the_card_goes_up_with_its_pictures_and_comes_back(hub, releases, tmp_path):
    pushed(releases / "one")
    assert held(hub) == contents(releases / "one")
    assert Path("card/01.jpg") in held(hub)
    pulled(tmp_path / "back")
    assert contents(tmp_path / "back") == contents(releases / "one")
    assert list(card.differences(tmp_path / "back")) == []


def test_the_card_of_another_release_takes_the_place_of_one_that_nobody_edited(hub, releases):
    pushed(releases / "one")
    report = pushed(releases / "two")
    assert held(hub) == contents(releases / "two")
    assert report.card is None


def test_a_format_without_a_card_removes_that_of_another_release(hub, releases):
    pushed(releases / "one")
    pushed(releases / "tar")
    assert held(hub) == contents(releases / "tar")


def test_a_card_that_was_edited_there_stays_until_it_is_to_be_replaced(hub, releases):
    pushed(releases / "one")
    ours = (releases / "one/README.md").read_bytes().replace(b"## Limits", b"## Our limits")
    edit(hub, ours, chart=b"\x89PNG of ours")
    there = held(hub)
    report = pushed(releases / "two")
    described = {path: data for path, data in there.items() if release.is_description(path.as_posix())}
    built = {path: data for path, data in contents(releases / "two").items() if path not in described}
    assert held(hub) == built | described
    said = " ".join(report.lines())
    assert "README.md there was edited by people, and stays; --replace-card sends yours." in said
    assert "README.md there: its data_files of default are not those that are there" in said
    before = dict(hub.repositories[REPO].commits)
    pushed(releases / "two")
    assert hub.repositories[REPO].commits == before
    assert pushed(releases / "two", replace_card=True).card is None
    assert held(hub) == contents(releases / "two")


def test_a_dry_run_says_that_an_edited_card_stays(hub, releases):
    hub.upload(REPO, {"README.md": b"# About"})
    report = pushed(releases / "one", dry_run=True)
    assert report.card == []
    assert "README.md" not in {change.path for change in report.changes}
    assert "stays" in " ".join(report.lines())


def test_a_card_that_says_what_the_data_does_not_is_not_pushed(hub, store, tmp_path):
    release.build(records(), tmp_path / "out", "parquet", store, {}, {})
    card.write(tmp_path / "out")
    path = tmp_path / "out/README.md"
    path.write_text(path.read_text().replace("license: unknown", "license: mit"))
    with pytest.raises(DataError, match=r"is not what its card says: README\.md: its licence is mit"):
        pushed(tmp_path / "out")
    assert hub.requests == []


def test_a_secret_in_a_card_is_found(hub, store, tmp_path):
    secret = "hf_" + "Ab3" * 11
    said = item("a/train/1", (Turn(question="Is one?"),), REFS[:1])
    release.build([said], tmp_path / "out", "parquet", store, {}, {})
    (tmp_path / "out/README.md").write_text(f"Load it with the token {secret}.\n")
    with pytest.raises(DataError, match=r"README\.md, line 1: a token of the Hub"):
        pushed(tmp_path / "out")
    assert hub.requests == []


def test_a_new_card_of_the_same_release_is_one_commit_and_the_tag_stays(hub, store, tmp_path):
    release.build(records(), tmp_path / "out", "parquet", store, {}, {})
    card.write(tmp_path / "out")
    first = pushed(tmp_path / "out")
    card.write(tmp_path / "out", repo=REPO)
    second = pushed(tmp_path / "out")
    assert [(change.what, change.path) for change in second.changes] == [("changed", "README.md")]
    assert (first.nameless, second.nameless) == (True, False)
    assert f"README.md says ORG/NAME: `release card DIR --repo {REPO}` names this data set in it." in first.lines()
    assert hub.repositories[REPO].tags == {first.tag: first.commit}
    assert f'load_dataset("{REPO}")'.encode() in held(hub)[Path("README.md")]


def test_pulling_again_brings_the_card_that_was_edited_and_nothing_else(hub, releases, tmp_path):
    pushed(releases / "one")
    pulled(tmp_path / "back")
    edit(hub, b"# About\n", chart=b"\x89PNG of ours")
    before = len(hub.requests)
    report = pulled(tmp_path / "back")
    assert (report.downloaded, report.card, pulled(tmp_path / "back").card) == (False, True, False)
    assert (tmp_path / "back/README.md").read_bytes() == b"# About\n"
    assert (tmp_path / "back/card/chart.png").read_bytes() == b"\x89PNG of ours"
    assert not any(".parquet" in line for line in hub.requests[before:])
    assert release.check(tmp_path / "back") == []
