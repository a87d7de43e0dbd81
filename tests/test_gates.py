"""Gates: rows and texts that validators need not read are told apart without losing a finding."""

from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.validators import SCHEMA, consistency, frame, structure
from curation.validators._gates import gated
from curation.validators._spotting import holds, may_hold, words
from schemas.trace import Stages, parse_answer
from tests.clean_traces import clean
from tests.corruptor import corrupted


@pytest.fixture(scope="module")
def traces():
    good = clean(150)
    return frame({each.id: each for each in [*good, *(planted.subject for planted in corrupted(good[:60]))]}.values())


def open_wide(row):
    """Return a row of the batch as if every gate were open for it."""
    every = [True] * 4
    return consistency._Said(*row, equates=every, tells=every, claims=every, steps=True, order=True, ends=True)


def test_no_gate_hides_a_finding(traces):
    rows = map(open_wide, traces.select(consistency._READ).iter_rows())
    everything = [found for row in rows for found in consistency._findings(row)]
    assert everything
    assert consistency.check(traces).rows() == everything


SAID = ("So it is 36.", "That leaves 36°", "= 36 cm.", "is 3.5%", "with 1,236", "to 1990", "in step 36", "gives 36th.")
MORE = (
    "So two are left.",
    "Nothing speaks against it.",
    "the answer is 7",
    "36 more",
    "which is one of them",
    "Thus é.",
)
CONCLUDED = ("36", "36°", "$36", "36.", "3.5%", "7", "236", "36 cm", "two", "Peru")


def test_no_gate_hides_a_wrong_ending():
    rng = Random(0)
    told = [" ".join([*rng.choices(SAID + MORE, k=rng.randrange(1, 5)), "That is all."]) for _ in range(1500)]
    batch = pl.DataFrame({"subject": [str(number) for number in range(len(told))], "reasoning": told}).with_columns(
        source=pl.lit("x"),
        question=pl.lit("How many?"),
        caption=pl.lit("There are 36 cubes."),
        choices=pl.Series([rng.choice([[], ["36", "7"], ["36°"]]) for _ in told], dtype=pl.List(pl.String)),
        conclusion=pl.Series(rng.choices(CONCLUDED, k=len(told))),
    )
    batch = batch.match_to_schema(SCHEMA, missing_columns="insert")
    rows = map(open_wide, batch.select(consistency._READ).iter_rows())
    everything = [found for row in rows for found in consistency._findings(row)]
    assert {found[1] for found in everything} >= {"conclusion", "result", "unsupported"}
    assert consistency.check(batch).rows() == everything


WORDS = st.lists(
    st.sampled_from(["Red", "red", "ΣΑΣ", "σας", "½", "don't", "a_b", "é", "--", "", "\n", "İ", "答案"]), max_size=6
)


@given(WORDS, WORDS)
def test_a_text_that_holds_anothers_words_may_hold_them(text, part):
    both = pl.DataFrame({"text": " ".join(text), "part": " ".join(part)})
    told = both.select(
        may=may_hold(pl.col("text"), pl.col("part")), does=holds(words(pl.col("text")), words(pl.col("part")))
    )
    assert told["may"].item() or not told["does"].item()


def test_gates_leave_out_most_good_traces():
    good = frame(clean(200)).filter(pl.col("source") != "scenes")
    assert len(gated(good, consistency._READ, "scenes")) < 0.7 * len(good)


TAGS = [f"<{slash}{name}>" for name in ("SUMMARY", "CAPTION", "REASONING", "CONCLUSION") for slash in ("", "/")]
WHOLE = "<SUMMARY>a</SUMMARY> <CAPTION>b</CAPTION>\n<REASONING>c</REASONING><CONCLUSION>d</CONCLUSION>"
BLANKS = st.sampled_from(["", " ", "\n", "\x1c", "\u2003", "\0", "é", "答", "<b>", "{", "```"])


@given(st.lists(st.sampled_from([*TAGS, "x"]) | BLANKS, max_size=12), BLANKS, BLANKS)
def test_a_text_is_whole_only_where_the_parser_finds_the_four_stages(pieces, before, inside):
    texts = ["".join(pieces), before + WHOLE, WHOLE + before, *(WHOLE.replace(each, inside) for each in "abcd")]
    told = pl.DataFrame({"text": texts}).select(structure._is_whole()).to_series()
    assert all(isinstance(parse_answer(text), Stages) for text, whole in zip(texts, told, strict=True) if whole)


def test_a_plain_trace_is_told_as_whole_without_the_parser():
    assert pl.DataFrame({"text": [WHOLE]}).select(structure._is_whole()).item()
