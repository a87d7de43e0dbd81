"""A data set's repository on the Hub, through the Hub's own client.

The client reads HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE when it is first imported, and takes the token from HF_TOKEN or
from the Hub's login by itself: no token passes through here.
"""

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from curation.errors import UsageError
from curation.hub.changes import Local, Remote
from curation.hub.refusals import is_unseen, told
from curation.progress import Advance

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

MAIN = "main"
_KIND = "dataset"
_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_SECONDS = 300
"""Without a byte, after which a request is given up: the Hub takes a while over a commit of many files."""
_NOT_THERE = {404, 405, 501}
"""What a server answers that has no such route."""
_BATCH_FILES = 256
_BATCH_BYTES = 2**30


class Head(NamedTuple):
    """A commit of a repository."""

    commit: str
    private: bool
    files: dict[str, Remote]


class Branch(NamedTuple):
    """Where a commit goes."""

    name: str
    end: str
    """The commit that it ends at; where it no longer does, somebody else was faster."""


class Repository:
    """A data set's repository, which need not be there. Every method raises what `refusals` says."""

    def __init__(self, name: str) -> None:
        from huggingface_hub import HfApi, get_session  # noqa: PLC0415 - half a second, which only push and pull pay
        from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]  # noqa: PLC0415

        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} does not name a repository on the Hub: --repo ORG/NAME")
        self.name = name
        self._api = HfApi()
        get_session().timeout = _SECONDS
        disable_progress_bars()  # there would be one for each file

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{self._api.endpoint}/datasets/{self.name}"

    def head(self, revision: str) -> Head | None:
        """Return the commit that the revision names; None where there is none, or none that one may see."""
        from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 - see above

        with told(self.name):
            try:
                info = self._api.repo_info(self.name, repo_type=_KIND, revision=revision)
            except HfHubHTTPError as error:
                if is_unseen(error):
                    return None
                raise
            return Head(str(info.sha), bool(info.private), self._files(str(info.sha)))

    def _files(self, commit: str) -> dict[str, Remote]:
        tree = self._api.list_repo_tree(self.name, repo_type=_KIND, revision=commit, recursive=True)
        return {each.path: _remote(each) for each in tree if hasattr(each, "blob_id")}

    def file(self, path: str, revision: str) -> Remote | None:
        """Return a file of a revision, None where that has none of this path."""
        with told(self.name):
            found = self._api.get_paths_info(self.name, [path], repo_type=_KIND, revision=revision)
        return next((_remote(each) for each in found if hasattr(each, "blob_id")), None)

    def create(self, *, private: bool) -> None:
        """Make the repository."""
        with told(self.name):
            self._api.create_repo(self.name, repo_type=_KIND, private=private)

    def branch(self, name: str) -> None:
        """Make a branch, which begins where the main one ends."""
        with told(self.name):
            self._api.create_branch(self.name, repo_type=_KIND, branch=name)

    def tags(self) -> set[str]:
        """Return the names of the tags."""
        with told(self.name):
            return {each.name for each in self._api.list_repo_refs(self.name, repo_type=_KIND).tags}

    def tag(self, name: str, commit: str) -> None:
        """Name a commit."""
        with told(self.name):
            self._api.create_tag(self.name, repo_type=_KIND, tag=name, revision=commit)

    def commit(
        self, sent: Mapping[str, Local], removed: Iterable[str], message: str, branch: Branch, advance: Advance
    ) -> str:
        """Send files and remove others, all in one commit; return it.

        The Hub refuses it where the branch has gone on. What it has of the large files is not sent.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete  # noqa: PLC0415 - see above

        added = [CommitOperationAdd(path, file.path) for path, file in sent.items()]
        deleted = [CommitOperationDelete(path, is_folder=False) for path in removed]
        with told(self.name):
            self._settle_storage(branch.name)
            done = 0
            for batch in _batches(added):
                self._api.preupload_lfs_files(
                    self.name, batch, repo_type=_KIND, revision=branch.name, free_memory=False
                )
                done += sum(each.upload_info.size for each in batch)
                advance(done, "bytes")
            commit = self._api.create_commit(
                self.name,
                [*deleted, *added],
                repo_type=_KIND,
                commit_message=message,
                revision=branch.name,
                parent_commit=branch.end,
            )
        return commit.oid

    def _settle_storage(self, revision: str) -> None:
        """Have the client send large files by LFS where the Hub has no chunk storage (Xet).

        Where hf_xet is installed, the client takes that storage for granted, and fails with a Hub that has none.
        """
        from huggingface_hub import constants, get_session  # noqa: PLC0415 - see above
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # noqa: PLC0415

        if not constants.HF_HUB_DISABLE_XET:
            place = f"{self._api.endpoint}/api/{_KIND}s/{self.name}/xet-write-token/{quote(revision, safe='')}"
            answer = get_session().get(place, headers=build_hf_headers())
            constants.HF_HUB_DISABLE_XET = answer.status_code in _NOT_THERE

    def fetch(self, path: str, commit: str, folder: Path) -> Path:
        """Download one file into the folder; return where it lies."""
        with told(self.name):
            self._api.hf_hub_download(self.name, path, repo_type=_KIND, revision=commit, local_dir=folder)
        return folder / path

    def download(self, commit: str, folder: Path, but: Iterable[str]) -> None:
        """Download all files of a commit into the folder, but those of these paths; the client shows how far it is."""
        from huggingface_hub.utils import enable_progress_bars  # type: ignore[attr-defined]  # noqa: PLC0415

        if sys.stderr.isatty():
            enable_progress_bars()
        with told(self.name):
            self._api.snapshot_download(
                self.name,
                repo_type=_KIND,
                revision=commit,
                local_dir=folder,
                ignore_patterns=[escape(path) for path in but],
            )
        shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's notes


def _batches(added: "Iterable[CommitOperationAdd]") -> "Iterator[list[CommitOperationAdd]]":
    """Give what is sent together: as many files as the client asks the Hub about at once, or one large one."""
    batch: list[CommitOperationAdd] = []
    size = 0
    for each in added:
        if batch and (len(batch) == _BATCH_FILES or size + each.upload_info.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += each.upload_info.size
    if batch:
        yield batch


def _remote(entry: object) -> Remote:
    size, blob, lfs = entry.size, entry.blob_id, entry.lfs  # type: ignore[attr-defined]
    return Remote(size, blob, lfs.sha256 if lfs else None)
