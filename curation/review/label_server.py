"""A running Label Studio, through its own client: projects that are ours, their tasks, and what was annotated."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from curation.errors import MissingError, StoreError, UsageError
from curation.review.label_access import Server
from exports.label_studio import MARK, labelling_config
from schemas.digest import digest_json

try:
    import httpx
    from label_studio_sdk import LabelStudio
    from label_studio_sdk.core.api_error import ApiError
except ModuleNotFoundError as error:
    raise MissingError("Label Studio needs its client: pip install 'curation-workbench[label-studio]'") from error

BATCH = 100
"""Tasks in one request."""
_SECONDS = 120.0
_TITLE = 50
"""Characters that Label Studio allows in a title."""


class Remote(NamedTuple):
    """A task as Label Studio has it."""

    id: int
    data: dict[str, Any]
    touched: bool
    """Somebody annotated or skipped it, or has begun to."""


class Project:
    """One project on the server: it shows the traces of one model, as Label Studio fills in those of one only."""

    def __init__(self, client: LabelStudio, project_id: int) -> None:
        self._client = client
        self.id = project_id

    def tasks(self) -> Iterator[Remote]:
        """Return all tasks."""
        found: Iterable[Any] = self._client.tasks.list(
            project=self.id, page_size=BATCH, resolve_uri=False, fields="all"
        )
        for task in found:
            touched = bool(task.annotations or task.drafts)
            yield Remote(task.id, dict(task.data or {}), touched)

    def add(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Add tasks with their predictions; all of them or none."""
        self._client.projects.import_tasks(self.id, request=list(tasks))  # type: ignore[arg-type]

    def replace(self, task_id: int, task: Mapping[str, Any], *, prediction: bool) -> None:
        """Give a task new data, and a new prediction first: one that is cut short in between is done again."""
        if prediction:
            earlier = [each.id for each in self._client.predictions.list(task=task_id)]
            self._client.predictions.create(task=task_id, **task["predictions"][0])
            for each in earlier:
                self._client.predictions.delete(each)
        self._client.tasks.update(str(task_id), data=task["data"])

    def show(self, model_version: str) -> None:
        """Fill the text areas with the predictions of this version."""
        if self._client.projects.get(self.id).model_version != model_version:
            self._client.projects.update(self.id, model_version=model_version)

    def serve(self, folder: str) -> None:
        """Have Label Studio serve the images of a folder on its own machine.

        Raises MissingError, with Label Studio's reason, where it refuses to.
        """
        storages = self._client.import_storage.local
        if any(storage.path == folder for storage in storages.list(project=self.id)):
            return
        try:
            storages.create(project=self.id, path=folder, title="images", use_blob_urls=True)
        except ApiError as error:
            raise MissingError(
                f"Label Studio does not serve the images in {folder} ({_detail(error)}); start it with "
                "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, or give "
                "the images' address with --image-url"
            ) from error

    def exported(self) -> Any:
        """Return Label Studio's JSON export of all tasks."""
        return json.load(self._client.projects.exports.as_file(self.id))


class Connection:
    """A server that was reached."""

    def __init__(self, server: Server, transport: httpx.Client) -> None:
        self._name = server.project
        key = server.key.get_secret_value()
        self._client = LabelStudio(base_url=server.url, api_key=key, httpx_client=transport)  # type: ignore[no-untyped-call]

    def people(self) -> dict[str, str]:
        """Return the addresses of all users, by number."""
        return {str(user.id): user.email for user in self._client.users.list() if user.email}

    def projects(self) -> list[Project]:
        """Return the projects of our name, whatever model they show."""
        return [Project(self._client, each.id) for each in self._marked(_mark(self._name))]

    def project(self, model_version: str) -> Project:
        """Return the project for the traces of a model, made where there is none, with our labelling configuration."""
        mark, config = _mark(self._name, model_version), labelling_config()
        for each in self._marked(mark):
            if each.label_config != config:
                self._client.projects.update(each.id, label_config=config)
            return Project(self._client, each.id)
        made: Any = self._client.projects.create(
            title=f"{self._name}: {model_version}"[:_TITLE],
            description=f"Traces of the curation workbench. It finds the project again by this line: {mark}",
            label_config=config,
            show_collab_predictions=True,
        )
        return Project(self._client, made.id)

    def _marked(self, mark: str) -> list[Any]:
        found: Iterable[Any] = self._client.projects.list(page_size=BATCH)
        return [each for each in found if mark in (each.description or "")]


@contextmanager
def connect(server: Server) -> Iterator[Connection]:
    """Reach the server.

    Raises MissingError where none answers, UsageError where it refuses the key, StoreError for any other refusal.
    """
    try:
        with httpx.Client(timeout=_SECONDS, follow_redirects=True) as transport:
            yield Connection(server, transport)
    except ApiError as error:
        raise _refusal(server, error) from None
    except httpx.HTTPError as error:
        raise MissingError(
            f"no Label Studio answers at {server.url} ({type(error).__name__}): is it running?"
        ) from None


def _mark(project: str, model_version: str | None = None) -> str:
    """Return what a project is found again by; without a version, what those of all versions have in common."""
    begin = f"{MARK}/{_short(project)}/"
    return begin if model_version is None else f"{begin}{_short(model_version)}"


def _short(name: str) -> str:
    return digest_json(name).removeprefix("sha256:")[:16]


def _refusal(server: Server, error: ApiError) -> Exception:
    said = _detail(error).replace(server.key.get_secret_value(), "…")
    if error.status_code in {401, 403}:
        return UsageError(
            f"Label Studio at {server.url} refuses the key of LABEL_STUDIO_API_KEY ({said}); make a new access token "
            "in its account settings"
        )
    if not isinstance(error.body, dict):
        return MissingError(f"{server.url} answers, but not as Label Studio does (HTTP {error.status_code})")
    return StoreError(f"Label Studio at {server.url} refused (HTTP {error.status_code}): {said}")


def _detail(error: ApiError) -> str:
    """Return what Label Studio said, in one line."""
    body = error.body if isinstance(error.body, dict) else {}
    reasons = body.get("validation_errors") or body.get("detail") or "no reason given"
    text = reasons if isinstance(reasons, str) else json.dumps(reasons, ensure_ascii=True)
    return " ".join(text.split())[:300]
