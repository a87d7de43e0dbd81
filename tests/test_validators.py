"""Every validator keeps the contract; each finds what it is for, and says where."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import registry, validators
from curation.errors import UsageError
from curation.validators import FOUND, SCHEMA, Subject, frame, run
from schemas.issue import Severity
from schemas.sample import Sample, Turn
from schemas.trace import STAGES, Fault, Provenance, Stages, Trace, parse_answer, to_tagged
from tests.strategies import TAGS, any_text, stages, turns

NAMES = registry.names("curation.validators")
MEGABYTE = 2**20
GOOD = Stages(summary="I look.", caption="Two bars.", reasoning="1 + 1 = 2", conclusion="2")


def sample(turn=None, name="1"):
    return Sample(id=f"chartqa/train/{name}", turns=(turn or Turn(question="How many bars?"),))


def trace_of(sample, stages):
    provenance = Provenance(kind="human", created_at="2025-01-01T00:00:00Z")
    return Trace(sample_id=sample.id, turn=0, stages=stages, provenance=provenance)


def traced(stages=GOOD, turn=None, name="1"):
    """A trace as a subject."""
    asked = sample(turn, name)
    return Subject.of(asked, trace_of(asked, stages))


def answered(text, name="1"):
    """An answer that could not be read, as a subject."""
    return Subject(sample(name=name), 0, text, None, call_key=f"sha256:{name}")


def asks(*targets, scorer="relaxed-accuracy"):
    return Turn(question="How many bars?", targets=targets, scorer=scorer)


ODD = Stages(summary="\0", caption="\ud800", reasoning="\u202e\u05d0", conclusion="\U0010ffff")
HOSTILE = [
    answered(""),
    answered("\0", "nul"),
    answered("\ud800 half a character", "surrogate"),
    answered("<SUMMARY>" * (MEGABYTE // 99), "tags"),
    answered("{" * MEGABYTE, "braces"),
    answered('{"summary": "\\ud800"}', "escaped"),
    answered("\u202eright to left\u202c <SUMMARY>", "direction"),
    traced(GOOD.model_copy(update={"reasoning": "1 + " * (MEGABYTE // 4)}), asks("1"), "long"),
    traced(ODD, asks("\ud800"), "odd"),
    traced(turn=Turn(question="\ud800", targets=("\0",), choices=("\udfff",), context="\ud800", scorer=None), name="q"),
    traced(turn=asks(""), name="blank"),
    traced(turn=Turn(question="How many cubes are there?"), name="scene"),
    traced(ODD, Turn(question="What colour is the cube?", choices=("\ud800",)), "odd-scene"),
]  # fmt: skip


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


# The contract


def test_the_checks_are_there():
    assert {"structure", "answer", "consistency"} <= set(NAMES)


def test_an_unknown_validator_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="no validator named 'structur'; did you mean 'structure'"):
        validators.get("structur")


def test_a_validator_says_what_it_checks_and_has_a_version(name):
    validator = validators.get(name)
    assert validator.__doc__
    assert validator.check.__doc__
    assert validators.versions([name]) == {name: validator.VERSION}
    assert validator.VERSION >= 1


def test_all_versions_are_given_where_none_is_named():
    assert set(validators.versions()) == set(NAMES)


def test_an_empty_batch_has_no_findings(name):
    assert run(name, []) == []
    assert validators.get(name).check(frame([])).schema == FOUND


def test_a_batch_has_the_schema_whatever_is_in_it():
    assert frame([]).schema == frame(HOSTILE).schema == SCHEMA


def test_a_finding_is_in_the_schema_about_a_subject_and_of_a_known_severity(name):
    found = validators.get(name).check(frame(HOSTILE))
    assert found.schema == FOUND
    assert set(found["subject"]) <= {subject.id for subject in HOSTILE}
    assert set(found["severity"]) <= set(Severity)
    assert set(found["stage"].drop_nulls()) <= set(STAGES)
    assert found["what"].str.contains(r"^[a-z0-9-]+$").all()
    assert found["message"].str.len_chars().is_between(1, 500).all()
    assert found["evidence"].str.len_chars().is_between(0, 500).all()


def test_a_check_is_total_and_gives_the_same_twice(name):
    once = run(name, HOSTILE)
    assert once == run(name, HOSTILE)
    assert len({issue.id for issue in once}) == len(once)


def test_the_order_of_rows_does_not_matter(name):
    shuffled = random.Random(7).sample(HOSTILE, len(HOSTILE))
    assert sorted(issue.id for issue in run(name, shuffled)) == sorted(issue.id for issue in run(name, HOSTILE))


def test_the_neighbours_of_a_row_do_not_matter(name):
    alone = [issue.id for subject in HOSTILE for issue in run(name, [subject])]
    assert sorted(alone) == sorted(issue.id for issue in run(name, HOSTILE))


@pytest.mark.parametrize("name", NAMES)
@given(text=st.lists(st.sampled_from(TAGS) | any_text, max_size=12).map("".join), written=stages(), turn=turns())
def test_any_text_is_checked(name, text, written, turn):
    turn = turn.model_copy(update={"scorer": "relaxed-accuracy" if turn.scorer else None})
    for issue in run(name, [answered(text), traced(written, turn)]):
        assert issue.validator == name
        assert issue.sample_id == "chartqa/train/1"


def test_an_issue_names_sample_turn_and_trace_or_call():
    (about_trace,) = run("answer", [traced(turn=asks("3"))])
    assert (about_trace.sample_id, about_trace.turn) == ("chartqa/train/1", 0)
    assert about_trace.trace_id == traced(turn=asks("3")).id
    assert about_trace.call_key is None
    about_call = run("structure", [answered("no tags")])[0]
    assert (about_call.trace_id, about_call.call_key) == (None, "sha256:1")


# Structure

S, C, R, E = (f"<{stage.tag}>{GOOD[stage]}</{stage.tag}>" for stage in STAGES)


@pytest.mark.parametrize(
    ("text", "code", "stage", "evidence"),
    [
        (S + C + E, "structure:missing", "reasoning", ""),
        (S + C + R + E + E, "structure:doubled", "conclusion", E),
        (C + S + R + E, "structure:reordered", "summary", (S + R + E)[:80]),
        (S + C + R + "<CONCLUSION>2", "structure:unclosed", "conclusion", "<CONCLUSION>2"),
        (S + C + "</REASONING>" + E, "structure:unopened", "reasoning", "</REASONING>" + E),
        (S + f"<CAPTION>{R}</CAPTION>" + E, "structure:nested", "reasoning", (R + "</CAPTION>" + E)[:80]),
        (S + C + R + "<CONCLUSION> </CONCLUSION>", "structure:empty", "conclusion", "<CONCLUSION> </CONCLUSION>"),
        ("Sure!" + S + C + R + E, "structure:text-outside", "summary", ("Sure!" + S + C + R + E)[:80]),
        (S + C + R + E + "Done.", "structure:text-outside", None, "Done."),
        ('{"summary": "a", "caption": "b", "reasoning": "c"}', "structure:missing", "conclusion", None),
        ('{"summary": "a", "caption": "", "reasoning": "c", "conclusion": "d"}', "structure:empty", "caption", ""),
        ("I can't assist with that.", "structure:text-outside", None, "I can't assist with that."),
    ],
)
def test_structure_finds_each_fault_with_its_stage_and_evidence(text, code, stage, evidence):
    issue = next(issue for issue in run("structure", [answered(text)]) if issue.code == code)
    assert issue.stage == stage
    assert issue.severity is Severity.ERROR
    assert evidence is None or issue.evidence == evidence
    assert (stage or "").upper() in issue.message


@given(st.lists(st.sampled_from([*TAGS, "x", " "]), max_size=12).map("".join))
def test_structure_finds_what_the_parser_finds(text):
    faults = parse_answer(text)
    wanted = [] if isinstance(faults, Stages) else [(f.kind.replace("_", "-"), f.stage, f.evidence) for f in faults]
    found = [(issue.code.split(":")[1], issue.stage, issue.evidence) for issue in run("structure", [answered(text)])]
    assert found == wanted


def test_structure_has_words_for_every_fault():
    kinds = Fault.model_json_schema()["properties"]["kind"]["enum"]
    structure = validators.get("structure")
    for kind in kinds:
        fault = Fault(kind=kind, stage="caption", start=0, evidence="", count=3)
        assert structure._message(fault).startswith("CAPTION ")
        assert structure._message(fault).endswith("(3 times)")


@given(stages())
def test_structure_has_nothing_to_say_about_a_trace(written):
    assert run("structure", [traced(written)]) == []
    assert run("structure", [answered("\n" + to_tagged(written) + "\n")]) == []


# Answer


def test_answer_has_nothing_to_say_about_a_right_conclusion():
    assert run("answer", [traced(turn=asks("2")), traced(turn=asks("3", "2"), name="second")]) == []


def test_answer_quotes_both_sides_of_a_wrong_conclusion():
    (issue,) = run("answer", [traced(turn=asks("3", "drei"))])
    assert (issue.code, issue.stage, issue.severity) == ("answer:wrong", "conclusion", Severity.ERROR)
    assert issue.evidence == "2"
    assert "3 or drei" in issue.message
    assert "relaxed-accuracy gives 0" in issue.message


@pytest.mark.parametrize(
    "turn", [asks(), asks("3", scorer=None), Turn(question="How many?")], ids=["no target", "no scorer", "neither"]
)
def test_answer_says_nothing_where_it_cannot_judge(turn):
    assert run("answer", [traced(turn=turn)]) == []


def test_answer_says_nothing_about_an_answer_that_could_not_be_read():
    assert run("answer", [Subject(sample(asks("3")), 0, "no tags", None, call_key="sha256:1")]) == []


def test_answer_uses_the_scorer_of_each_turn(monkeypatch):
    asked = []

    class Never:
        def __init__(self, name):
            self.name = name

        def score(self, prediction, turn):
            asked.append((self.name, prediction, turn.targets))
            return validators.get("answer").scorers.Score(0.25, False)

    monkeypatch.setattr("curation.scorers.get", Never)
    found = run("answer", [traced(turn=asks("2", scorer="a")), traced(turn=asks("5", "6", scorer="b"), name="second")])
    assert asked == [("a", "2", ("2",)), ("b", "2", ("5", "6"))]
    assert [issue.message.split(";")[0] for issue in found] == ["a gives 0.25", "b gives 0.25"]


def test_answer_keeps_its_quotes_short():
    (issue,) = run("answer", [traced(GOOD.model_copy(update={"conclusion": "x" * 9999}), asks("y" * 9999))])
    assert len(issue.evidence) == 200
    assert len(issue.message) < 300
