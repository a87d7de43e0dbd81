"""Bring a release back from the Hub: as a folder, or into a workspace where another team reviews it."""

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import Field

from curation import release
from curation.config import Report, Table, WorkspaceConfig
from curation.errors import CurationError, DataError, Exit, MissingError, UsageError
from curation.hub.changes import Local, same
from curation.hub.repository import MAIN, Head, Repository
from curation.progress import live, logged
from curation.releases import proving
from curation.releases.intake import Intake, possible
from curation.staging import staged
from curation.store import Store

_log = logging.getLogger(__name__)


class Config(WorkspaceConfig):
    """Flags of `pull`."""

    repo: str = Field(description="The data set's repository on the Hub, ORG/NAME.")
    revision: str = Field(MAIN, description="Tag, branch or commit of the release.")
    out: Path | None = Field(
        None,
        description="Folder for the release as it is, new or an earlier release; the workspace is left alone [default:"
        " it goes into the workspace, and is kept in its releases/ORG--NAME].",
    )


class PullReport(Report):
    """What was downloaded, and what was new of it."""

    repo: str
    commit: str
    out: Path
    format: str
    files: int
    bytes: int
    downloaded: bool
    """It was not there already."""
    card: bool
    """The release was there, but for its card."""
    into_workspace: bool
    samples: int = 0
    """New ones."""
    traces: int = 0
    """New ones."""
    already: int = 0
    """Samples and traces that were there."""
    rejected: int = 0
    """New ones that the release keeps beside those that it takes: they came with what speaks against them."""
    differing: list[str] = Field(default_factory=list)
    """Samples that are there with another content: neither they nor their traces are brought in."""

    @property
    def exit_code(self) -> Exit:
        """1 where a sample could not be brought in."""
        return Exit.FAILURES if self.differing else Exit.DONE

    def tables(self) -> list[Table]:
        """Return what came into the workspace."""
        rows = [("new samples", self.samples), ("new traces", self.traces), ("new rejected traces", self.rejected)]
        rows.append(("there already", self.already))
        return [Table(f"pull ({self.repo})", ("what", "count"), rows)] if self.into_workspace else []

    def lines(self) -> list[str]:
        """Return where it is, and what to do with it."""
        how = "downloaded, and is what was built" if self.downloaded else "there already: nothing was downloaded"
        how = f"there already: only {release.CARD} is new" if self.card else how
        lines = [f"{self.out}: {self.files:,} files, {self.bytes:,} bytes, {how}."]
        if self.rejected:
            lines.append(f"{self.rejected:,} rejected traces came with the issues and the reviews that rejected them.")
        if self.differing:
            some = f"{len(self.differing):,} samples are in the workspace with another content, as {self.differing[0]}"
            lines.append(f"{some}: they were left as they are. Another --workspace takes them.")
        if self.into_workspace and self.samples + self.traces + self.rejected:
            lines.append("`validate` checks the traces, `review` is where people look at them.")
        return lines


def run(*, config: Annotated[Config, Parameter(name="*")]) -> PullReport:
    """Bring a release from the Hub into the workspace, with the ids that it has: for review by another team.

    Traces that the release rejects come too where it holds them, with the issues and the reviews that rejected them.
    What was downloaded is held against its manifest before anything else is done with it. Releases that lose nothing
    (parquet, jsonl, webdataset) go into the workspace, any other only into --out. Pulling again changes nothing.

    The token is that of HF_TOKEN or of `hf auth login`; HF_ENDPOINT names another Hub.
    """
    if config.out is not None:
        return _download(config, config.out)
    report = _download(config, config.workspace / "releases" / config.repo.replace("/", "--"))
    manifest = release.read_manifest(report.out)
    settings = config.model_dump(mode="json", include={"repo", "revision"}) | {"commit": report.commit}
    with (
        Store.open(config.workspace, create=True) as store,
        store.run("pull", settings) as run_,
        logged(store.folder / "logs" / f"{run_.id}.log"),
        live("pull", sum(manifest.counts.get("samples_by_source", {}).values())) as advance,
    ):
        intake = Intake(store, config.repo)
        intake.take(report.out, manifest, advance)
        taken = {name: getattr(intake, name) for name in ("samples", "traces", "already", "rejected", "differing")}
        report = report.model_copy(update=taken)
        _log.info("%s", report.model_dump_json())
    return report


def _download(config: Config, out: Path) -> PullReport:
    """Make `out` the release. Nothing becomes of it where it is not what was built."""
    repository = Repository(config.repo)
    release.refuse_foreign(out)
    head = repository.head(config.revision)
    if head is None:
        raise MissingError(f"there is no {config.repo} with a revision {config.revision}, or HF_TOKEN may not see it")
    if release.MANIFEST not in head.files:
        raise DataError(f"{repository.url} holds no release at {config.revision}: it has no {release.MANIFEST}")
    is_there = _is(out, head)
    if not is_there:
        with staged(out.resolve()) as folder:
            _fetch(repository, head, folder, into_workspace=config.out is None)
    is_renewed = is_there and _fetch_card(repository, head, out)
    manifest = release.read_manifest(out)
    return PullReport(
        repo=config.repo,
        commit=head.commit,
        out=out,
        format=manifest.format,
        files=len(manifest.files),
        bytes=sum(file.bytes for file in manifest.files),
        downloaded=not is_there,
        card=is_renewed,
        into_workspace=config.out is None,
    )


def _is(out: Path, head: Head) -> bool:
    """Tell whether a folder is the release that the commit holds."""
    path = out / release.MANIFEST
    if not path.is_file():
        return False
    try:
        return same(_local(path), head.files[release.MANIFEST]) and not any(proving.faults(out))
    except CurationError:
        return False


def _fetch(repository: Repository, head: Head, folder: Path, *, into_workspace: bool) -> None:
    """Download a release. Raises UsageError for one that is not for a workspace, DataError where it is damaged."""
    repository.fetch(release.MANIFEST, head.commit, folder)
    manifest = release.read_manifest(folder)
    if into_workspace and not possible(manifest):
        what = f"the format {manifest.format}, which a workspace can't take back"
        both = "parquet, jsonl and webdataset are for both"
        raise UsageError(f"{repository.url} has {what}: --out DIR downloads it; {both}")
    known = {release.MANIFEST, release.MANIFEST_SUM, *(file.path for file in manifest.files)}
    others = head.files.keys() - known
    repository.download(head.commit, folder, {name for name in others if not release.is_description(name)})
    if fault := next(proving.faults(folder), None):
        raise DataError(f"{repository.url} at {head.commit[:12]} is not what was built: {fault}; nothing was kept")


def _fetch_card(repository: Repository, head: Head, out: Path) -> bool:
    """Make the card of a release that is there already the one that the commit has; tell whether it was another."""
    there = {name for name in head.files if release.is_description(name)}
    here = release.description(out)
    new = [name for name in sorted(there) if name not in here or not same(_local(here[name]), head.files[name])]
    for name in here.keys() - there:
        here[name].unlink()
    with tempfile.TemporaryDirectory() as folder:
        for name in new:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(repository.fetch(name, head.commit, Path(folder)), out / name)
    return bool(new or here.keys() - there)


def _local(path: Path) -> Local:
    return Local(path, path.stat().st_size, release.file_digest(path).removeprefix("sha256:"))
