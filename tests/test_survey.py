"""The page of `validate --report`: complete in itself, everything from outside escaped, nothing without a bound."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from curation import registry, survey
from curation.calibration import calibrate
from curation.page import put
from curation.similarity.overlap import Pair
from curation.store import Store
from curation.store.census import by_source
from curation.store.coverage import coverage
from curation.store.steps import (
    Check,
    StoredTrace,
    put_calls,
    put_checks,
    put_issues,
    put_samples,
    put_traces,
)
from curation.store.survey import Found
from curation.survey.clusters import sizes
from curation.survey.gathering import gather
from curation.survey.layout import render
from curation.survey.lengths import EDGES, measure
from curation.survey.measured import Counted, measured
from curation.survey.tally import EXAMPLES, tally
from schemas.issue import Issue, Severity
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stage, Stages, Trace
from tests.browser import CHROMIUM, FLAGS
from tests.records import BEGIN, call, picture
from tests.workbench import here

EVIL = "</script><script>alert('x')</script><img src=x onerror=alert(1)>&\"$legend ${title}"
HOSTILE = {
    "markup": EVIL,
    "surrogate": "half \ud83d of a pair",
    "right-to-left": "\u202eshown backwards\u202c שלום",
    "null": "before\x00after\x07",
    "long": "x" * 300_000,
}

HEADINGS = (
    "From rows to traces",
    "What was found",
    "Lengths of the stages",
    "Repeats",
    "Beside the people who reviewed",
    "What a trace that is kept has cost",
    "How far the checks can be trusted",
    "Examples of each code",
)


class Reader(HTMLParser):
    """What of a page is an element, and what its text is."""

    def __init__(self):
        super().__init__()
        self.elements, self.marked, self.text, self.inside = Counter(), [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements[tag] += 1
        self.inside.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        assert all(value.startswith(("data:image/", "#")) for name, value in attrs if name in {"src", "href"})

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self.inside:
            self.text.append(data)
        if self.inside[-1:] == ["mark"]:
            self.marked.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def made(name: str, source: str = "charts", **stages: str) -> tuple[Sample, Trace]:
    turn = Turn(question="How many?", targets=("1",))
    sample = Sample(id=f"{source}/train/{name}", images=(picture().ref,), turns=(turn,))
    texts = {"summary": "s", "caption": "c", "reasoning": "There are two.", "conclusion": "2"} | stages
    by = Provenance(kind="model", created_at=BEGIN, recipe="paper", prompt_version="v1", model="m")
    return sample, Trace(sample_id=sample.id, turn=0, stages=Stages(**texts), provenance=by)


def issue(trace: Trace, code: str = "answer:wrong", severity: str = "error", **fields) -> Issue:
    about = {"sample_id": trace.sample_id, "turn": trace.turn, "trace_id": trace.id}
    return Issue(**about, code=code, severity=Severity(severity), **({"message": "wrong"} | fields))


def fill(store: Store, records: list[tuple[Sample, Trace]], issues: list[Issue]) -> None:
    store.images.put(picture())
    store.write(put_samples, [sample for sample, _ in records])
    store.write(put_traces, [StoredTrace(trace, "e") for _, trace in records])
    store.write(put_checks, [Check(trace.id, "answer", 1) for _, trace in records])
    store.write(put_issues, issues)


def page_of(store: Store) -> str:
    with store.snapshot() as connection:
        covered = coverage(connection)
    return render(gather(store, survey.Counted(by_source(store.engine), covered, calibrate(store))))


# The page


def test_it_shows_what_came_of_the_rows_what_was_found_and_what_it_cost(store):
    records = [made(f"{number}", source) for number in range(6) for source in ("charts", "scenes")]
    wrong = [issue(trace, evidence="two", stage=Stage.REASONING) for _, trace in records[:4]]
    alike = "90 % are those of charts/train/0"
    near = [issue(trace, "duplicate:near", "warning", message=alike) for _, trace in records[4:6]]
    fill(store, records, [*wrong, *near])
    calls = [call(f"key{n}", sample_id=sample.id, cost=3 * 10**9) for n, (sample, _) in enumerate(records)]
    store.write(put_calls, calls)
    page = page_of(store)
    reader = read(page)
    text = " ".join(reader.text)
    assert "12 questions of 2 sources: 12 have a trace, and 8 of these were checked and have no error." in text
    for heading in HEADINGS:
        assert heading in text
    assert "4.5000" in text, "six calls at three dollars, four traces that are kept"
    assert "100 more reviews" in text
    assert set(reader.marked) == {"two"}
    assert reader.elements["article"] == 4
    assert reader.elements["img"] == 4
    assert reader.elements["svg"] > 8
    assert not re.search(r"https?://|url\(|@import|<link", page)


def test_hostile_texts_stay_texts(store):
    records = [made(name, "charts", reasoning=text, caption=text) for name, text in HOSTILE.items()]
    evil = Sample(id="charts/train/evil", turns=(Turn(question=EVIL, targets=(EVIL,)),), images=(picture().ref,))
    issues = [
        issue(trace, f"test:{name}", message=HOSTILE[name], evidence=HOSTILE[name][:300], stage=Stage.REASONING)
        for name, (_, trace) in zip(HOSTILE, records, strict=True)
    ]
    fill(store, records, issues)
    store.write(put_samples, [evil])
    store.write(put_issues, [Issue(sample_id=evil.id, turn=0, code="source:odd", severity="warning", message=EVIL)])
    page = page_of(store)
    reader = read(page)
    assert reader.elements["script"] == 0
    assert "".join(reader.text).count(EVIL) >= 5
    assert len(page) < 100_000
    page.encode("utf-8", "replace").decode("utf-8")


def test_a_pair_is_shown_with_both_pictures(store):
    sample, trace = made("0")
    other = picture(200)
    store.images.put(other)
    pair = Pair(benchmark="EvalSet", index="7", question=EVIL, image=other.ref, difference=0.1)
    twin = issue(trace, "image:near-duplicate", "warning", message="that of charts/train/9", evidence=other.ref.digest)
    broken = issue(trace, "contamination:image", "warning", evidence="{no json")
    fill(store, [(sample, trace)], [issue(trace, "contamination:pair", evidence=pair.model_dump_json()), twin, broken])
    page = page_of(store)
    reader = read(page)
    text = " ".join(reader.text)
    assert "In an evaluation set too" in text
    assert "EvalSet 7" in text
    assert EVIL in text
    assert reader.elements["img"] == 5, "a pair, a twin, and one whose evidence can't be read"


def test_an_answer_that_could_not_be_read_is_shown_as_it_came(store):
    sample, _ = made("0")
    raw = '{"choices":[{"message":{"content":"<SUMMARY>never closed"},"finish_reason":"stop"}]}'
    store.write(put_samples, [sample])
    store.write(put_calls, [call("key", sample_id=sample.id, outcome="unparsable", raw=raw)])
    of = {"sample_id": sample.id, "turn": 0, "call_key": "key"}
    store.write(put_issues, [Issue(**of, code="structure:missing", severity="error", message="no tags")])
    page = page_of(store)
    assert "&lt;SUMMARY&gt;never closed" in page
    assert "a picture that can not be read" in page


def test_the_same_workspace_gives_the_same_page(store):
    records = [made(f"{number}") for number in range(20)]
    fill(store, records, [issue(trace) for _, trace in records])
    assert page_of(store) == page_of(store)


def test_an_empty_workspace_has_a_page(store):
    reader = read(page_of(store))
    assert "0 questions of 0 sources" in " ".join(reader.text)


def test_the_command_writes_the_page_or_says_why_not(tmp_path, sqlite):
    folder, out = tmp_path / "workspace", tmp_path / "pages" / "out.html"
    with Store.open(folder, create=True) as store:
        fill(store, [made("0")], [])
    done = here("validate", "--workspace", folder, "--report", out)
    assert done.returncode == 0, done.stderr
    assert f"Report: {out}" in done.stdout.replace("\n", "")
    assert "What the checks found" in out.read_text(encoding="utf-8")
    refused = here("validate", "--workspace", folder, "--report", out / "below-a-file.html")
    assert refused.returncode == 2
    assert "--report" in refused.stderr


# Its parts


def test_examples_are_few_and_of_different_sources():
    rows = [Found(f"sha256:{n:02}", f"{source}/train/{n}", "answer:wrong", "error")
            for n, source in enumerate("aaaaaabbbbc")]  # fmt: skip
    found = tally(rows)
    assert found.examples == {"answer:wrong": ["sha256:00", "sha256:06"]}
    assert len(found.examples["answer:wrong"]) == EXAMPLES
    assert found.by_source("answer:wrong") == {"a": 6, "b": 4, "c": 1}


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: pair[0] != pair[1])))
def test_clusters_are_what_is_linked(links):
    counted = sizes([(f"s/t/{one}", "duplicate:near", f"alike: s/t/{other}") for one, other in links])
    wanted: list[set[int]] = []
    for pair in map(set, links):
        met = [group for group in wanted if group & pair]
        wanted = [group for group in wanted if not group & pair] + [pair.union(*met)]
    assert sum(counted.get("duplicate:near", {}).values()) == len(wanted)


def test_every_row_in_one_cluster_is_one_cluster():
    rows = [(f"s/t/{n}", "duplicate:exact", "the same as s/t/0") for n in range(1, 50_000)]
    assert sizes(rows) == {"duplicate:exact": {"1,024 or more": 1}}


def test_lengths_of_any_size_are_counted():
    lengths = measure([("a/t/1", (1, 10, 100, 5)), ("a/t/2", (3, 10, 5_000_000, 5)), ("b/t/1", (0, 10, 300, 5))])
    assert [sum(counts) for counts in lengths.binned.values()] == [3, 3, 3, 3]
    assert lengths.binned["reasoning"][-1] == 1
    assert (lengths.longest["reasoning"], lengths.medians["b"]["reasoning"]) == (5_000_000, 300)
    assert EDGES[-1] == 1_000_000


def test_figures_of_every_validator_come_with_it():
    known = measured()
    assert set(registry.names("curation.validators")) <= set(known.versions)
    for what, row in known.shares.items():
        assert all(0 <= each.errors <= each.told <= each.traces for each in row.values()), what
    assert set(known.good) <= set(known.shares)
    assert known.shares["drop-tag"]["structure"] == Counted(*[known.shares["drop-tag"]["structure"].traces] * 3)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_the_page_fits_a_phone_and_a_screen_and_asks_for_nothing(sqlite, tmp_path):
    records = [made(f"{number}", source) for number in range(3) for source in ("charts", "scenes")]
    path = tmp_path / "page.html"
    with Store.open(tmp_path / "workspace", create=True) as store:
        fill(store, records, [issue(trace, evidence="two", message=EVIL) for _, trace in records])
        put(path, page_of(store))
    asked = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for width, scheme in ((1280, "light"), (400, "dark")):
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
            page.on("request", lambda request: asked.append(request.url))
            page.on("dialog", lambda dialog: pytest.fail(dialog.message))
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        browser.close()
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
