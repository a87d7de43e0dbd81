"""Publish a release: a data set on the Hub that is what was built, and nothing else."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import Parameter
from pydantic import Field

from curation import config as _config
from curation import release
from curation.config import Report, Table
from curation.errors import DataError, UsageError
from curation.hub.changes import KEPT, Change, Local, changes, same
from curation.hub.repository import MAIN, Branch, Head, Repository
from curation.progress import live
from curation.releases import card, proving
from curation.releases.card import NOWHERE, front
from curation.releases.card.mark import is_generated
from curation.releases.leaks import leaks
from curation.releases.licences import restricted
from schemas.manifest import Manifest

_LEAKS = 3
"""Finds that are named."""
_LISTED = 20
"""Files that are named; the JSON form has all."""
_MANY = 10_000
"""Files from which a repository is slow (https://huggingface.co/docs/hub/storage-limits)."""


class Config(_config.Config):
    """Flags of `push`."""

    release: Path = Field(description="Folder of the release.")
    repo: str = Field(description="The data set's repository on the Hub, ORG/NAME; made where there is none.")
    public: bool = Field(False, description="Everybody may see it [default: private].")
    dry_run: bool = Field(False, description="Send nothing; list the files that are new, changed, or to be removed.")
    revision: str = Field(MAIN, description="Branch to push to; made where there is none.")
    tag: str = Field("", description="Name of this release in the repository [default: release-, and its digest].")
    accept_licence: bool = Field(
        False, description="You may publish samples whose licence is non-commercial, for research only, or not known."
    )
    replace: bool = Field(False, description="Remove what a repository holds that is no release.")
    replace_card: bool = Field(False, description="Send the release's card, even where people edited the one there.")


class PushReport(Report):
    """What differs between the release and the repository, and what became of it."""

    repo: str
    url: str
    revision: str
    tag: str
    dry_run: bool
    private: bool
    created: bool
    """There was no repository that one may see."""
    commit: str | None
    """What the branch ends at; None where nothing was sent to a new repository."""
    changes: list[Change]
    """Of files that are not the same."""
    same: int
    """Files that are there."""
    tagged: bool
    """The tag is new."""
    files: int
    card: list[str] | None
    """Where people edited the card there, so that it stays: what it says and the release doesn't. None elsewhere."""
    nameless: bool
    """The card that is sent does not name this repository."""

    def tables(self) -> list[Table]:
        """Return the files that differ, by name where nothing was sent yet, and their sums."""
        sums = Counter(change.what for change in self.changes)
        sizes = Counter[str]()
        for change in self.changes:
            sizes[change.what] += change.bytes
        listed = self.changes[:_LISTED] if self.dry_run else []
        return [
            Table("files", ("what", "file", "bytes"), listed),
            Table("changes", ("what", "files", "bytes"), [(what, n, sizes[what]) for what, n in sums.items()]),
        ]

    def lines(self) -> list[str]:
        """Return what was done, and how to load it."""
        lines = []
        if self.dry_run and self.changes[_LISTED:]:
            lines.append(f"{len(self.changes) - _LISTED:,} more files; --json names all.")
        if self.card is not None:
            lines += [f"{release.CARD} there was edited by people, and stays; --replace-card sends yours.", *self.card]
        if self.nameless:
            lines.append(
                f"{release.CARD} says {NOWHERE}: `release card DIR --repo {self.repo}` names this data set in it."
            )
        if self.files > _MANY:
            lines.append(f"{self.files:,} files are many for the Hub: the formats parquet and webdataset have few.")
        return [*lines, *(self._planned() if self.dry_run else self._done())]

    def _planned(self) -> list[str]:
        where = "a new " if self.created else "the "
        kind = "private" if self.private else "public"
        return [
            f"{self.same:,} files are the same.",
            f"Nothing was sent. Without --dry-run this goes to {where}{kind} data set {self.url}, as {self.tag}.",
        ]

    def _done(self) -> list[str]:
        if not self.changes and not self.tagged:
            return [f"{self.url} holds this release already, as {self.tag}: nothing was changed."]
        what = f"{len(self.changes):,} files changed in one commit" if self.changes else "nothing to send"
        return [
            f"{self.url} ({'private' if self.private else 'public'}): {what}, {self.same:,} the same.",
            f"The release is {self.tag} there: `pull --repo {self.repo} --revision {self.tag}` brings it back.",
        ]


def run(*, config: Annotated[Config, Parameter(name="*")]) -> PushReport:
    """Push a release to the Hub: all of it in one commit, with a tag, and private where nobody says otherwise.

    Refused are releases that are not what was built, that hold secrets or paths of a machine, and that mix in samples
    which may not be published just so. Only what differs is sent, and pushing again goes on where a push broke off.

    The token is that of HF_TOKEN or of `hf auth login`; HF_ENDPOINT names another Hub.
    """
    manifest = release.read_manifest(config.release)
    with live("push: the release is checked"):
        _refuse(config, manifest)
    return _Push(config, manifest).run()


def _refuse(config: Config, manifest: Manifest) -> None:
    """Raise what keeps a release from being published."""
    fault = next(proving.faults(config.release), None)
    if fault:
        raise DataError(
            f"{config.release} is not what was built: {fault}; `release verify` names all, `export` builds it again"
        )
    if untrue := next(card.differences(config.release), None):
        raise DataError(f"{config.release} is not what its card says: {untrue}. {card.REMEDY}")
    if found := leaks(config.release, _LEAKS):
        named = "; ".join(map(str, found))
        raise DataError(
            f"{config.release} holds what is nobody's business: {named}; take it out of the records and export again"
        )
    bound = list(restricted(manifest))
    if bound and not config.accept_licence:
        named = "; ".join(f"{each.samples:,} samples under {each.licence!r} ({each.why})" for each in bound)
        raise UsageError(
            f"not all of it is free to publish: {named}; export without them, or say --accept-licence if you may"
        )


class _Place(NamedTuple):
    """Where the release goes."""

    head: Head | None
    """What the branch ends at; what the main one does, for a new branch; None for a new repository."""
    new_branch: bool


class _Push:
    def __init__(self, config: Config, manifest: Manifest) -> None:
        self._config = config
        self._manifest = manifest
        self._local = _local(config.release, manifest)
        self._kept = KEPT
        self._card: list[str] | None = None
        digest = self._local[release.MANIFEST].sha256
        self._tag = config.tag or f"release-{digest[:12]}"
        self._name = f"Release {digest[:12]}"
        self._repository = Repository(config.repo)

    def run(self) -> PushReport:
        place = self._place()
        if place.head is not None:
            self._keep_card(place.head)
        found = self._changes(place.head)
        is_tagged = place.head is not None and self._is_tagged()
        if self._config.dry_run:
            return self._report(place, found, place.head.commit if place.head else None, tagged=False)
        commit = self._send(place, found)
        if not is_tagged:
            self._repository.tag(self._tag, commit)
        return self._report(place, found, commit, tagged=not is_tagged)

    def _place(self) -> _Place:
        """Look at what there is. Raises UsageError for what may not be overwritten."""
        config, head = self._config, self._repository.head(self._config.revision)
        main = head or (self._repository.head(MAIN) if config.revision != MAIN else None)
        if main is None:
            return _Place(None, new_branch=config.revision != MAIN)
        if not main.private and not config.public:
            raise UsageError(f"{self._repository.url} is public: --public says that you mean that")
        foreign = main.files.keys() - KEPT
        if foreign and release.MANIFEST not in foreign and not config.replace:
            held = f"{len(foreign):,} files that are no release, such as {min(foreign)}"
            raise UsageError(f"{self._repository.url} holds {held}: name another --repo, or --replace them")
        return _Place(main, new_branch=head is None)

    def _changes(self, head: Head | None) -> list[Change]:
        return list(changes(self._local, head.files if head else {}, self._kept))

    def _keep_card(self, head: Head) -> None:
        """Leave the card out of it, and its pictures, where the repository has one that people wrote or changed."""
        there, mine = head.files.get(release.CARD), self._local.get(release.CARD)
        if there is None or (mine is not None and (self._config.replace_card or same(mine, there))):
            return
        with tempfile.TemporaryDirectory() as folder:
            text = self._repository.fetch(release.CARD, head.commit, Path(folder)).read_bytes()
        if is_generated(text):
            self._kept = KEPT - {release.CARD}  # that of another release
            return
        if mine is not None:
            self._card = [f"{release.CARD} there: {each}" for each in front.differences(text, self._manifest)]
        described = {name for name in {*head.files, *self._local} if release.is_description(name)}
        self._kept = KEPT | described
        self._local = {name: file for name, file in self._local.items() if name not in described}

    def _is_tagged(self) -> bool:
        """Tell whether the tag is there and names this release. Raises UsageError where it names another."""
        if self._tag not in self._repository.tags():
            return False
        there = self._repository.file(release.MANIFEST, self._tag)
        if there is None or not same(self._local[release.MANIFEST], there):
            raise UsageError(f"{self._repository.url} has the tag {self._tag} for another release: --tag another name")
        return True

    def _send(self, place: _Place, found: Sequence[Change]) -> str:
        """Bring the changes about; return what the branch ends at then."""
        config, head = self._config, place.head
        if head is None:
            self._repository.create(private=not config.public)
            head = self._made(MAIN)
        if place.new_branch:
            self._repository.branch(config.revision)
            head = self._made(config.revision)
        if all(change.what == "same" for change in found):
            return head.commit
        sent = {each.path: self._local[each.path] for each in found if each.what in {"new", "changed"}}
        removed = [each.path for each in found if each.what == "removed"]
        branch = Branch(config.revision, head.commit)
        with live("push", sum(file.bytes for file in sent.values())) as advance:
            commit = self._repository.commit(sent, removed, self._name, branch, advance)
        self._prove(commit)
        return commit

    def _made(self, branch: str) -> Head:
        head = self._repository.head(branch)
        if head is None:
            raise DataError(f"{self._repository.url} was made, and is not there: push again")
        return head

    def _prove(self, commit: str) -> None:
        """Raise DataError where the Hub doesn't hold what was sent; a .gitignore there can do that."""
        left = [change for change in self._changes(self._repository.head(commit)) if change.what != "same"]
        if left:
            raise DataError(f"{self._repository.url} does not hold what was sent ({left[0].path}): push again")

    def _report(self, place: _Place, found: Sequence[Change], commit: str | None, *, tagged: bool) -> PushReport:
        differing = [change for change in found if change.what != "same"]
        return PushReport(
            repo=self._config.repo,
            url=self._repository.url,
            revision=self._config.revision,
            tag=self._tag,
            dry_run=self._config.dry_run,
            private=place.head.private if place.head else not self._config.public,
            created=place.head is None,
            commit=commit,
            changes=differing,
            same=len(found) - len(differing),
            tagged=tagged,
            files=len(self._local),
            card=self._card,
            nameless=release.CARD in self._local
            and NOWHERE in self._local[release.CARD].path.read_text("utf-8", "replace"),
        )


def _local(folder: Path, manifest: Manifest) -> dict[str, Local]:
    """Return all files of a release that was proven, its card with them."""
    found = {e.path: Local(folder / e.path, e.bytes, e.digest.removeprefix("sha256:")) for e in manifest.files}
    named = {name: folder / name for name in (release.MANIFEST, release.MANIFEST_SUM)}
    for name, path in (named | release.description(folder)).items():
        found[name] = Local(path, path.stat().st_size, release.file_digest(path).removeprefix("sha256:"))
    return found
