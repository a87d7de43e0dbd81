"""The figures, and the page that shows them: complete in itself, and everything from outside escaped."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curation.evaluation.charts import Point, against_cost, side_by_side
from curation.evaluation.coverage import Coverage
from curation.evaluation.curves import Losses, losses
from curation.evaluation.examples import differing
from curation.evaluation.marking import mark_all
from curation.evaluation.outcomes import Cost, Outcome
from curation.evaluation.page import Contents, render
from curation.evaluation.questions import Picture, Problem
from curation.evaluation.summary import Answers, summarise
from curation.evaluation.systems import System
from curation.page.drawing import Style
from curation.page.pictures import data_url
from schemas.sample import Turn

EVIL = "<script>alert('x')</script>&\"$legend"


def problem(name, picture=None, question="How many?", **labels):
    pictures = (picture,) if picture else ()
    turn = Turn(question=question, targets=("5",), scorer="exact-match")
    return Problem(f"s/t/{name:02d}#0", "scenes", turn, pictures, labels)


def answered(problems, texts, label="m", search="greedy", judge=None, candidates=()):
    outcomes = [
        Outcome(id=one.id, key=one.key, text=text, candidates=candidates, cost=Cost(new_tokens=40, seconds=0.5))
        for one, text in zip(problems, texts, strict=True)
    ]
    system = System(label=label, digest="sha256:0", search=search, judge=judge, settings={"max_tokens": 9})
    return Answers(system, outcomes, mark_all(problems, outcomes))


RIGHT, WRONG, CUT = "<CONCLUSION>5</CONCLUSION>", "<CONCLUSION>6</CONCLUSION>", "<SUMMARY>"


# Figures


def test_accuracy_unparsed_and_format_are_counted_apart():
    problems = [problem(number) for number in range(10)]
    texts = [RIGHT] * 6 + [WRONG] * 2 + [CUT] * 2
    (row,) = summarise(problems, [answered(problems, texts)], 100).systems
    assert (row.questions, row.accuracy.mean, row.unparsed, row.follows_form) == (10, 0.6, 2, 0.0)
    assert row.extracted_by == {"tag": 8, "unparsed": 2}
    assert (row.tokens, row.seconds, row.difference, row.any_correct) == (40, 0.5, None, None)


def test_every_system_is_compared_with_the_first_on_the_same_questions():
    problems = [problem(number) for number in range(40)]
    first = answered(problems, [RIGHT] * 20 + [WRONG] * 20, "first")
    second = answered(problems, [RIGHT] * 30 + [WRONG] * 10, "second")
    rows = summarise(problems, [first, second], 500).systems
    assert rows[1].difference.mean == 0.25
    assert 0 < rows[1].difference.low < 0.25 < rows[1].difference.high


def test_strata_are_sources_and_the_labels_that_tell_questions_apart():
    problems = [problem(n, level="hard" if n % 2 else "easy", same="x", number=str(n)) for n in range(40)]
    texts = [RIGHT if n % 2 else CUT for n in range(40)]
    summary = summarise(problems, [answered(problems, texts)], 100)
    found = {(row.label, row.value): (row.questions, row.accuracy[0].mean, row.unparsed) for row in summary.strata}
    assert found == {
        ("source", "scenes"): (40, 0.5, (20,)),
        ("level", "easy"): (20, 0.0, (20,)),
        ("level", "hard"): (20, 1.0, (0,)),
    }


def test_the_oracle_is_at_least_as_good_as_the_judge():
    problems = [problem(number) for number in range(4)]
    candidates = tuple({"text": text, "stage": None, "parent": None} for text in (RIGHT, WRONG))
    (row,) = summarise(problems, [answered(problems, [WRONG] * 4, candidates=candidates)], 10).systems
    assert (row.accuracy.mean, row.any_correct) == (0.0, 1.0)


# The page


class Reader(HTMLParser):
    """Notes tags that are not closed in order, what an address is given for, and the text that is shown."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.text, self.tags = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href", "xlink:href", "action", "data"}]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def contents(tmp_path):
    path = tmp_path / "p.png"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(path)
    picture = Picture("sha256:1", path)
    problems = [problem(n, picture, EVIL, type=EVIL if n % 2 else "count") for n in range(8)]
    texts = [RIGHT, WRONG, CUT, EVIL] * 2
    answers = [
        answered(problems, texts, EVIL),
        answered(problems, texts[1:] + texts[:1], "other", "stage-beam", "rules"),
    ]
    return Contents(
        title=EVIL,
        asked=EVIL,
        summary=summarise(problems, answers, 100),
        losses=[Losses(EVIL, {"summary": [(10, 2.0), (20, 1.0)]}), Losses("other", {"conclusion": [(10, 0.5)]})],
        coverage=[Coverage(EVIL, 30, 0), Coverage("level=easy", 30, 20)],
        examples=differing(problems, answers),
        faults=[EVIL],
        made_with={EVIL: EVIL},
    )


