"""Label Studio, on this machine: from the keys that submit an annotation to the next record on the screen.

The records are the bundled charts with traces of the simulator, sent to a server of its own with SQLite; Chromium has
its labelling page open. Each record is accepted with the page's own keys. Measured in the page: from the key that
submits to the first frame in which the next task's four texts and its image stand there, the image decoded.

    LABEL_STUDIO_BIN=… python tests/bench/bench_label_studio.py [--decisions 60]
"""

import argparse
import os
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import Page

from curation.review import Desk, Reviewer, Slice, Terms
from curation.review.label_access import Server
from curation.review.label_studio import send
from curation.store import Store
from tests.bench import harness
from tests.browser import Windows, annotate_charts, browsing
from tests.label_studio_server import ADMIN, PASSWORD, Running, find_program, label_studio_server

_WATCH = """
() => {
  window.taken = [];
  const image = () => [...document.images].find(each => each.src.startsWith('blob:') && each.complete && each.naturalWidth);
  const texts = () => document.querySelectorAll('[data-testid=htx-textbox-content]').length;
  const watch = (task, before, begun) => {
    const shown = image();
    if (Htx.task.id != task && shown && shown != before && texts() == 4) taken.push(performance.now() - begun);
    else requestAnimationFrame(() => watch(task, before, begun));
  };
  addEventListener('keydown', event => {
    if (event.key == 'Enter' && event.ctrlKey) watch(Htx.task.id, image(), performance.now());
  }, true);
}
"""  # noqa: E501


def _open(page: Page, server: Running, project: int) -> None:
    page.fill("input[name=email]", ADMIN)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)
    page.goto(f"{server.url}/projects/{project}/data?labeling=1")
    page.get_by_test_id("htx-textbox-content").nth(3).wait_for()


def _decide(page: Page, decisions: int) -> list[float]:
    """Accept so many records; return the milliseconds from each submission to the next record."""
    page.evaluate(_WATCH)
    for number in range(decisions):
        page.keyboard.press("e")
        page.keyboard.press("Control+Enter")
        page.wait_for_function(f"window.taken.length > {number}")
    taken: list[float] = page.evaluate("window.taken")
    return taken


def measure(server: Running, decisions: int) -> list[float]:
    """Send the charts, and decide on them in the page."""
    os.environ |= {
        "LABEL_STUDIO_URL": server.url,
        "LABEL_STUDIO_API_KEY": server.keys[ADMIN],
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(server.root),
    }
    with Store.open(annotate_charts(server.root / "charts")) as store:
        desk = Desk(store, Reviewer("bench"), Terms())
        print(send(desk, Slice(), Server.from_environment()))
    with browsing() as (_, browser):
        windows = Windows(browser)
        page = windows(f"{server.url}/user/login/", 1400, 1000)
        _open(page, server, 1)
        taken = _decide(page, decisions)
        windows.close()
    return taken


def main() -> None:
    """Print the median and the 95th percentile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=60, help="at most 77, as there are 78 charts")
    options = parser.parse_args()
    program = find_program()
    if program is None:
        sys.exit("Label Studio is not installed: LABEL_STUDIO_BIN names it")
    harness.show_machine()
    with label_studio_server(program) as server:
        taken = sorted(measure(server, options.decisions))
    rows = [(len(taken), f"{median(taken):.0f}", f"{taken[int(0.95 * len(taken))]:.0f}", f"{taken[-1]:.0f}")]
    harness.show(("decisions", "submit to next, median ms", "p95 ms", "most ms"), rows)


if __name__ == "__main__":
    main()
