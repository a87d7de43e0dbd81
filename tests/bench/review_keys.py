"""From a key to the next record on the screen, in Chromium on the running app."""

import re
import time
from pathlib import Path

import harness
from playwright.sync_api import Page

from tests.browser import Windows, browsing, desk_of, press, saved, serving

PAUSE = 0.4
"""Seconds between two keys: as fast as somebody may be who only looks."""

_WATCH = """
  const find = (root, wanted) => root.querySelector(wanted)
    ?? [...root.querySelectorAll("*")].map((node) => node.shadowRoot && find(node.shadowRoot, wanted)).find(Boolean);
  window.taken = [];
  window.addEventListener("keydown", () => {
    const begun = performance.now(), before = find(document, ".desk").dataset.record;
    const look = () => {
      const desk = find(document, ".desk"), image = desk.querySelector("img");
      if (desk.dataset.record === before || !image?.complete || !image.naturalWidth) return requestAnimationFrame(look);
      requestAnimationFrame(() => requestAnimationFrame(() => window.taken.push(performance.now() - begun)));
    };
    look();
  }, { capture: true });
"""
"""Times each key until another record's text and whole image are there, and painted. Is there before the app is."""


def measure(workspace: Path, presses: int) -> None:
    """Accept so many records by key, and print how long each took until the next was there, and the app's memory."""
    with serving(workspace, "--reviewer", "ada", "--offline") as served, browsing() as (_, browser):
        windows = Windows(browser)
        page = windows(served.url)
        page.add_init_script(_WATCH)
        begun = time.perf_counter()
        page.reload()
        desk_of(page)
        opened = time.perf_counter() - begun
        _press(page, 10)  # whatever is done once is done
        page.evaluate("window.taken.length = 0")
        before = _resident(served.process.pid)
        _press(page, presses)
        after = _resident(served.process.pid)
        taken = sorted(page.evaluate("window.taken"))
        windows.close()
    assert not windows.faults, windows.faults
    rows = [
        ("until the first record is there", f"{opened:.1f} s"),
        ("keys, records that came", f"{presses}, {len(taken)}"),
        ("from key to next record, median", f"{taken[len(taken) // 2]:.0f} ms"),
        ("p95", f"{taken[int(0.95 * len(taken))]:.0f} ms"),
        ("longest", f"{taken[-1]:.0f} ms"),
        ("memory of the app before, after", f"{before:.0f} MB, {after:.0f} MB"),
    ]
    harness.show(("keys", "figure"), rows)


def _press(page: Page, count: int) -> None:
    for _ in range(count):
        wanted = page.evaluate("window.taken.length") + 1
        press(page, "a")
        page.wait_for_function(f"window.taken.length >= {wanted}")
        page.wait_for_timeout(PAUSE * 1000)
    saved(page)


def _resident(pid: int) -> float:
    found = re.search(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
