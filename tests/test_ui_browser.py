"""The app in a real browser, on a real workspace, with the server in a process of its own."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from curation.review import Desk, Reviewer, Slice
from curation.review.people import add
from curation.store import Store
from schemas.review import Act, Decision, Event, State
from tests.browser import (
    HOSTILE,
    PATIENCE,
    Served,
    Windows,
    annotate_charts,
    browsing,
    decided,
    desk_of,
    events,
    given_back,
    hostile,
    kill,
    on_screen,
    own_browser,
    press,
    put,
    saved,
    serving,
    trace_of,
)

expect.set_options(timeout=PATIENCE)
PENDING = Slice(state=(State.PENDING,))
OPENED = """
url => new Promise(done => {
  const socket = new WebSocket(url);
  socket.onopen = () => done(true);
  socket.onerror = () => done(false);
})"""


@pytest.fixture(scope="module")
def browsers() -> Iterator[tuple[Playwright, Browser]]:
    with browsing() as started:
        yield started


@pytest.fixture
def open_page(browsers: tuple[Playwright, Browser]) -> Iterator[Windows]:
    """Opens pages; none of their scripts may fail."""
    windows = Windows(browsers[1])
    yield windows
    windows.close()
    assert not windows.faults


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return annotate_charts(tmp_path_factory.mktemp("annotated") / "workspace")


def copied(annotated: Path, folder: Path) -> Path:
    return Path(shutil.copytree(annotated, folder / "workspace"))


class App(NamedTuple):
    """A running app, and what was done in it before this test."""

    url: str
    workspace: Path
    before: int

    def events(self) -> list[Event]:
        return events(self.workspace, "ada")[self.before :]

    def decided(self) -> list[str]:
        return [f"{event.turn} {event.sample_id}" for event in self.events() if event.act is Act.REVIEW]


@pytest.fixture(scope="module")
def running(annotated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    workspace = copied(annotated, tmp_path_factory.mktemp("running"))
    with serving(workspace, "--reviewer", "ada", "--offline") as served:
        yield served.url, workspace


@pytest.fixture
def app(running: tuple[str, Path], sqlite: None) -> App:
    """The app on 78 charts, for Ada, who sits at this machine."""
    return App(*running, len(events(running[1], "ada")))


def test_fifty_decisions_at_five_a_second_are_kept_once_each_and_in_order(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    desk_of(page)
    expect(page.locator(".welcome")).to_be_visible()
    seen = []
    for _ in range(50):
        begin = time.monotonic()
        seen.append(on_screen(page))
        press(page, "a")
        page.wait_for_timeout(max(0, 200 - 1000 * (time.monotonic() - begin)))
    saved(page)
    assert len(set(seen)) == 50
    assert app.decided() == seen
    expect(page.locator(".welcome")).to_have_count(0)

    press(page, "z", "z", "Backspace")
    saved(page)
    assert on_screen(page) == seen[-3]
    assert app.decided() == seen[:-3]


def test_a_stage_is_edited_in_place_with_its_difference_and_what_comes_after_it_goes_stale(
    app: App, open_page: Windows
) -> None:
    page = open_page(app.url)
    first = on_screen(page)
    press(page, "j", "e")
    editor = page.locator("textarea")
    before = editor.input_value()
    press(page, "ControlOrMeta+a")
    page.keyboard.type(f"{before} A size j k x z.")
    expect(page.locator(".live ins")).to_have_text(" A size j k x z.")
    press(page, "Control+Enter")
    assert on_screen(page) == first, "keys decided something while somebody typed"
    expect(page.locator("[data-stage=caption] ins")).to_have_text(" A size j k x z.")
    expect(page.locator(".stage.stale")).to_have_count(2)

    press(page, "a", "y")
    expect(page.locator(".stage.stale")).to_have_count(1)
    press(page, "2")
    expect(page.locator(".stage.stale")).to_have_count(0)
    press(page, "a")
    saved(page)
    [event] = app.events()
    assert event.review is not None
    assert event.review.decision is Decision.EDIT
    assert event.review.verdicts == {"conclusion": "neutral"}
    assert event.review.seconds > 0
    assert event.review.guidelines
    edit = trace_of(app.workspace, event.review.edited)
    assert edit.stages.caption == f"{before} A size j k x z."
    assert edit.provenance.parent == event.review.trace_id


def test_a_bulk_action_is_undone_as_one_by_a_key_and_the_screen_says_so(app: App, open_page: Windows) -> None:
    with Store.open(app.workspace) as store:
        desk = Desk(store, Reviewer("ada", "admin"))
        done = desk.bulk(PENDING, Decision.SKIP, expected=desk.count(PENDING)).done
    page = open_page(app.url)
    expect(page.get_by_text("Nothing is left here")).to_be_visible()
    press(page, "z")
    expect(page.locator(".notices")).to_contain_text(f"Undone as one: your bulk action on {done} records.")
    desk_of(page)
    assert app.events() == []


def test_a_view_is_kept_and_found_again(app: App, open_page: Windows) -> None:
    page = open_page(f"{app.url}/queue?severity=error&severity=none")
    expect(page.get_by_test_id("stMultiSelect").filter(has_text="Severity")).to_contain_text("none")
    page.get_by_role("button", name="Keep this view").click()
    page.get_by_label("Name", exact=True).fill("not so bad")
    press(page, "Enter")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("button", name="not so bad", exact=True).wait_for()
    page.goto(f"{app.url}/queue")
    page.get_by_role("button", name="To decide").click()
    expect(page).to_have_url(f"{app.url}/queue?state=pending&state=draft&state=stale")
    page.get_by_role("button", name="not so bad", exact=True).click()
    expect(page).to_have_url(f"{app.url}/queue?severity=error&severity=none")
    page.get_by_role("button", name="All", exact=True).click()
    expect(page).to_have_url(f"{app.url}/queue")


REBUILT = """
async pieces => {
  const { diff } = await import("/widget/diff.js");
  const any = () => pieces[Math.floor(Math.random() * pieces.length)];
  const text = () => Array.from({ length: Math.random() * 12 }, any);
  for (let i = 0; i < 3000; i++) {
    const [before, after] = [text().join(""), text().join("")];
    const found = diff(before, after);
    const told = (kind) => found.filter(([of]) => of === "same" || of === kind).map(([, part]) => part).join("");
    if (told("out") !== before || told("in") !== after) return [before, after, found];
  }
  return diff("the cat sat on the mat", "the dog sat on a mat");
}
"""


def test_a_difference_holds_both_texts_and_marks_the_words_that_changed(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    assert page.evaluate(REBUILT, ["a", "b", "cc", " ", "  ", "\n", ".", "é", "\U0001f600", "\u202e"]) == [
        ["same", "the "], ["out", "cat"], ["in", "dog"], ["same", " sat on "],
        ["out", "the"], ["in", "a"], ["same", " mat"],
    ]  # fmt: skip


def test_a_button_that_is_pressed_while_one_writes_keeps_what_was_written(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    desk_of(page)
    press(page, "e")
    page.locator("textarea").fill("another summary")
    page.locator("[data-act=accept]").click()
    expect(page.locator("[data-act=accept]")).to_contain_text("Accept edit")
    page.locator("[data-act=accept]").click()
    saved(page)
    [event] = app.events()
    assert event.review is not None
    assert trace_of(app.workspace, event.review.edited).stages.summary == "another summary"
    assert event.review.stale == ("caption", "reasoning", "conclusion")


def test_an_edit_that_is_left_changes_nothing(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    desk_of(page)
    press(page, "e")
    page.keyboard.type("never mind")
    press(page, "Escape")
    expect(page.locator("textarea")).to_have_count(0)
    expect(page.locator(".stage ins, .stage.stale")).to_have_count(0)


def test_the_wheel_zooms_a_drag_moves_and_a_key_resets(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    desk_of(page)
    frame = page.locator(".frame")
    image = page.locator(".frame img")
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("image => image.naturalWidth") > 100
    box = frame.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    expect(frame).to_have_attribute("data-zoom", "2.718")
    placed = image.evaluate("image => image.style.transform")
    page.mouse.down()
    page.mouse.move(x + 30, y + 20)
    page.mouse.up()
    assert image.evaluate("image => image.style.transform") != placed
    press(page, "0")
    expect(frame).to_have_attribute("data-zoom", "1.000")


def test_flags_comments_rejections_and_hidden_answers_are_kept(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    first = on_screen(page)
    press(page, "b")  # it has been seen
    expect(page.locator(".gold .hidden")).to_be_visible()
    press(page, "f", "c")
    page.keyboard.type("Look at the axis: x, a, z.")
    press(page, "Enter")
    assert on_screen(page) == first
    press(page, "x", "2")
    second = on_screen(page)
    press(page, "x")
    page.keyboard.type("Blurred")
    press(page, "Enter", " ")
    saved(page)
    flag, comment, reject, another, skip = app.events()
    assert (flag.act, comment.act, comment.text) == (Act.FLAG, Act.COMMENT, "Look at the axis: x, a, z.")
    assert reject.review is not None
    assert (reject.review.decision, reject.review.blind) == (Decision.REJECT, False)
    assert reject.review.reason == "Says what the image does not show"
    assert another.review is not None
    assert (another.review.reason, another.review.blind) == ("Blurred", True)
    assert f"{another.turn} {another.sample_id}" == second
    assert skip.review is not None
    assert skip.review.decision is Decision.SKIP


def test_a_key_can_be_chosen_anew_and_is_remembered(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    first = on_screen(page)
    press(page, "?")
    row = page.locator(".keyrow", has_text="Accept").first
    row.get_by_role("button", name="Change").click()
    press(page, "x")
    expect(page.locator(".panel .hint")).to_contain_text("is the key of “Reject”")
    press(page, "m", "Escape")
    expect(page.locator("[data-act=accept] kbd")).to_have_text("m")
    page.reload()
    expect(page.locator("[data-act=accept] kbd")).to_have_text("m")
    press(page, "a")
    assert on_screen(page) == first
    press(page, "m")
    saved(page)
    assert app.decided() == [first]


def test_a_stage_is_regenerated_once_its_price_was_agreed_to(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    desk_of(page)
    press(page, "j", "j", "g")
    expect(page.locator(".panel")).to_contain_text("About $")
    page.locator(".panel input").fill("too vague")
    press(page, "Enter")
    expect(page.locator("[data-stage=reasoning] .tag").first).to_have_text("edited")
    press(page, "a", "a")
    saved(page)
    [event] = app.events()
    assert event.review is not None
    assert trace_of(app.workspace, event.review.edited).provenance.calls


def test_the_address_says_which_records_come(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    desk_of(page)
    question = page.locator(".question").inner_text()  # of a record that is left
    word = max(re.findall(r"\b[a-z]+\b", question), key=len)
    page.goto(f"{app.url}/?text={word}")
    desk_of(page)
    expect(page.locator(".status")).to_contain_text(f"Only text {word}")
    expect(page.locator(".question")).to_contain_text(word)
    page.goto(f"{app.url}/queue?text={word}&source=chartqa")
    expect(page.get_by_text("chartqa", exact=True).first).to_be_visible()
    expect(page.get_by_label("Words in the question or a stage")).to_have_value(word)
    page.get_by_role("link", name="Review these").click()
    desk_of(page)
    expect(page.locator(".status")).to_contain_text(f"text {word}")
    page.goto(f"{app.url}/queue")
    page.get_by_label("Words in the question or a stage").fill(word)
    press(page, "Enter")
    expect(page).to_have_url(f"{app.url}/queue?text={word}")
    page.goto(f"{app.url}/?state=upside-down")
    expect(page.get_by_text("The address asks for something that is not there.")).to_be_visible()


def test_a_server_that_is_started_again_has_missed_nothing(
    annotated: Path, tmp_path: Path, open_page: Windows, sqlite: None
) -> None:
    charts = copied(annotated, tmp_path)
    with serving(charts, "--reviewer", "ada") as first:
        port = first.url.rsplit(":", 1)[1]
        page = open_page(first.url)
        seen = [on_screen(page)]
        press(page, "a")
        saved(page)
    seen.append(on_screen(page))
    press(page, "a")
    seen.append(on_screen(page))
    press(page, "a")
    with serving(charts, "--reviewer", "ada", "--port", port):
        saved(page)
        assert decided(charts, "ada") == seen


@pytest.fixture(scope="module")
def guarded(annotated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The app on an address that others reach, for Ada and Bo."""
    folder = tmp_path_factory.mktemp("guarded")
    for name in ("ada", "bo"):
        add(folder / "people.toml", name, f"{name}'s secret")
    workspace = copied(annotated, folder)
    (workspace / "review.toml").write_text(
        "lease_seconds = 12\nsecond_share = 0\n"
    )  # what one has is not for the other
    with serving(workspace, "--people", folder / "people.toml", "--host", "0.0.0.0") as served:
        yield served.url.replace("0.0.0.0", "127.0.0.1"), workspace


