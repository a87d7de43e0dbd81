"""Label Studio both ways: traces go out as tasks, annotations come home as reviews; through a server, or as files.

Running either twice changes nothing. A task is never deleted and an annotation never touched: where a record has a new
trace, a task that nobody has begun shows the new one; beside one that somebody has, there is a new task.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from curation.errors import DataError, MissingError, UsageError
from curation.review.desk import Desk
from curation.review.homecoming import Homecoming, Received
from curation.review.label_access import Server
from curation.staging import staged
from curation.store import desk as records
from curation.store.desk import Material, Place
from curation.store.slices import Slice
from exports.label_studio import LOCAL_FILES, Shown, TaskFiles, Unread, read_annotations, task, told
from schemas.sample import ImageRef

if TYPE_CHECKING:
    from curation.review.label_server import Connection, Project, Remote

_PAGE = 200
_BATCH = 100
"""Tasks in one request."""
_CONFIG = "label_config.xml"


class Sent(NamedTuple):
    """What went out."""

    where: str
    tasks: int
    """Records of the slice."""
    added: int
    changed: int
    """Tasks that nobody had begun, and that show something new."""
    unchanged: int


class Images(NamedTuple):
    """How Label Studio gets at the images."""

    url: str = ""
    """They are served below this address, as <two digits>/<64 digits>.<ext>; empty where Label Studio reads files."""


def send(desk: Desk, slice_: Slice, destination: Server | Path, images: Images = Images()) -> Sent:  # noqa: B008 - frozen
    """Send the turns of a slice to a server, or write them into a folder that Label Studio can import.

    A server on this machine reads the images in the workspace: it needs LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true
    and LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, which is taken to be the workspace where it is not set here too.
    Raises MissingError for an empty slice, and as `connect` and `staged` do.
    """
    desk.refresh()
    if not desk.count(slice_):
        raise MissingError("no turn is in this slice: nothing to send")
    if isinstance(destination, Server):
        return _to_server(desk, slice_, destination, images)
    return _to_folder(desk, slice_, destination, images)


def fetch(desk: Desk, origin: Server | Path, people: Mapping[str, str] | None = None) -> Received:
    """Bring the annotations of a server's project home, or those of a file that Label Studio exported.

    `people` gives the names here of annotators, by their address or, where a file has no more, by their number; all
    others are called `label-studio:<address>`. Raises MissingError where there is nothing, DataError for a file that is
    none of ours.
    """
    coming = Homecoming(desk)
    known = people or {}

    def name_of(annotator: str) -> str:
        return known.get(annotator, f"label-studio:{annotator}")

    for exported, addresses, place in _exports(origin):
        try:
            found = list(read_annotations(exported, addresses))
        except DataError as error:
            raise DataError(f"{place}: {error}") from None
        for each in found:
            if isinstance(each, Unread):
                coming.fail(*each)
        coming.receive([each for each in found if not isinstance(each, Unread)], name_of)
    return coming.report()


def _exports(origin: Server | Path) -> Iterator[tuple[Any, dict[str, str], str]]:
    """Return each export, the addresses of annotators by number, and where it comes from."""
    if isinstance(origin, Path):
        yield _read_json(origin), {}, str(origin)
        return
    with _connect(origin) as connection:
        projects = connection.projects()
        if not projects:
            raise MissingError(
                f"no project of the name {origin.project!r} at {origin.url} was made by `review export label-studio`"
            )
        people = connection.people()
        exported = [(project.exported(), people, f"{origin.url}, project {project.id}") for project in projects]
    yield from exported


def _connect(server: Server) -> "AbstractContextManager[Connection]":
    """Reach the server, through Label Studio's client: loaded late, as files don't need it."""
    connected: AbstractContextManager[Connection] = import_module("curation.review.label_server").connect(server)
    return connected


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise MissingError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: export the project from Label Studio as JSON or JSON-MIN") from error


def _pages(desk: Desk, slice_: Slice) -> Iterator[list[tuple[Place, Material]]]:
    """Return the turns of a slice with what they show, a page at a time."""
    after = ("", -1)
    while True:
        with desk.store.snapshot() as connection:
            places = records.by_turn(connection, slice_, after, _PAGE)
            found = records.material(connection, places)
        if not places:
            return
        yield [(place, found[place.key]) for place in places]
        after = places[-1].key


def _shown(place: Place, material: Material, links: tuple[str, ...]) -> Shown:
    issues = tuple(map(told, material.issues))
    turns = enumerate(material.sample.turns[: place.turn])
    earlier = tuple((turn.question, turn.target or material.answers.get(number, "")) for number, turn in turns)
    return Shown(material.sample, material.traces[place.trace_id], links, issues, earlier)


def _to_folder(desk: Desk, slice_: Slice, folder: Path, images: Images) -> Sent:
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / _CONFIG).exists())):
        raise UsageError(f"{folder} is not an earlier export for Label Studio; give an empty or a new folder")
    store, count = desk.store, 0
    with staged(folder.resolve()) as partial, TaskFiles(partial) as files:
        for page in _pages(desk, slice_):
            for place, material in page:
                refs = material.sample.images
                links = _links(images, refs, "") if images.url else files.add_images(refs, store.images.path)
                files.add("tasks", task(_shown(place, material, links)))
                count += 1
    return Sent(str(folder), count, count, 0, 0)


def _links(images: Images, refs: tuple[ImageRef, ...], folder: str) -> tuple[str, ...]:
    """Return links to images that are kept as the workspace keeps them."""
    begin = f"{images.url.rstrip('/')}/" if images.url else f"{LOCAL_FILES}{quote(folder)}/"
    digests = ((ref.digest.removeprefix("sha256:"), ref.mime.removeprefix("image/")) for ref in refs)
    return tuple(f"{begin}{digest[:2]}/{digest}.{kind}" for digest, kind in digests)


def _to_server(desk: Desk, slice_: Slice, server: Server, images: Images) -> Sent:
    folder = "" if images.url else _below_root(desk)
    counts = {"tasks": 0, "added": 0, "changed": 0, "unchanged": 0}
    with _connect(server) as connection:
        mirrors: dict[str, _Mirror] = {}
        for page in _pages(desk, slice_):
            for place, material in page:
                made = task(_shown(place, material, _links(images, material.sample.images, folder)))
                version = made["predictions"][0]["model_version"]
                if version not in mirrors:
                    mirrors[version] = _Mirror(connection.project(version))
                    if not images.url:
                        mirrors[version].project.serve(str(desk.store.images.folder.resolve()))
                counts[mirrors[version].put(made)] += 1
                counts["tasks"] += 1
        for version, mirror in mirrors.items():
            mirror.flush()
            mirror.project.show(version)
    return Sent(server.url, **counts)


def _below_root(desk: Desk) -> str:
    """Return where the images lie below the folder whose files Label Studio serves."""
    folder = desk.store.images.folder.resolve()
    root = Path(os.environ.get("LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT") or desk.store.folder).resolve()
    if root == folder or root not in folder.parents:
        raise UsageError(
            f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT is {root}, and the images are in {folder}: start Label Studio "
            "with a folder above the images, or give their address with --image-url"
        )
    return folder.relative_to(root).as_posix()


class _Mirror:
    """A project, and what is known of its tasks: what is there already is not sent again."""

    def __init__(self, project: "Project") -> None:
        self.project = project
        self._new: list[dict[str, Any]] = []
        self._tasks: dict[str, list[Remote]] = {}
        for remote in project.tasks():
            self._tasks.setdefault(str(remote.data.get("record")), []).append(remote)

    def put(self, made: dict[str, Any]) -> str:
        """Send a task, if it has to be; return what that made: added, changed or unchanged."""
        data = made["data"]
        there = self._tasks.get(data["record"], [])
        same = next((remote for remote in there if remote.data.get("trace") == data["trace"]), None)
        if same is not None and same.data == data:
            return "unchanged"
        earlier = same or next((remote for remote in there if not remote.touched), None)
        if earlier is not None:
            self.project.replace(earlier.id, made, prediction=same is None)
            return "changed"
        self._new.append(made)
        if len(self._new) == _BATCH:
            self.flush()
        return "added"

    def flush(self) -> None:
        """Send what is still to be added."""
        if self._new:
            self.project.add(self._new)
            self._new = []
