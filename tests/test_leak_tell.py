"""The statistical tell of leakage: what it hears in phrasings that no rule knows, and what it lets pass."""

import polars as pl
import pytest

from curation.validators import _tell, run
from tests.leak_phrases import HELD_OUT
from tests.make_leak_tell import FILE, phrased, written
from tests.plain_phrases import PLAIN_HELD_OUT
from tests.test_text_checks import GOOD, kinds, told, traced


def told_of(phrases: tuple[str, ...]) -> float:
    """The share of phrasings that are told."""
    said = _tell.sentences(phrased(phrases).with_row_index("phrase"))
    scores = pl.Series("score", _tell.load().scores(said["words"]))
    return said.with_columns(scores).filter(pl.col("score") > 0)["phrase"].n_unique() / len(phrases)


def words(text: str, target: str | None = None) -> list[list[str]]:
    rows = pl.DataFrame({"text": [text], "target": [target]}, {"text": pl.String, "target": pl.String})
    return _tell.sentences(rows)["words"].to_list()


def test_it_hears_most_phrasings_that_it_was_not_fitted_to():
    assert told_of(HELD_OUT) >= 0.55


def test_it_lets_pass_most_of_what_is_said_of_answers_in_such_words_by_those_who_found_them():
    assert told_of(PLAIN_HELD_OUT) <= 0.1


def test_the_file_is_what_is_read_from_it():
    assert written(_tell.load()) == FILE.read_text(encoding="utf-8")


def test_a_sentence_ends_at_a_sign_before_a_blank_and_at_a_line_s_end():
    assert words("It is 3.5 cm long. Is it?\nYes, it really is!") == [
        ["it", "is", "3.5", "cm", "long"],
        ["yes", "it", "really", "is"],
    ]


def test_the_target_is_one_word_whatever_its_case():
    assert words("So New York’s answer is New York", "new york") == [["so", "@@", "'s", "answer", "is", "@@"]]


@pytest.mark.parametrize("target", [None, "", "a", "?", "x" * 101])
def test_a_target_that_says_nothing_is_not_looked_for(target):
    assert words(f"A thing is a thing {target}", target)[0][:5] == ["a", "thing", "is", "a", "thing"]


def test_what_is_too_long_for_a_sentence_is_not_looked_at():
    assert words("they told me " * 10_000) == []
    assert told("leakage", traced(reasoning="because somebody has it, " * 10_000)) == set()


def test_a_sentence_counts_the_same_whatever_stands_beside_it():
    said = _tell.sentences(phrased(HELD_OUT))["words"]
    alone = [_tell.load().scores(said[number : number + 1])[0] for number in range(len(said))]
    assert _tell.load().scores(said).tolist() == pytest.approx(alone)


def test_no_sentences_have_no_scores():
    assert _tell.load().scores(_tell.sentences(phrased([]).cast(pl.String))["words"]).tolist() == []


def test_a_sentence_that_is_told_is_a_warning_and_the_evidence():
    said = "I only want to make it sound as if I had counted them"
    (issue,) = run("leakage", [traced(reasoning=f"{GOOD.reasoning} {said}. So it is.")])
    assert (issue.code, issue.severity.value, issue.stage.value) == ("leakage:likely", "warning", "reasoning")
    assert issue.evidence == said


def test_nothing_is_likely_where_a_phrase_says_so():
    assert kinds("leakage", traced(reasoning="As I was told, this agrees with the given answer.")) == {"answer-given"}