def come_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Come in").click()


def test_two_reviewers_never_have_the_same_record_and_a_killed_browser_gives_its_records_back(
    guarded: tuple[str, Path], open_page: Windows, browsers: tuple[Playwright, Browser], tmp_path: Path, sqlite: None
) -> None:
    url, charts = guarded
    ada = open_page(url)
    come_in(ada, "ada", "wrong")
    expect(ada.get_by_role("alert")).to_have_text("That name and password don't belong together.")
    come_in(ada, "ada", "ada's secret")
    with own_browser(browsers[0], tmp_path / "profile") as (bo, process):
        bo.goto(url)
        come_in(bo, "bo", "bo's secret")
        for _ in range(8):
            assert on_screen(ada) != on_screen(bo)
            press(ada, "a")
            press(bo, "a")
        saved(ada)
        saved(bo)
        assert len(decided(charts, "ada")) == len(decided(charts, "bo")) == 8
        ada.goto(f"{url}/queue")
        given_back(ada, charts, "ada")
        bo.goto(f"{url}/?text=share")
        left = on_screen(bo)
        ada.goto(f"{url}/?text=share")
        expect(ada.get_by_text("Nothing is left here")).to_be_visible()
        kill(process)
    assert on_screen(ada) == left


def test_nothing_is_to_be_had_without_a_pass(guarded: tuple[str, Path], open_page: Windows) -> None:
    url, charts = guarded
    page = open_page(f"{url}/queue?text=storks")
    assert page.url == f"{url}/login?next=%2Fqueue%3Ftext%3Dstorks"
    image = next((charts / "images").glob("*/*.png")).name
    for path in ("", f"images/{image}?k=0", "widget/desk.js", "_stcore/stream", "_stcore/host-config"):
        assert page.request.get(f"{url}/{path}", max_redirects=0).status == 303, path
    socket = url.replace("http", "ws") + "/_stcore/stream"
    assert not page.evaluate(OPENED, socket)
    come_in(page, "ada", "ada's secret")
    expect(page.get_by_label("Words in the question or a stage")).to_have_value("storks")
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    expect(page.get_by_role("link", name="Agreement")).to_have_count(0)
    assert page.request.get(f"{url}/images/{image}?k=0").status == 404
    assert page.evaluate(OPENED, socket)
    page.get_by_role("link", name="ada · Log out").click()
    expect(page).to_have_url(f"{url}/login")
    assert not page.evaluate(OPENED, socket)


