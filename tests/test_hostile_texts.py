"""Texts that were made to stop the checks: they take their time, which grows with the text and no faster."""

import re
from collections.abc import Callable, Collection
from functools import partial

import polars as pl
import pytest

from curation import registry, validators
from curation.similarity.texts import Sketches
from curation.validators import FOUND, SCHEMA
from curation.validators._equations import equations
from schemas.sample import Facts
from tests.growth import MOST, assert_linear, growth

NAMES = registry.names("curation.validators")
FACTS = Facts(
    objects=(("large", "red", "metal", "cube"), ("small", "blue", "rubber", "sphere")),
    table=(("Country", "2019", "2020"), ("Peru", "12", "1,340"), ("Chile", "7.5", "88")),
    text=("Invoice 4711", "Total due $1,234.50"),
).model_dump_json()
KINDS = {
    "digits": "1234567890",
    "groups of digits": "1,234,",
    "points": "1.1.",
    "a chain of sums": "1+1=",
    "sums in brackets": "(1+",
    "brackets": "((((",
    "closed brackets": "))))",
    "fractions": r"\frac{1}{",
    "powers": "9^9^",
    "signs": "--++",
    "numbers in words": "twenty-",
    "a list of sums": "the sum of 1, 2, 3, ",
    "halves": "half of 1 is ",
    "quotes": '"a',
    "open quotes": "“",
    "objects": "3 large red and 2 small blue ",
    "adjectives": "red metal ",
    "cubes": "one cube and ",
    "names": "Aa Bb ",
    "names with values": "Peru has 12, ",
    "answers": "the correct answer ",
    "given answers": "I was given told the known ",
    "steps": "step 1: ",
    "options": "option A is ",
    "blanks": " ",
    "lines": "\n",
    "tabs": "\t ",
    "one letter": "a",
    "sorry": "I'm sorry, but I can't ",
    "placeholders": "[[{{<",
    "tags": "</CAPTION><CAPTION>",
    "nulls": "\0",
    "other scripts": "a\u0430\u4e00\u05d0",
    "right to left": "\u202e\u05d0\u05d1 12 ",
    "marks": "e\u0301\u0301\u0301",
    "the end of a sentence": ". ",
}
"""What a text is made of, over and over."""
LONG = 8000
_REASON = 10
"""Times as long for eight times as much."""
Check = Callable[[pl.DataFrame], pl.DataFrame]


def batch(texts: list[str]) -> pl.DataFrame:
    """Return rows that have each text in all stages and as the question."""
    count = len(texts)
    said = dict.fromkeys(("summary", "caption", "reasoning", "conclusion", "question", "text"), texts)
    known = {"subject": [str(number) for number in range(count)], "sample": ["s/t/1"] * count, "facts": [FACTS] * count}
    rows = pl.DataFrame(said | known | {"choices": [["red", "12"]] * count, "targets": [["12"]] * count})
    return pl.concat([SCHEMA.to_frame(), rows], how="diagonal").with_columns(
        pl.col("images", "earlier").fill_null([]), scorer=pl.lit("exact-match"), turn=pl.lit(0, pl.Int32)
    )


