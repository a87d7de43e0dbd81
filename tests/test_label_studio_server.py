"""Label Studio, really: a server of its own, annotated through its interface and in its page."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Page

from curation.errors import MissingError, UsageError
from curation.review import Desk
from curation.review.label_access import Server
from curation.review.label_studio import Images, fetch, send
from curation.store import Store
from exports.label_studio import unescape
from schemas.review import Duty, StageVerdict, State
from schemas.trace import Stage, Stages
from tests.browser import Windows, browsing
from tests.label_studio_server import (
    ADMIN,
    ANNOTATOR,
    PASSWORD,
    Running,
    access_token,
    find_program,
    label_studio_server,
)
from tests.test_label_studio import (
    EVERYTHING,
    HOSTILE,
    WORDS,
    at_desk,
    decide,
    events,
    made,
    place,
    put,
    result,
    standing,
)

sdk = pytest.importorskip("label_studio_sdk", reason="label-studio-sdk is not installed")


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    program = find_program()
    if program is None:
        pytest.skip("Label Studio is not installed: LABEL_STUDIO_BIN names it, `make test` installs it")
    with label_studio_server(program) as running:
        yield running


class Bench(NamedTuple):
    """A workspace whose images the server can read, and a project of its own there."""

    store: Store
    desk: Desk
    origin: Server
    admin: Any
    annotator: Any

    def tasks(self) -> dict[str, Any]:
        """Return the tasks by record and trace."""
        found = {}
        for project in self.admin.projects.list():
            if project.title.startswith(f"{self.origin.project}:"):
                for task in self.admin.tasks.list(project=project.id, fields="all"):
                    found[task.data["record"], task.data["trace"]] = task
        return found

    def annotate(self, task: Any, decision: str | None = "accept", by: Any = None, **said: str) -> int:
        """Annotate as the page does: with the prediction, changed where something is said."""
        texts = [each | ({"value": {"text": [said[each["from_name"]]]}} if each["from_name"] in said else {})
                 for each in task.predictions[-1].result]  # fmt: skip
        results = [*texts, *([result("decision", choices=[decision])] if decision else [])]
        results += [result("reason", text=[said["reason"]])] if "reason" in said else []
        by = by or self.annotator
        made = by.annotations.create(task.id, result=results, lead_time=2.5, was_cancelled=decision is None)
        return int(made.id)


@pytest.fixture
def windows() -> Iterator[Windows]:
    with browsing() as (_, browser):
        opened = Windows(browser)
        yield opened
        opened.close()


@pytest.fixture
def bench(
    server: Running, sqlite: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Bench]:
    name = f"{len(list(server.root.iterdir()))} & {request.node.name}"[:30]
    monkeypatch.setenv("LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT", str(server.root))
    monkeypatch.setenv("LABEL_STUDIO_URL", f"{server.url}/")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", server.keys[ADMIN])
    with Store.open(server.root / name, create=True) as store, httpx.Client(timeout=60) as transport:
        clients = [
            sdk.LabelStudio(base_url=server.url, api_key=server.keys[who], httpx_client=transport)
            for who in (ADMIN, ANNOTATOR)
        ]
        yield Bench(store, at_desk(store), Server.from_environment(name), *clients)


def test_sending_twice_changes_nothing(bench: Bench) -> None:
    put(bench.store, *(made(f"src/train/{n}") for n in range(3)), made("src/train/3", model="other"))
    first = send(bench.desk, EVERYTHING, bench.origin)
    assert (first.tasks, first.added, first.changed, first.unchanged) == (4, 4, 0, 0)
    before = bench.tasks()
    again = send(bench.desk, EVERYTHING, bench.origin)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 4)
    after = bench.tasks()
    assert {task.id: task.predictions for task in after.values()} == {t.id: t.predictions for t in before.values()}
    assert len(after) == 4


def test_a_new_trace_takes_the_place_of_one_that_nobody_looked_at(bench: Bench) -> None:
    old, new = made("src/train/1"), made("src/train/1", at=9, caption="repaired")
    put(bench.store, old)
    send(bench.desk, EVERYTHING, bench.origin)
    ((_, before),) = bench.tasks().items()
    put(bench.store, new)
    assert send(bench.desk, EVERYTHING, bench.origin).changed == 1
    ((key, after),) = bench.tasks().items()
    assert (key, after.id) == (("src/train/1#0", new.id), before.id)
    assert [each.result[1]["value"]["text"] for each in after.predictions] == [["repaired"]]
    assert send(bench.desk, EVERYTHING, bench.origin).unchanged == 1


def test_an_annotated_task_is_left_alone_and_the_new_trace_comes_beside_it(bench: Bench) -> None:
    old, new = made("src/train/1"), made("src/train/1", at=9, caption="repaired")
    put(bench.store, old)
    send(bench.desk, EVERYTHING, bench.origin)
    (task,) = bench.tasks().values()
    annotation = bench.annotate(task, caption="t")
    put(bench.store, new)
    assert send(bench.desk, EVERYTHING, bench.origin).added == 1
    tasks = bench.tasks()
    assert tasks.keys() == {("src/train/1#0", old.id), ("src/train/1#0", new.id)}
    assert [each["id"] for each in tasks["src/train/1#0", old.id].annotations] == [annotation]
    assert tasks["src/train/1#0", new.id].annotations == []
    got = fetch(bench.desk, bench.origin)
    assert (got.recorded, got.outdated, got.conflicts) == (1, 1, 1)


def test_annotations_come_home_under_the_names_of_those_who_made_them(bench: Bench) -> None:
    traces = [made(f"src/train/{n}") for n in range(4)]
    put(bench.store, *traces)
    decide(bench.store, traces[3], "edit", texts={"summary": "ours"})
    send(bench.desk, EVERYTHING, bench.origin)
    tasks = [bench.tasks()[f"{trace.sample_id}#0", trace.id] for trace in traces]
    bench.annotate(tasks[0], caption="better")
    bench.annotate(tasks[1], "reject", reason="blurred")
    bench.annotate(tasks[2], None)
    bench.annotate(tasks[3], conclusion="no")
    got = fetch(bench.desk, bench.origin)
    assert (got.recorded, got.merged, got.conflicts, got.failures) == (4, 1, 0, ())
    states = [place(bench.store, trace).state for trace in traces]
    assert states == [State.EDITED, State.REJECTED, State.SKIPPED, State.EDITED]
    assert standing(bench.store, traces[3]) == Stages(**WORDS | {"summary": "ours", "conclusion": "no"})
    (event,) = events(bench.store, traces[0])
    assert event.reviewer == f"label-studio:{ANNOTATOR}"
    assert event.review is not None
    assert event.review.seconds == 2.5
    before = [events(bench.store, trace) for trace in traces]
    assert fetch(bench.desk, bench.origin).known == 4
    assert [events(bench.store, trace) for trace in traces] == before


def test_two_people_who_disagree_are_adjudicated_and_a_changed_mind_counts(bench: Bench) -> None:
    trace = made("src/train/1")
    put(bench.store, trace)
    send(bench.desk, EVERYTHING, bench.origin)
    (task,) = bench.tasks().values()
    bench.annotate(task, caption="a")
    number = bench.annotate(task, caption="b", by=bench.admin)
    fetch(bench.desk, bench.origin)
    assert place(bench.store, trace).needs == Duty.ADJUDICATION
    results = bench.admin.annotations.get(number).result
    bench.admin.annotations.update(
        number,
        result=[each | ({"value": {"text": ["a"]}} if each["from_name"] == "caption" else {}) for each in results],
    )
    assert fetch(bench.desk, bench.origin).recorded == 1
    assert (place(bench.store, trace).needs, standing(bench.store, trace).caption) == ("", "a")


@pytest.mark.parametrize("form", ["JSON", "JSON_MIN"])
def test_its_files_say_what_its_interface_says(bench: Bench, tmp_path: Path, form: str) -> None:
    """Both forms leave out what predictions held, and it is not needed."""
    trace = made("src/train/1", **dict.fromkeys(WORDS, HOSTILE[:500]))
    put(bench.store, trace, question=HOSTILE, targets=(HOSTILE,), choices=(HOSTILE,))
    send(bench.desk, EVERYTHING, bench.origin)
    (task,) = bench.tasks().values()
    bench.annotate(task, caption="better")
    project = next(each.id for each in bench.admin.projects.list() if each.title.startswith(bench.origin.project))
    path = tmp_path / "export.json"
    path.write_bytes(bench.admin.projects.exports.as_binary(project, export_type=form))
    assert "predictions" not in json.loads(path.read_text())[0] or form == "JSON"
    assert fetch(bench.desk, path, {"2": f"label-studio:{ANNOTATOR}"}).recorded == 1
    assert standing(bench.store, trace) == trace.stages.model_copy(update={"caption": "better"})
    assert fetch(bench.desk, bench.origin).known == 1


def test_the_folder_that_is_written_can_be_imported_by_hand(bench: Bench, tmp_path: Path) -> None:
    trace = made("src/train/1")
    put(bench.store, trace)
    send(bench.desk, EVERYTHING, tmp_path / "out")
    project = bench.admin.projects.create(title="by hand", label_config=(tmp_path / "out/label_config.xml").read_text())
    tasks = json.loads((tmp_path / "out/tasks.json").read_text())
    bench.admin.projects.import_tasks(project.id, request=tasks)
    (task,) = bench.admin.tasks.list(project=project.id, fields="all")
    bench.annotate(task, caption="better")
    path = tmp_path / "export.json"
    path.write_bytes(bench.admin.projects.exports.as_binary(project.id))
    assert fetch(bench.desk, path).recorded == 1
    assert standing(bench.store, trace).caption == "better"


# Its page


def test_the_page_shows_the_record_as_text_and_what_is_corrected_there_comes_home(
    bench: Bench, server: Running, windows: Windows
) -> None:
    words = {stage: f"{stage}: {HOSTILE[:120]}".strip() for stage in WORDS}
    trace = made("src/train/1", **words)
    put(bench.store, trace, question=HOSTILE[:120], choices=("one", "<b>two</b>"))
    send(bench.desk, EVERYTHING, bench.origin)
    (task,) = bench.tasks().values()
    page = windows(f"{server.url}/user/login/", 1400, 1400)
    page.on("dialog", lambda dialog: windows.faults.append(dialog.message))
    page.fill("input[name=email]", ANNOTATOR)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)
    page.goto(f"{server.url}/projects/{task.project}/data?labeling=1")
    texts = page.get_by_test_id("htx-textbox-content")
    texts.nth(3).wait_for()
    filled_in = [unescape(text) for text in texts.all_text_contents()]  # a line's end is an element
    assert filled_in == [text.replace("\n", "") for text in words.values()]
    page.wait_for_function(
        "[...document.images].some(image => image.naturalWidth == 400 && image.naturalHeight == 300)"
    )
    for words_shown in ("<script>alert(1)</script>", "![x](http://e/x) $question", "B. <b>two</b>", "yes"):
        assert page.get_by_text(words_shown).count() > 0
    picture_of(page)
    page.get_by_test_id("htx-textbox-edit-button").nth(1).click(force=True)
    page.locator("textarea").first.press("Control+End")
    page.locator("textarea").first.press_sequentially(" and more")
    page.get_by_text("neutral").nth(1).click()
    page.get_by_text("accept").first.click()
    with page.expect_response(lambda response: f"/tasks/{task.id}/annotations" in response.url):
        page.get_by_test_id("bottombar-submit-button").click()
    got = fetch(bench.desk, bench.origin)
    assert (got.recorded, got.failures) == (1, ())
    assert standing(bench.store, trace) == Stages(**words | {"caption": f"{words['caption']} and more"})
    (event,) = events(bench.store, trace)
    assert event.review is not None
    assert event.review.verdicts == {Stage.CAPTION: StageVerdict.NEUTRAL}
    assert windows.faults == []


def picture_of(page: Page) -> None:
    """Keep a picture where CURATION_SCREENSHOTS names a folder."""
    if folder := os.environ.get("CURATION_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / "label-studio.png")


# Faults


@pytest.mark.filterwarnings("ignore:The `parse_obj` method is deprecated")  # in Label Studio's client
def test_a_personal_access_token_opens_it_too(bench: Bench, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bench.store, made("src/train/1"))
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", access_token(server))
    assert send(bench.desk, EVERYTHING, Server.from_environment("by token")).added == 1


def test_a_wrong_key_is_refused_and_not_repeated(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bench.store, made("src/train/1"))
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "f00d" * 10)
    with pytest.raises(UsageError, match="refuses the key") as caught:
        send(bench.desk, EVERYTHING, Server.from_environment())
    assert "f00d" not in str(caught.value)


def test_a_server_that_is_not_there_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://127.0.0.1:9")
    with pytest.raises(MissingError, match="no Label Studio answers at http://127"):
        fetch(bench.desk, Server.from_environment())


def test_a_project_that_is_none_of_ours_is_not_taken_for_one(bench: Bench) -> None:
    bench.admin.projects.create(title=bench.origin.project, description="cats")
    with pytest.raises(MissingError, match="was made by `review export label-studio`"):
        fetch(bench.desk, bench.origin)


def test_tasks_that_others_put_into_our_project_are_told(bench: Bench) -> None:
    put(bench.store, made("src/train/1"))
    send(bench.desk, EVERYTHING, bench.origin)
    (task,) = bench.tasks().values()
    alien = dict.fromkeys(("question", "answer", "issues", "earlier"), "x") | {"images": ["x"]}
    bench.admin.tasks.create(project=task.project, data=alien)
    bench.annotate(task)
    got = fetch(bench.desk, bench.origin)
    assert got.recorded == 1
    assert [failure.reason for failure in got.failures] == ["it was not made by `review export label-studio`"]
    assert send(bench.desk, EVERYTHING, bench.origin).unchanged == 1


def test_images_that_the_server_does_not_serve_are_told_before_anything_is_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT", str(tmp_path))
    with Store.open(tmp_path / "elsewhere", create=True) as store:
        put(store, made("src/train/1"))
        with pytest.raises(MissingError, match="does not serve the images"):
            send(at_desk(store), EVERYTHING, bench.origin)
        assert bench.tasks() == {}
        assert send(at_desk(store), EVERYTHING, bench.origin, Images("http://127.0.0.1:1")).added == 1
