"""Arithmetic in texts is evaluated exactly, or not at all; equations and statements are wrong only where they are."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from curation.validators._arithmetic import MOST_TOKENS, NotReadError, Reader, tokens
from curation.validators._conclusions import same
from curation.validators._equations import equations
from curation.validators._figures import figures, in_words
from curation.validators._statements import statements

MEGABYTE = 2**20
SIGNS = {"+": ("+", "plus"), "-": ("−", "minus", "–"), "*": ("×", "*", "·", "x", "times"), "/": ("/", "÷", "∕")}
numbers = (
    st.integers(0, 9999).map(str) | st.decimals(0, 999, places=2).map(str) | st.integers(1000, 10**7).map("{:,}".format)
)


def _joined(parts):
    """An expression as Python writes it, and as people do."""
    (left, said), (right, told), sign, drawn = parts
    return f"({left} {sign} {right})", f"({said} {drawn} {told})"


leaves = numbers.map(lambda text: (f"Fraction('{text.replace(',', '')}')", text))
signs = st.sampled_from([(sign, form) for sign, forms in SIGNS.items() for form in forms])
pairs = lambda inner: st.tuples(inner, inner, signs).map(lambda each: _joined((each[0], each[1], *each[2])))  # noqa: E731
expressions = st.recursive(leaves, pairs, max_leaves=12)


def evaluate(text):
    """The value of a text that is an expression and nothing else; None where it is none."""
    found = tokens(text)
    reader = Reader(found, 0)
    try:
        side = reader.side()
    except NotReadError:
        return None
    return side.value if reader.at == len(found) < MOST_TOKENS else None


def wrong(text):
    return [text[each.start : each.end] for each in equations(text) if not each.holds]


@given(expressions)
def test_an_expression_has_the_value_that_python_gives_it(expression):
    ours, said = expression
    try:
        value = eval(ours, {"Fraction": Fraction})
    except ZeroDivisionError:
        value = None
    assert evaluate(said) == value


@given(numbers, numbers, numbers, signs, signs)
def test_signs_bind_as_they_do_in_python(one, two, three, first, second):
    fractions = [f"Fraction('{each.replace(',', '')}')" for each in (one, two, three)]
    try:
        value = eval(f"{fractions[0]} {first[0]} {fractions[1]} {second[0]} {fractions[2]}", {"Fraction": Fraction})
    except ZeroDivisionError:
        value = None
    assert evaluate(f"{one} {first[1]} {two} {second[1]} {three}") == value


@given(st.integers(-20, 20), st.integers(0, 12))
def test_powers_are_those_of_python(base, exponent):
    assert evaluate(f"({base})^{exponent}") == Fraction(base) ** exponent


def test_a_side_that_is_larger_than_any_float_is_no_figure():
    huge = " × ".join(["10^64"] * 6)
    (equation,) = equations(f"{huge} = {huge}")
    assert equation.holds
    assert equation.sizes == []


@given(st.text(max_size=60))
def test_any_text_is_evaluated_or_not(text):
    assert evaluate(text) is None or isinstance(evaluate(text), int | Fraction)
    assert all(0 <= each.start < each.end <= len(text) for each in equations(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1/0",
        "0^-1",
        "10**10**10",
        "9^9^9^9",
        "2^0.5",
        "1e308 + 1",
        "1 +",
        "+",
        "x + 1",
        "2x",
        "f(2)",
        "((((1",
        "1 2",
        "9" * 99,
    ],
)
def test_what_is_no_bounded_expression_has_no_value(text):
    assert evaluate(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "(" * MEGABYTE, "1 + " * MEGABYTE, "9" * MEGABYTE, "9" * MEGABYTE + " + 1 = 2", "= " * MEGABYTE,
        "2^" * MEGABYTE,
        "(1" * MEGABYTE, "1 = " * MEGABYTE, "a" * MEGABYTE + " = 3", "1," * MEGABYTE, "half of " * MEGABYTE,
        "sum of " + "1, " * MEGABYTE, "difference between " * 10**5, "\\frac{" * 10**5, "99999 ** 64 ** 64 = 1 + 1",
    ],
)  # fmt: skip
def test_no_text_keeps_the_parser_busy(text):
    assert [each for each in (*equations(text), *statements(text)) if not each.holds] == []


@given(st.lists(st.integers(0, 999), min_size=2, max_size=6), st.integers(1, 50))
def test_a_wrong_sum_is_found_and_a_right_one_is_not(terms, off):
    said = " + ".join(map(str, terms))
    assert wrong(f"In total {said} = {sum(terms)} bars.") == []
    assert wrong(f"In total {said} = {sum(terms) + off} bars.") == [f"{said} = {sum(terms) + off}"]


@given(st.decimals(0, 500, places=2), st.decimals(1, 500, places=2), st.integers(0, 3))
def test_a_rounded_quotient_holds(one, two, places):
    assume(two)
    rounded = round(Fraction(one) / Fraction(two), places)
    cut = Fraction(math.floor(Fraction(one) / Fraction(two) * 10**places), 10**places)
    for result in (rounded, cut):
        assert wrong(f"{one} / {two} = {float(result):.{places}f}") == []


@pytest.mark.parametrize(
    "text",
    [
        "12 + 30 = 41", "12 plus 30 is 41", "12 − 5 equals 8", "12 × 3 = 37", "1,200 + 300 = 1,600",
        "12.3 + 45.6 = 57.8",
        "12% + 30% = 41%", "3 apples + 4 apples = 8", "Peru (12) + Chile (30) = 41", "$12.50 + $3.50 = $15",
        "20% of 50 = 11", "1.2 million + 0.3 million = 1.6 million", "5 × (3 + 2) = 24", "2^3 = 9", "3² + 4² = 26",
        "180° - 50° - 60° = 71°", "100 / 3 ≈ 30", "(1.5 + 2.5) / 2 = 2.1", "12 + 30 = 41 + 5 = 46", "1 + 2 = 3 = 4",
        "3 + 4 = 7 and 8 + 1 = 10", r"\( 5 \times 3 = 16 \)", r"\frac{1}{2} \times 4 = 3", "**12** + **30** = **41**",
        "5 - 9 = 4", "16 minus 16, which is 70", "66.67% - 33.33% = 33.44%", "5 hours - 2 hours = 4 hours",
    ],
)  # fmt: skip
def test_wrong_equations_are_found(text):
    assert wrong(f"It is clear that {text}, as one sees.")


@pytest.mark.parametrize(
    "text",
    [
        "12 + 30 = 42", "12 plus 30 is 42", "1,200 + 300 = 1,500", "12% + 30% = 42%", "15/60 = 25%",
        "(15/60) × 100 = 25%",
        "20% of 50 = 10", "100/3 = 33.3", "100/3 = 33", "7 / 2 = 3 remainder 1", "12 + 30 = 42 + 5 = 47",
        "3 ÷ 4 = 0.75",
        "2010-2015 = 5 years", "x = 5 + 3 = 8", "AB + 5 = 10", "2x + 3 = 7", "2m + 3 = 7", "H2 + O2 = 2H2O",
        "4Na + O2 = 2Na2O",
        "log 100 + 3 = 5", "half of 10 + 2 = 7", "10:30 + 0:45 = 11:15", "1 1/2 + 1 = 2 1/2", "12,5 + 2,5 = 15",
        "5! + 2 = 7",
        "3 hours + 30 minutes = 3.5 hours", "1 km + 500 m = 1500 m", "500 thousand + 1 million = 1.5 million",
        "2 dozen + 3 = 27", "2 × 3.14 × 5 = 31.42", "33.3 × 3 = 100", "√9 + 1 = 4", "f(2) + 3 = 8", "- 5 + 3 = 8",
        "50 + 20% = 60", "a ≤ 2 + 3", "1 + 1 != 3", "12/05/1998 = today", "Fig. 3 - 2 is shown", "24/7 is 5 words",
    ],
)  # fmt: skip
def test_what_may_be_right_is_let_go(text):
    assert wrong(f"It is clear that {text}.") == []


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("half of 50 is 20", False),
        ("Half of 50 apples is 25 apples", True),
        ("the difference between 12 and 7 is 4", False),
        ("the difference between 12% and 7% is 5 percentage points", True),
        ("the sum of 3, 4 and 5 is 11", False),
        ("the sum of 3, 4, and 5 is 12", True),
        ("the average of 10, 20 and 40 is 23.3", True),
        ("twenty percent of 50 is 10", True),
        ("20% of 50 is 11", False),
        ("twice 12 is 25", False),
        ("subtracting 3 from 10 gives 6", False),
        ("dividing 30 by 4 gives about 8", True),
        ("the difference between twelve and seven is five", True),
        ("the total of 12 and 30 is 43", False),
    ],
)
def test_arithmetic_in_words_is_checked(text, holds):
    found = [each.holds for each in statements(text)]
    assert found in ([holds], [holds] if not holds else [])


def test_years_and_ratios_are_no_arithmetic_in_words():
    assert list(statements("The difference between 2010 and 2015 is 4.2.")) == []
    assert list(statements("The ratio of 3 to 4 is 3 to 4.")) == []
    assert list(statements("Half of 50 is 5 more than 20.")) == []


@given(st.integers(0, 10**9), st.integers(0, 3))
def test_a_figure_is_read_as_it_is_written(number, places):
    text = f"{number / 10**places:,.{places}f}"
    (found,) = figures(f"It shows {text} units.")
    assert (found.value, found.places) == (float(text.replace(",", "")), places)


@given(st.integers(0, 99))
def test_numbers_in_words_are_read(number):
    words = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    tens = "twenty thirty forty fifty sixty seventy eighty ninety"
    small, large = words.split(" "), tens.split(" ")
    assume(number < len(small) or (number > 20 and number % 10))
    word = small[number] if number < len(small) else f"{large[number // 10 - 2]}-{small[number % 10]}"
    (found,) = figures(f"There are {word} bars.")
    assert (found.value, found.spelled) == (number, True)
    assert in_words(word) == number


def test_parts_of_names_and_ordinals_are_no_figures():
    assert figures("B2 and H2O, the 3rd, the 1990s, " + "9" * 99) == ()


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("62%", "0.62", True),
        ("1.2 million", "1,200,000", True),
        ("15.33", "15", True),
        ("15", "16", False),
        ("15.3", "15.4", False),
        ("42", "42.0", True),
    ],
)
def test_figures_are_the_same_in_other_forms(one, other, are_same):
    assert same(figures(one)[0], figures(other)[0]) is are_same