def filled(kinds: Collection[str], length: int) -> pl.DataFrame:
    """Return a row of each kind of text, so many characters long."""
    return batch([(kind * (length // len(kind) + 1))[:length] for kind in kinds])


def quadratic(check: Check) -> list[str]:
    """Return the kinds of text that take a check quadratic time; each is looked at where all together give reason."""
    if growth(check, partial(filled, KINDS.values()), LONG, most=_REASON) <= _REASON:
        return []
    return [name for name, kind in KINDS.items() if growth(check, partial(filled, [kind]), LONG) > MOST]


@pytest.mark.parametrize("name", NAMES)
def test_no_kind_of_text_takes_quadratic_time(name):
    assert validators.get(name).check(filled(KINDS.values(), 800)).schema == FOUND
    assert not quadratic(validators.get(name).check)


def test_a_pattern_that_takes_quadratic_time_would_be_seen():
    check, slow = validators.get("answer").check, re.compile(r"(?:\+|,)+=")  # from each sign to the last of them

    def checked(rows: pl.DataFrame) -> pl.DataFrame:
        for text in 4 * rows["reasoning"].to_list():  # so that it shows beside what the check takes
            slow.search(text.replace("-", "+"))
        return check(rows)

    assert quadratic(checked) == ["signs"]


@pytest.mark.parametrize("name", NAMES)
def test_a_row_alone_takes_no_quadratic_time(name):
    """What compares columns makes a pattern of a lone row's text."""
    assert_linear(validators.get(name).check, partial(filled, ["a1. "]), 12 * LONG)


@pytest.mark.parametrize("name", NAMES)
def test_a_megabyte_in_a_trace_takes_its_time_and_no_more(name):
    kinds = ["the answer is (1 + 1 = 2) red cubes. ", "7"]
    assert_linear(validators.get(name).check, partial(filled, kinds), 2**18)


_LOOPS_OF_WORDS = {"_PREDICATE", "_OF_WHICH"}
"""Patterns that repeat what has a repetition in it, but wants a word each time: there is one way to match it."""


@pytest.mark.parametrize("name", ["_" + part for part in sorted({"objects", "support", "quotations", "statements"})])
def test_no_pattern_repeats_a_repetition(name):
    module = __import__(f"curation.validators.{name}", fromlist=["_"])
    for variable, value in vars(module).items():
        for pattern in _patterns(value):
            assert variable in _LOOPS_OF_WORDS or not _nested(_parsed(pattern)), variable


def _patterns(value: object) -> list[re.Pattern[str]]:
    if isinstance(value, (tuple, list)):
        return [pattern for each in value for pattern in _patterns(each)]
    return [value] if isinstance(value, re.Pattern) else []


def _parsed(pattern: re.Pattern[str]) -> object:
    return re._parser.parse(pattern.pattern, pattern.flags)


def _nested(items: object, inside: bool = False) -> bool:
    """Tell whether an endless repetition stands in another: `(a+)*` can be matched in exponentially many ways."""
    for operator, value in items:
        name = str(operator)
        endless = name in ("MAX_REPEAT", "MIN_REPEAT") and value[1] == re._constants.MAXREPEAT
        parts = {"MAX_REPEAT": [2], "MIN_REPEAT": [2], "SUBPATTERN": [3], "ASSERT": [1], "ASSERT_NOT": [1]}.get(
            name, []
        )
        below = value[1] if name == "BRANCH" else [value[part] for part in parts]
        if (endless and inside) or any(_nested(each, inside or endless) for each in below):
            return True
    return False


def test_a_nested_repetition_would_be_seen():
    assert _nested(_parsed(re.compile(r"x(?:a+|b)*")))
    assert not _nested(_parsed(re.compile(r"x(?:a{1,3}|b)*c+")))


@pytest.mark.parametrize(
    "text",
    [
        "1e308 + 1e308 = 5.",
        "1/0 = 5 and 0/0 = 1, so 5 % 0 = 2.",
        "9^9^9^9 = 1, and 9**99999999 = 2.",
        "-1e999 = 3 + inf = nan.",
        f"{'9' * 5000} + 1 = {'9' * 5000}.",
        "half of 0 is 1e308, and the ratio of 5 to 0 is 7.",
        "2\0 + 2 = 5\0, \ud7ff \U0010ffff \x85 \u2028 = 1.",
    ],
)
def test_impossible_numbers_are_no_trouble(text):
    for name in NAMES:
        assert validators.get(name).check(batch([text])).schema == FOUND
    assert all(equation.holds for equation in equations(text.replace("2\0 + 2 = 5", "")))


def test_however_many_rows_are_the_same_each_is_told_once():
    sketches = Sketches()
    same = " ".join(f"word{number}" for number in range(40))
    for _ in range(10):
        sketches.add(pl.Series([same] * 1000))
    assert [pair.earlier for pair in sketches.pairs()] == [0] * 9_999


def test_one_cluster_of_all_rows_takes_no_more_pairs_than_rows():
    words = [f"word{number}" for number in range(60)]
    sketches = Sketches()
    sketches.add(pl.Series([" ".join([*words[:at], f"own{at}", *words[at + 1 :]]) for at in range(60)] * 50))
    pairs = list(sketches.pairs())
    assert len({pair.later for pair in pairs}) == len(pairs) == 2999
