"""What tests of the app need: workspaces to review, the server in a process of its own, and Chromium."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright
from sqlalchemy import select

from curation.review import Desk, Reviewer
from curation.store import Store, tables
from curation.store.steps import StoredTrace, put_issues, put_samples, put_traces
from schemas.issue import Issue, Severity
from schemas.review import Act, Event
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stage, Stages, Trace
from tests.records import BEGIN, picture
from tests.workbench import environment, report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 30_000
"""Milliseconds after which something that should have come is taken not to come."""

HOSTILE = {
    "script": "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">",
    "markdown": "![x](http://127.0.0.1:9/pixel.png) [click](javascript:alert(1)) **bold** :red[red] $x^2$",
    "long": "x" * 100_000,
    "right-to-left": "\u202eshown backwards\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "emoji": "\U0001f469\u200d\U0001f52c\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f1ef\U0001f1f5",
    "null": "before\x00after\x07\x1b[31m",
    "surrogate": "half \ud83d of a pair",
}


class Served(NamedTuple):
    """A running app."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def serving(workspace: Path, *flags: object) -> Iterator[Served]:
    """Serve the app from a process of its own, on any port that is free unless the flags name one."""
    command = [sys.executable, "-m", "ui", "--workspace", str(workspace), *map(str, flags)]
    if "--port" not in flags:
        command += ["--port", "0"]
    env = environment(PYTHONUNBUFFERED="1", HOME=str(workspace))  # no settings of whoever runs the tests
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"http://\S+", line):
                yield Served(found.group(), process)
                break
        else:
            pytest.fail("the server ended: " + "".join(said))
    finally:
        process.terminate()
        process.communicate(timeout=60)


def annotate_charts(folder: Path) -> Path:
    """Make a workspace of the 78 bundled charts, annotated by the simulator over HTTP."""
    report("annotate", "--source", "chartqa", "--sample", "--offline", "--workspace", folder)
    return folder


@contextmanager
def browsing() -> Iterator[tuple[Playwright, Browser]]:
    """Start Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started, browser
        browser.close()


class Windows:
    """Opens pages, each in a browser profile of its own, and remembers what went wrong in them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.faults: list[str] = []

    def __call__(self, url: str, width: int = 1280, height: int = 800) -> Page:
        context = self._browser.new_context(viewport={"width": width, "height": height})
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(url)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@contextmanager
def own_browser(playwright: Playwright, profile: Path) -> Iterator[tuple[Page, subprocess.Popen[str]]]:
    """A page of a browser that is a process of ours, to be killed."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    try:
        found = (re.search(r"ws://\S+", line) for line in process.stderr)
        address = next(match.group() for match in found if match)
        browser = playwright.chromium.connect_over_cdp(address)
        yield browser.contexts[0].new_page(), process
    finally:
        kill(process)
        process.stderr.close()


def kill(process: subprocess.Popen[str]) -> None:
    """End the process and its children at once, as a crash would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def desk_of(page: Page) -> Locator:
    """The desk, with a record on it."""
    desk = page.locator(".desk[data-record]")
    expect(desk).to_be_visible(timeout=PATIENCE)  # where it is not, the error says what is there in its place
    return desk


def on_screen(page: Page) -> str:
    """The record on the screen, `<turn> <sample id>`."""
    return desk_of(page).get_attribute("data-record") or ""


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def saved(page: Page) -> None:
    """Wait until Python has answered everything."""
    page.locator(".desk[data-waiting='0']").wait_for()


def events(workspace: Path, reviewer: str) -> list[Event]:
    """What a reviewer did and has not undone, in the order in which it was done."""
    with Store.open(workspace) as store:
        return Desk(store, Reviewer(reviewer)).history(1_000)[::-1]


def decided(workspace: Path, reviewer: str) -> list[str]:
    """The records that a reviewer decided on, as `on_screen` names them, in order."""
    return [f"{event.turn} {event.sample_id}" for event in events(workspace, reviewer) if event.act is Act.REVIEW]


def given_back(page: Page, workspace: Path, reviewer: str) -> None:
    """Wait until a reviewer whose page shows no record any more holds none."""
    held = select(tables.leases.c.sample_id).where(tables.leases.c.reviewer == reviewer)
    with Store.open(workspace) as store:
        for _ in range(PATIENCE // 100):
            with store.snapshot() as connection:
                if connection.execute(held).first() is None:
                    return
            page.wait_for_timeout(100)
    pytest.fail(f"{reviewer} still holds records")


def trace_of(workspace: Path, trace_id: str | None) -> Trace:
    with Store.open(workspace) as store, store.snapshot() as connection:
        record = connection.execute(select(tables.traces.c.record).where(tables.traces.c.id == trace_id)).scalar_one()
    return Trace.model_validate_json(record)


def put(
    workspace: Path, *records: tuple[Sample, Stages, list[Issue]], recipe: str = "paper", model: str = "gpt-4o"
) -> list[Trace]:
    """Store records with their traces and issues; an issue's trace is filled in."""
    by = Provenance(kind="model", created_at=BEGIN, recipe=recipe, prompt_version="v1", model=model)
    with Store.open(workspace, create=True) as store:
        image = picture()
        store.images.put(image)
        traces = [
            Trace(sample_id=sample.id, turn=len(sample.turns) - 1, stages=stages, provenance=by)
            for sample, stages, _ in records
        ]
        store.write(put_samples, [sample.model_copy(update={"images": (image.ref,)}) for sample, _, _ in records])
        store.write(put_traces, [StoredTrace(trace, "e") for trace in traces])
        issues = [
            Issue(
                **(
                    issue.model_dump(exclude={"id"})
                    | {"sample_id": trace.sample_id, "turn": trace.turn, "trace_id": trace.id}
                )
            )
            for trace, (_, _, found) in zip(traces, records, strict=True)
            for issue in found
        ]
        store.write(put_issues, issues)
    return traces


def hostile(name: str, text: str) -> tuple[Sample, Stages, list[Issue]]:
    """A record that has the text wherever somebody else's text may be."""
    turn = Turn(question=f"{name}: {text}", targets=(text,), choices=(text, "other"), context=text)
    sample = Sample(
        id=f"hostile/train/{name}", turns=(Turn(question=text, targets=(text,)), turn), labels={"label": text}
    )
    stages = Stages(**{stage.value: f"{stage.value} {text}" for stage in Stage})
    issue = Issue(
        sample_id=sample.id,
        code="test:hostile",
        severity=Severity.ERROR,
        stage=Stage.CAPTION,
        message=text,
        evidence=text[:300],
    )
    return sample, stages, [issue]