@pytest.fixture(scope="module")
def hostile_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app on records that have what nobody should take for more than text wherever text may be."""
    workspace = tmp_path_factory.mktemp("hostile") / "workspace"
    put(workspace, *(hostile(name, text) for name, text in HOSTILE.items()))
    with serving(workspace, "--reviewer", "ada") as served:
        yield served


def test_hostile_text_is_shown_as_text(hostile_app: Served, open_page: Windows, sqlite: None) -> None:
    page = open_page(hostile_app.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    met = set()
    for _ in HOSTILE:
        name = on_screen(page).rsplit("/", 1)[1]
        met.add(name)
        plain = HOSTILE[name].translate({0: "\u2400", 7: "\u2407", 27: "\u241b"})
        for stage in ("summary", "caption", "reasoning", "conclusion"):
            assert page.locator(f"[data-stage={stage}] .text").inner_text() == f"{stage} {plain}"
        assert page.locator(".question").inner_text() == f"{name}: {plain}"
        assert page.locator(".desk script, .desk a, .words *:not(mark)").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        press(page, "e")
        page.keyboard.type("!")
        press(page, "Control+Enter")
        expect(page.locator(".stage.stale")).to_have_count(2)
        press(page, " ")
    saved(page)
    assert met == set(HOSTILE)
    page.goto(f"{hostile_app.url}/queue?source=hostile")
    page.get_by_test_id("stDataFrame").wait_for()
    page.goto(f"{hostile_app.url}/?plain=1&sample=hostile/train/markdown&turn=1")
    expect(page.get_by_label("Summary", exact=True)).to_be_visible()
    assert page.title() == "Review"
    assert not [url for url in asked if not url.startswith((hostile_app.url, "data:", "blob:"))]


def test_the_steps_of_a_bad_reasoning_are_named_and_kept(app: App, open_page: Windows) -> None:
    page = open_page(app.url)
    desk_of(page)
    steps = page.locator(".steps li")
    expect(steps).to_have_count(0)
    page.locator("[data-stage=reasoning]").get_by_title("reasoning: negative").click()
    for number in (1, 0, 0):
        steps.nth(number).get_by_role("button").click()
    expect(page.locator(".steps .on")).to_have_count(1)
    saved(page)
    page.reload()
    desk_of(page)
    expect(steps.nth(1).get_by_role("button")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".steps .on")).to_have_count(1)
    press(page, "x", "1")
    saved(page)
    reviews = [event.review for event in app.events() if event.review is not None]
    assert [review.wrong_steps for review in reviews] == [(2,)]