def test_everything_from_outside_is_escaped_and_shown(contents):
    page = render(contents)
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    assert "script" not in reader.tags
    assert "<script" not in page
    shown = "".join(reader.text)
    assert shown.count(EVIL) >= 15
    for heading in ("Results", "Accuracy", "Held-out loss by stage", "What there was to train on", "Made with"):
        assert heading in reader.text


def test_the_page_needs_nothing_from_elsewhere(contents):
    page = render(contents)
    reader = Reader()
    reader.feed(page)
    assert reader.addresses
    assert all(address.startswith("data:image/") for address in reader.addresses)
    assert not re.search(r"https?://|url\(|@import|<link", page)


def test_a_page_with_figures_alone_has_no_empty_sections(contents):
    bare = Contents("t", "a", contents.summary)
    headings = re.findall("<h2>(.*?)</h2>", render(bare))
    assert headings == ["Results", "Accuracy"]


def test_examples_are_where_systems_differ_picked_from_every_way_in_which_they_do():
    problems = [problem(number) for number in range(9)]
    one = answered(problems, [RIGHT] * 7 + [WRONG] * 2)
    other = answered(problems, [RIGHT] * 2 + [WRONG] * 6 + [RIGHT])
    picked = differing(problems, [one, other], most=3)
    assert [example.id for example in picked] == ["s/t/02#0", "s/t/08#0", "s/t/03#0"]
    assert differing(problems, [one, one]) == []


def test_a_picture_is_made_small_and_one_that_can_not_be_read_is_none(tmp_path):
    Image.effect_noise((3000, 1500), 80).save(tmp_path / "large.png")
    url, tiny = data_url(tmp_path / "large.png")
    assert (url[:23], tiny) == ("data:image/jpeg;base64,", False)
    assert len(url) < 200_000
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert data_url(tmp_path / "broken.png") is None
    assert data_url(tmp_path / "missing.png") is None


PERCENT = st.floats(0, 100)
POINTS = st.lists(
    st.builds(
        lambda name, colour, shape, at, ends: Point(name, Style(colour, shape), at, *sorted(ends)[1::-1], max(ends)),
        st.text(max_size=3),
        st.integers(0, 20),
        st.integers(0, 20),
        st.floats(0, 1e6),
        st.tuples(PERCENT, PERCENT, PERCENT),
    ),
    min_size=1,
    max_size=4,
)


@given(points=POINTS)
def test_charts_draw_any_figures_inside_their_frame(points):
    for chart in (against_cost(points), side_by_side([("kind", points)])):
        width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', chart).groups())
        places = [tuple(map(float, place)) for place in re.findall(r"translate\(([-\d.]+),([-\d.]+)\)", chart)]
        assert len(places) == len(points)
        assert all(0 <= x <= width and 0 <= y <= height for x, y in places)


def test_the_losses_of_a_run_are_read_from_its_log(tmp_path):
    lines = [
        {"step": 10, "loss": 3.0},
        {"step": 10, "held_out": {"loss": 2.0, "stages": {"summary": 2.5, "conclusion": None, "tags": 0.1}}},
        {"step": 20, "held_out": {"loss": 1.0, "stages": {"summary": 1.5, "conclusion": 1}}},
        {"step": 20, "held_out": None},
        [1],
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 30, "hel')
    assert losses("m", tmp_path) == Losses("m", {"summary": [(10, 2.5), (20, 1.5)], "conclusion": [(20, 1.0)]})
    assert losses("m", None) is None
    assert losses("m", tmp_path / "nowhere") is None
