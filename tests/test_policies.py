"""Policies: what each line excludes, the line that is named, the caps, and files that are no policy."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import finders, policies
from curation.contamination import report
from curation.errors import DataError, MissingError, UsageError
from curation.policies import _statements
from curation.store.contenders import Contender, Finding, Made
from curation.store.text import to_json
from schemas.review import StageVerdict
from schemas.sample import Sample, Turn
from schemas.trace import Sampling
from tests import records

NAMES = policies.names()


def policy(tmp_path, *lines):
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(lines))
    return policies.get(str(path))


def one(name="src/train/1", *findings, turn=0, sampling=None, labels=None, images=(), **known):
    """A trace that was checked, with what was found in it."""
    made = records.trace(name, turn).trace
    made = made.model_copy(update={"provenance": made.provenance.model_copy(update={"sampling": sampling})})
    asked = tuple(Turn(question="How many?", targets=("4",)) for _ in range(turn + 1))
    sample = Sample(id=name, turns=asked, labels=labels or {}, images=images)
    stored = Made("sha256:0", name, turn, known.pop("kind", "model"), "paper", "gpt-4o", to_json(made))
    found = tuple(Finding(code, severity) for code, severity in (each.split("/") for each in findings))
    known |= {"labels": known.pop("labels_", {})}
    return Contender(sample, stored, **{"checked": True, "findings": found} | known)


def reason(policy, contender):
    found = policy.why(contender)
    return found and found[1]


# The folder


def test_the_policies_are_there():
    assert {"accepted", "all", "clean"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_of_ours_says_what_it_takes_and_has_a_digest_of_its_own(name):
    found = policies.get(name)
    assert found.text.startswith("# ")
    assert found.name == name
    assert found.digest == policies.get(name).digest
    assert [other for other in NAMES if policies.get(other).digest == found.digest] == [name]


def test_clean_takes_what_was_checked_has_no_error_and_was_not_rejected():
    clean = policies.get("clean")
    assert clean.why(one()) is clean.why(one("src/train/1", "leakage:told/warning", state="accepted")) is None
    assert reason(clean, one(checked=False)) == "no validator has looked at it"
    assert reason(clean, one("src/train/1", "answer:wrong/error")) == "answer:wrong (error)"
    assert reason(clean, one(state="rejected")) == "review is rejected"


def test_accepted_takes_what_a_person_accepted_whatever_was_found():
    accepted = policies.get("accepted")
    assert [s for s in ("accepted", "edited", "rejected", "stale", None) if not accepted.why(one(state=s))] == [
        "accepted",
        "edited",
    ]
    assert accepted.why(one("src/train/1", "answer:wrong/error", state="accepted", checked=False)) is None


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(UsageError, match=r"no policy 'cleen', and no .toml file; did you mean 'clean'\?"):
        policies.get("cleen")
    with pytest.raises(UsageError, match=r"there is no policy at .*none\.toml"):
        policies.get(str(tmp_path / "none.toml"))


# Lines that look at one trace


@pytest.mark.parametrize(
    ("line", "taken", "left", "why"),
    [
        ('severity.out = ["warning"]', one("a/b/1", "length:long/info"), one("a/b/1", "length:long/warning"), "length"),
        ('code.out = ["leakage"]', one("a/b/1", "length:loop/error"), one("a/b/1", "leakage:told/info"), "leakage:to"),
        ('code.out = ["length:long"]', one("a/b/1", "length:cut/error"), one("a/b/1", "length:long/info"), "length:lo"),
        ('review.in = ["pending"]', one(), one(state="skipped"), "review is skipped"),
        ('source.in = ["a"]', one("a/b/1"), one("ab/b/1"), "source is ab"),
        ('source.out = ["a"]', one("ab/b/1"), one("a/b/1"), "source is a"),
        ('split.in = ["train"]', one("a/train/1"), one("a/val/1"), "split is val"),
        ('kind.out = ["simulated"]', one(), one(kind="simulated"), "kind is simulated"),
        ('recipe.in = ["paper"]', one(), one()._replace(made=one().made._replace(recipe=None)), "it has no recipe"),
        ('model.in = ["gpt-4o"]', one(), one()._replace(made=one().made._replace(model="x")), "model is x"),
        ('label.level.in = ["hard"]', one(labels={"level": "hard"}), one(), "it has no label level"),
        ('label.level.out = ["hard"]', one(), one(labels={"level": "hard"}), "label level is hard"),
        (
            "difficulty.right.max = 0.5",
            one(sampling=Sampling(samples=4, right=2, rationalised=False)),
            one(sampling=Sampling(samples=4, right=3, rationalised=False)),
            "difficulty.right is 0.75",
        ),
        (
            "difficulty.right.min = 0.25",
            one(),
            one(sampling=Sampling(samples=4, right=0, rationalised=True)),
            "difficulty.right is 0",
        ),
        (
            "rationalised = false",
            one(sampling=Sampling(samples=4, right=1, rationalised=False)),
            one(sampling=Sampling(samples=4, right=0, rationalised=True)),
            "with the answer in view",
        ),
        (
            "difficulty.without-image.max = 0.5",
            one(labels_={"without-image": 0.5, "caption-only": 1}),
            one(labels_={"without-image": 0.75}),
            "difficulty.without-image is 0.75",
        ),
        ("judge.votes.min = 2", one(said=(StageVerdict.NEUTRAL,) * 2), one(said=(StageVerdict.POSITIVE,)), "is 1"),
        (
            "judge.negative.max = 0",
            one(said=(StageVerdict.POSITIVE, StageVerdict.NEUTRAL)),
            one(said=(StageVerdict.POSITIVE, StageVerdict.NEGATIVE)),
            "judge.negative is 1",
        ),
    ],
)
def test_a_line_takes_and_leaves_and_says_why(tmp_path, line, taken, left, why):
    mine = policy(tmp_path, "# A comment.", line)
    assert mine.why(taken) is None
    rule, said = mine.why(left)
    assert (rule.name, rule.line) == (line.split(" = ")[0], 2)
    assert why in said


def test_a_code_that_is_allowed_does_not_count_wherever_the_line_stands(tmp_path):
    mine = policy(tmp_path, 'severity.out = ["error"]', 'code.allow = ["answer:unparsed"]')
    assert mine.why(one("a/b/1", "answer:unparsed/error")) is None
    assert reason(mine, one("a/b/1", "answer:unparsed/error", "answer:wrong/error")) == "answer:wrong (error)"


def test_the_first_line_that_excludes_a_trace_is_named(tmp_path):
    wrong = one("a/b/1", "answer:wrong/error", checked=False)
    for lines in (["checked = true", "", 'code.out = ["answer"]'], ['code.out = ["answer"]', "", "checked = true"]):
        rule, _ = policy(tmp_path, *lines).why(wrong)
        assert (rule.name, rule.line) == (lines[0].split(" = ")[0], 1)


def test_only_what_a_policy_asks_about_is_looked_up(tmp_path):
    assert policies.get("clean").wanted == (False, False, False)
    assert policy(tmp_path, 'code.out = ["answer"]').wanted == (True, False, False)
    assert policy(tmp_path, "judge.votes.min = 1").wanted == (False, True, False)
    assert policy(tmp_path, "difficulty.caption-only.max = 1").wanted == (False, False, True)


def test_tables_and_lists_over_several_lines_are_found_at_their_first(tmp_path):
    lines = ["[severity]", "# not these", "out = [", '  "error",', "]", "[cap]", "source = { a = 1, b = 2 }"]
    mine = policy(tmp_path, *lines)
    assert [(each.name, each.line) for each in mine.lines] == [
        ("severity.out", 3),
        ("cap.source.a", 7),
        ("cap.source.b", 7),
    ]


@given(st.lists(st.sampled_from(["", "# x = [", 'a{} = "]"', "b{} = [\n1,\n\n2]", 'c{} = """\n[d]\n"""', "[t{}]"])))
def test_every_statement_is_found_on_the_line_on_which_it_begins(parts):
    text, places = "", {}
    for number, part in enumerate(parts):
        if part and part[0] in "abc":
            places[f"{part[0]}{number}"] = text.count("\n") + 1
        text += part.format(number) + "\n"
    assert {each.path[-1]: each.line for each in _statements.read(text)} == places


# What is no policy


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('severity.ot = ["error"]', "nothing is called 'severity.ot'; did you mean 'severity.out'?"),
        ('label.level.ni = ["a"]', "did you mean 'label.level.in'?"),
        ("cap.images = 3", "did you mean 'cap.image'?"),
        ("[[cap]]\nsource = 3", "a table is begun by [name], and never twice"),
        ('severity.out = ["eror"]', "there is no 'eror'; did you mean 'error'?"),
        ('review.in = ["acepted"]', "there is no 'acepted'; did you mean 'accepted'?"),
        ('code.out = ["leakge:told"]', "nothing is found by 'leakge'; did you mean 'leakage'?"),
        ('code.allow = ["leakge"]', "did you mean 'leakage'?"),
        ("severity.out = []", "severity.out is a list of texts"),
        ('severity.out = "error"', "severity.out is a list of texts"),
        ("checked = false", "checked is true, or is left out"),
        ("keep_rejected = 1", "keep_rejected is true or false"),
        ("cap.image = 0", "cap.image is a whole number from 1"),
        ("cap.image = true", "cap.image is a whole number from 1"),
        ('difficulty.right.max = "0.9"', "difficulty.right.max is a number"),
        ("mixture.a = 0", "mixture.a is a number above 0"),
        ("mixture.a = inf", "mixture.a is a number above 0"),
        ('mixture = "llava-cot-100"', "did you mean 'llava-cot-100k'?"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_line(tmp_path, line, why):
    with pytest.raises(DataError, match=r"mine\.toml, line [34]: ") as refused:
        policy(tmp_path, "# A comment.", "", line)
    assert why in str(refused.value)


def test_what_is_no_toml_is_refused_with_its_place(tmp_path):
    with pytest.raises(DataError, match=r"mine\.toml: .*at line 2"):
        policy(tmp_path, "checked = true", "cap.source = = 3")
    with pytest.raises(DataError, match="more than 1,000 lines"):
        policy(tmp_path, *["#"] * 1_001)
    (tmp_path / "mine.toml").write_bytes(b"\xff")
    with pytest.raises(DataError, match="can't be read"):
        policies.get(str(tmp_path / "mine.toml"))


# Caps and mixtures


def stays(mine, contenders, seed=0):
    """The ids and turns of those that the caps and the mixture leave."""
    pool = mine.pool(seed)
    for each in contenders:
        pool.add(each)
    out = {int(number) for numbers in pool.excluded() for number in numbers}
    return {(each.sample.id, each.made.turn) for number, each in enumerate(contenders) if number not in out}


def many(count, source="a"):
    return [one(f"{source}/train/{number:03d}") for number in range(count)]


@given(st.integers(1, 30), st.integers(0, 40), st.integers(0, 3))
def test_a_cap_leaves_so_many_and_never_brings_back_what_was_left_out(most, count, seed):
    mine = policies._read("mine", f"cap.source = {most}")
    every = many(count)
    before = stays(mine, every[: count // 2], seed)
    after = stays(mine, every[::-1], seed)
    assert len(after) == min(most, count)
    first = {(each.sample.id, 0) for each in every[: count // 2]}
    assert after & first <= before


def test_the_seed_chooses(tmp_path):
    mine = policy(tmp_path, "cap.source = 20")
    chosen = [stays(mine, many(40), seed) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_the_turns_of_a_sample_stay_together_from_the_first(tmp_path):
    turns = [one(f"a/train/{number}", turn=turn) for number in range(20) for turn in range(3)]
    left = stays(policy(tmp_path, "cap.source = 31"), turns)
    whole = Counter(Counter(sample for sample, _ in left).values())
    assert whole == {3: 10, 1: 1}
    assert all((sample, turn - 1) in left for sample, turn in left if turn)


def test_each_cap_counts_its_own_groups_and_only_what_those_before_it_leave(tmp_path):
    pictures = [records.picture(shade).ref for shade in range(4)]
    asked = [one(f"a/train/{n:02d}", images=(pictures[n % 4],), labels={"level": "hard"}) for n in range(12)]
    others = [one(f"b/train/{n:02d}") for n in range(5)]
    left = stays(policy(tmp_path, "cap.image = 2", "cap.source.a = 6", "cap.source.b = 9"), asked + others)
    assert Counter(sample.split("/")[0] for sample, _ in left) == {"a": 6, "b": 5}
    per_image = Counter(int(sample[-2:]) % 4 for sample, _ in left if sample[0] == "a")
    assert max(per_image.values()) <= 2
    assert len(stays(policy(tmp_path, "cap.label.level = 3"), asked + others)) == 3 + 5
    assert len(stays(policy(tmp_path, "cap.answer = 3"), asked + others)) == 3 + 3
    assert len(stays(policy(tmp_path, "cap.question-type = 4"), asked + others)) == 4 + 4


def test_a_mixture_keeps_as_much_as_its_shares_allow_and_leaves_other_sources_out(tmp_path):
    every = many(40, "a") + many(7, "b") + many(9, "c")
    for lines in (["mixture.a = 2", "mixture.b = 1"], ["[mixture]", "a = 0.5", "b = 0.25"]):
        left = stays(policy(tmp_path, *lines), every)
        assert Counter(sample[0] for sample, _ in left) == {"a": 14, "b": 7}
    with pytest.raises(MissingError, match="line 2 of the policy gives a share to d, and no trace of it is left"):
        stays(policy(tmp_path, "checked = true", "mixture.d = 1"), every)


def test_a_mixture_of_rows_can_be_named(tmp_path):
    mine = policy(tmp_path, 'mixture = "llava-cot-100k"')
    assert mine.mixture.shares["chartqa"] == 17_200
    assert [mine.mixture.why(one(f"{source}/train/1")) for source in ("chartqa", "other")] == [
        "more of chartqa than its share",
        "other has no share",
    ]


def test_the_order_of_lines_is_the_order_of_exclusion(tmp_path):
    mine = policy(tmp_path, "mixture.a = 1", "cap.image = 2", "checked = true", "cap.source = 3")
    assert [each.line for each in mine.lines] == [3, 2, 4, 1]


def test_all_that_finds_something_can_be_named():
    assert {"answer", "duplicate", "judge", "comparison", "difficulty", "model", report.NAME} <= set(finders.names())
