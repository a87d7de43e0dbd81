"""A text is the four stages, or it says which stage is wrong and how; a record's id is its content."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.digest import canonical_json, digest_json
from schemas.issue import Issue, Severity
from schemas.sample import Record
from schemas.trace import (
    STAGES,
    Fault,
    Provenance,
    Stage,
    Stages,
    Trace,
    parse_answer,
    parse_json,
    parse_tagged,
    to_tagged,
)
from tests.growth import assert_linear
from tests.strategies import TAGS, any_text, issues, json_values, records, samples, stages, traces, unicode_text

BODIES = {"summary": "I look.", "caption": "Two bars.", "reasoning": "1 + 1 = 2", "conclusion": "2"}
GOOD = Stages(**BODIES)
S, C, R, E = (f"<{stage.tag}>{GOOD[stage]}</{stage.tag}>" for stage in STAGES)
FRAGMENTS = [
    "<",
    ">",
    "/",
    "</",
    "<SUMMARY",
    "SUMMARY>",
    "<summary>",
    '<CAPTION id="1">',
    " ",
    "\n\n",
    "\u2028",
    "x",
    "\ud800",
    "\0",
]

tag_soup = st.lists(st.sampled_from(TAGS + FRAGMENTS) | any_text, max_size=30).map("".join)
nearly_good = st.lists(st.sampled_from([S, C, R, E, "\n", "x", *TAGS]), max_size=7).map("".join)
texts = tag_soup | nearly_good | stages().map(to_tagged)


def reference(text):
    """Say whether a text is a record, as plainly as it can be said."""
    found = []
    for stage in STAGES:
        text = text.lstrip()
        if not text.startswith(f"<{stage.tag}>"):
            return None
        body, closed, text = text.removeprefix(f"<{stage.tag}>").partition(f"</{stage.tag}>")
        if not closed or not body.strip() or any(tag in body for tag in TAGS):
            return None
        found.append(body.strip())
    return None if text.strip() else tuple(found)


def faults(text):
    found = parse_answer(text)
    assert isinstance(found, tuple), "the text was accepted"
    return {(fault.kind, fault.stage) for fault in found}


# The text form


@given(stages())
def test_what_is_written_as_text_is_read_as_it_was(written):
    assert parse_tagged(to_tagged(written)) == written


@given(stages(), st.lists(st.text(" \t\r\n", max_size=3), min_size=13, max_size=13))
def test_blanks_in_tags_and_lines_between_stages_change_nothing(written, blanks):
    gaps = iter(blanks)
    text = "".join(
        f"{next(gaps)}<{stage.tag}>{next(gaps)}{written[stage]}{next(gaps)}</{stage.tag}>" for stage in STAGES
    )
    assert parse_tagged(text + next(gaps)) == written


def test_the_form_of_llava_cot_is_read():
    text = "\n\n".join(f"<{stage.tag}> {GOOD[stage]} </{stage.tag}>" for stage in STAGES)
    assert parse_tagged(text) == GOOD


def test_a_stage_keeps_lines_angle_brackets_and_foreign_tags():
    body = "a < b > c\n\n<b>bold</b> <summary> </Caption> &lt;"
    assert parse_tagged(S + f"<CAPTION>{body}</CAPTION>" + R + E) == GOOD.model_copy(update={"caption": body})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {("missing", stage) for stage in STAGES}),
        (" \n ", {("missing", stage) for stage in STAGES}),
        ("I can't help.", {("missing", stage) for stage in STAGES} | {("text_outside", None)}),
        (C + R + E, {("missing", Stage.SUMMARY)}),
        (S + R + E, {("missing", Stage.CAPTION)}),
        (S + C + E, {("missing", Stage.REASONING)}),
        (S + C + R, {("missing", Stage.CONCLUSION)}),
        (S + S + C + R + E, {("doubled", Stage.SUMMARY)}),
        (S + C + R + E + E, {("doubled", Stage.CONCLUSION)}),
        (S + C + R + E + S + C + R + E, {("doubled", stage) for stage in STAGES}),
        (C + S + R + E, {("reordered", Stage.SUMMARY)}),
        (S + C + E + R, {("reordered", Stage.REASONING)}),
        (E + R + C + S, {("reordered", stage) for stage in STAGES[:3]}),
        (S + C + R + "<CONCLUSION>2", {("unclosed", Stage.CONCLUSION)}),
        (S + "<CAPTION>x" + R + E, {("unclosed", Stage.CAPTION)}),
        (S + C + R + "2</CONCLUSION>", {("unopened", Stage.CONCLUSION), ("text_outside", Stage.CONCLUSION)}),
        (S + C + "</REASONING>" + E, {("unopened", Stage.REASONING)}),
        (S + "<CAPTION>x</SUMMARY></CAPTION>" + R + E, {("unopened", Stage.SUMMARY)}),
        (S + f"<CAPTION>a{R}b</CAPTION>" + E, {("nested", Stage.REASONING)}),
        (f"<SUMMARY>a<SUMMARY>b</SUMMARY>{C}{R}{E}", {("nested", Stage.SUMMARY)}),
        (f"<SUMMARY>{C}{R}{E}</SUMMARY>", {("nested", stage) for stage in STAGES[1:]}),
        (S + "<CAPTION></CAPTION>" + R + E, {("empty", Stage.CAPTION)}),
        (S + "<CAPTION> \n\t\u00a0</CAPTION>" + R + E, {("empty", Stage.CAPTION)}),
        ("Sure! " + S + C + R + E, {("text_outside", Stage.SUMMARY)}),
        (S + C + ", so" + R + E, {("text_outside", Stage.REASONING)}),
        (S + C + R + E + "Done.", {("text_outside", None)}),
        (f"a{S}b{C}c{R}d{E}e", {("text_outside", stage) for stage in (*STAGES, None)}),
        (S.lower() + C + R + E, {("missing", Stage.SUMMARY), ("text_outside", Stage.CAPTION)}),
        (
            '<SUMMARY id="1">I look.</SUMMARY>' + C + R + E,
            {("unopened", Stage.SUMMARY), ("text_outside", Stage.SUMMARY)},
        ),
        ("< SUMMARY>x</SUMMARY >" + C + R + E, {("missing", Stage.SUMMARY), ("text_outside", Stage.CAPTION)}),
        ("pre" + S + C + R + E, {("text_outside", Stage.SUMMARY)}),
        (S + C + "<REASONING>un<CONCLUSION>able</REASONING>" + E, {("nested", Stage.CONCLUSION)}),
        ("```\n" + S + C + R + E + "\n```", {("text_outside", None)}),
    ],
)
def test_a_text_that_is_no_record_says_which_stage_is_wrong_and_how(text, found):
    assert faults(text) == found


def test_a_fault_is_told_once_with_its_count_and_its_first_place():
    (fault,) = parse_tagged(S + S + S + C + R + E)
    assert fault == Fault(kind="doubled", stage=Stage.SUMMARY, start=len(S), evidence=(S + S + C + R + E)[:80], count=2)


@given(texts)
def test_any_text_gives_the_stages_or_its_faults(text):
    found = parse_tagged(text)
    if isinstance(found, Stages):
        assert parse_tagged(to_tagged(found)) == found
        return
    assert found
    kinds = [(fault.kind, fault.stage) for fault in found]
    assert len(set(kinds)) == len(kinds)
    for fault in found:
        assert text[fault.start : fault.start + len(fault.evidence)] == fault.evidence
        assert len(fault.evidence) <= 80
        assert fault.count >= 1
        assert (fault.stage is None) <= (fault.kind == "text_outside")


@given(texts)
def test_the_slow_and_plain_parser_accepts_the_same_texts(text):
    found = parse_tagged(text)
    read = tuple(found[stage] for stage in STAGES) if isinstance(found, Stages) else None
    assert read == reference(text)


@given(stages(), st.data())
def test_a_record_with_a_tag_put_anywhere_is_refused(written, data):
    text = to_tagged(written)
    place = data.draw(st.integers(0, len(text)))
    broken = text[:place] + data.draw(st.sampled_from(TAGS)) + text[place:]
    assert isinstance(parse_tagged(broken), tuple)


@pytest.mark.parametrize(
    "unit",
    [
        *["<SUMMARY>", "</SUMMARY>", "<SUMMARY><CAPTION>", "<SUMMARY> <CAPTION> </CAPTION> </SUMMARY>"],
        *["<SUMMARY>x</SUMMARY>\n", "x</SUMMARY>", "<", "</SUMMARY", " "],
    ],
)
def test_a_megabyte_takes_time_in_proportion(unit):
    assert_linear(parse_tagged, lambda size: unit * (size // len(unit)), 2**20)


# The JSON form


@given(stages(unicode_text))
def test_what_is_written_as_json_is_read_as_it_was(written):
    assert parse_json(written.model_dump_json()) == written


@given(stages(unicode_text), st.sampled_from(["```json\n{}\n```", "```{}```", " ```json {}\n\n``` ", "\n{}\t"]))
def test_a_code_fence_changes_nothing(written, fence):
    assert parse_answer(fence.replace("{}", written.model_dump_json())) == written


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"note": "x"}, {("text_outside", None)}),
        ({"caption": None}, {("missing", Stage.CAPTION)}),
        ({"caption": 7}, {("missing", Stage.CAPTION)}),
        ({"caption": ["x"]}, {("missing", Stage.CAPTION)}),
        ({"caption": float("nan")}, {("missing", Stage.CAPTION)}),
        ({"caption": ""}, {("empty", Stage.CAPTION)}),
        ({"caption": " \n "}, {("empty", Stage.CAPTION)}),
        ({"caption": "a<SUMMARY>b"}, {("nested", Stage.CAPTION)}),
        ({"caption": "x" * 200 + "</CONCLUSION>"}, {("nested", Stage.CAPTION)}),
        ({"summary": "", "conclusion": None}, {("empty", Stage.SUMMARY), ("missing", Stage.CONCLUSION)}),
        ({"caption": "\ud800"}, {("text_outside", None)}),
    ],
)
def test_an_object_that_is_no_record_says_which_stage_is_wrong_and_how(change, found):
    assert faults(json.dumps(BODIES | change)) == found


def test_a_key_that_is_not_there_is_a_missing_stage():
    without = {key: text for key, text in BODIES.items() if key != "reasoning"}
    assert faults(json.dumps(without)) == {("missing", Stage.REASONING)}


def test_a_key_that_is_there_twice_is_a_doubled_stage():
    text = json.dumps(BODIES).removesuffix("}") + ', "caption": "One bar.", "caption": "No bar."}'
    (fault,) = parse_json(text)
    assert fault == Fault(kind="doubled", stage=Stage.CAPTION, start=0, evidence="One bar.", count=2)


def test_keys_that_do_not_belong_are_one_fault_that_names_the_first():
    (fault,) = parse_json(json.dumps(BODIES | {"note": "hello", "more": 1}))
    assert (fault.kind, fault.evidence, fault.count) == ("text_outside", "note: hello", 2)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "null",
            "[]",
            '"x"',
            "7",
            "NaN",
            "{",
            "{}{}",
            "{]",
            "``````",
            "```",
            "```json```",
            "\ufeff{}",
            "\ud800",
            "\0",
        ],
        *['{"summary": "\\ud800"}', '{"summary": ' + "9" * 5000 + "}", '{"x": -' + "9" * 4300 + "}", '{"x": 1e999}'],
    ],
)
def test_what_is_no_object_has_faults(text):
    assert isinstance(parse_json(text), tuple)
    assert isinstance(parse_answer(text), tuple)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"summary":' * 100_000, '{"summary":' * 150 + "1" + "}" * 150])
def test_deep_nesting_has_faults(deep):
    assert isinstance(parse_json(deep), tuple)


jsonish = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", ":", ",", '"', "```", "json", " ", "NaN", "1", "-", "null", "\\", "\\u0000", "\\ud800"]
        + [f'"{stage}": "x"' for stage in STAGES]
    )
    | any_text,
    max_size=20,
).map("".join)
pairs = st.lists(st.tuples(st.sampled_from([*BODIES, "note"]), json_values(unicode_text)), max_size=6)
objects = pairs.map(lambda found: "{" + ",".join(f'"{key}": {json.dumps(value)}' for key, value in found) + "}")


@given(jsonish | objects | json_values().map(json.dumps))
def test_any_text_is_read_as_json_or_has_faults(text):
    for parse in (parse_json, parse_answer):
        found = parse(text)
        if isinstance(found, tuple):
            assert found
            kinds = [(fault.kind, fault.stage) for fault in found]
            assert len(set(kinds)) == len(kinds)
            assert all(len(fault.evidence) <= 80 for fault in found)


@pytest.mark.parametrize(
    ("head", "unit", "tail"),
    [
        ("", "```", ""),
        ("```json", " ", ""),
        ("```json", " ", "x"),
        ("```json", "\n", "```"),
        ("```", " x", "``"),
        ("", "\ufeff ", ""),
        ('{"summary":"', "x", '"}'),
        ('{"summary":"', "<SUMMARY>", '"}'),
        ("{", '"x":1,', '"y":2}'),
        ("{", '"summary":"x",', '"caption":"y"}'),
    ],
)
def test_a_megabyte_of_json_takes_time_in_proportion(head, unit, tail):
    assert_linear(parse_json, lambda size: head + unit * (size // len(unit)) + tail, 2**20)


# Records


@given(records(unicode_text))
def test_a_record_is_the_same_after_json(record):
    assert type(record).model_validate_json(record.model_dump_json()) == record


@given(records())
def test_a_record_of_any_text_is_the_same_after_canonical_json(record):
    written = canonical_json(record.model_dump(mode="json"))
    again = type(record).model_validate(json.loads(written))
    assert again == record
    assert canonical_json(again.model_dump(mode="json")) == written


@given(records())
def test_a_record_is_frozen_and_closed(record):
    name = next(iter(type(record).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(record, name, getattr(record, name))
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(record).model_validate(record.model_dump() | {"unheard_of": 1})


def leaves(kind):
    """The names of the records that nothing else is derived from."""
    for each in kind.__subclasses__():
        if each.__module__.startswith("schemas."):
            yield from leaves(each) if each.__subclasses__() else [each.__name__]


def test_every_record_is_tried():
    strategy_kinds = {"Sample", "Trace", "Issue", "Call", "Manifest", "Event", "Verdict", "Compared"}
    inner = {"ImageRef", "Turn", "Facts", "Stages", "Fault", "Provenance", "Sampling", "Usage", "FileEntry", "Review"}
    inner |= {"StageFinding", "StepFinding", "Agreement"}
    assert set(leaves(Record)) == strategy_kinds | inner


@pytest.mark.parametrize("body", ["", " \n", "a <SUMMARY> b", "</CONCLUSION>"])
def test_stages_refuse_what_the_text_form_could_not_hold(body):
    with pytest.raises(ValidationError):
        Stages(**BODIES | {"caption": body})


@given(traces() | issues())
def test_an_id_is_the_digest_of_the_rest(record):
    content = record.model_dump(mode="json", exclude={"id"})
    assert record.id == digest_json(content)
    assert type(record).model_validate(content) == record
    assert type(record).model_validate(content | {"id": record.id}) == record


@given(traces())
def test_a_trace_whose_content_was_changed_is_refused(trace):
    changed = trace.model_dump(mode="json")
    changed["stages"]["conclusion"] += " or not"
    with pytest.raises(ValidationError, match="does not belong to this content"):
        Trace.model_validate(changed)


@given(issues())
def test_an_issue_whose_content_was_changed_is_refused(issue):
    with pytest.raises(ValidationError, match="does not belong to this content"):
        Issue.model_validate(issue.model_dump() | {"message": issue.message + "!"})


@given(traces(), traces())
def test_different_traces_have_different_ids(one, other):
    assert (one.id == other.id) == (one == other)


def known_trace():
    provenance = Provenance(kind="human", created_at="2025-01-02T03:04:05.678901Z", calls=("sha256:0",))
    return Trace(sample_id="chartqa/train/1-0", turn=0, stages=GOOD, provenance=provenance)


def test_ids_are_the_same_in_every_process():
    trace = known_trace()
    issue = Issue(sample_id="chartqa/train/1-0", code="structure:empty", severity=Severity.ERROR, message="é\ud800")
    program = (
        "import json, sys; from schemas.issue import Issue; from schemas.trace import Trace\n"
        "trace, issue = json.load(sys.stdin); print(Trace.model_validate(trace).id, Issue.model_validate(issue).id)"
    )
    contents = json.dumps([record.model_dump(mode="json", exclude={"id"}) for record in (trace, issue)])
    done = subprocess.run([sys.executable, "-c", program], input=contents, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [trace.id, issue.id]


def test_the_digest_of_a_trace_does_not_change_between_versions():
    """A changed digest would disown every trace that is stored."""
    assert known_trace().id == "sha256:bcec4e937f9bdd338c296ddca9e2031dd77feec6fefcedcd31c946091b82f37a"


@given(samples())
def test_source_and_split_are_the_first_parts_of_the_id(sample):
    assert sample.id.startswith(f"{sample.source}/{sample.split}/")


# Canonical JSON


@given(json_values())
def test_any_json_value_has_one_canonical_form(value):
    written = canonical_json(value)
    assert written.isascii()
    assert json.loads(written) == value
    assert canonical_json(json.loads(written)) == written


@given(st.dictionaries(any_text, any_text | st.dictionaries(any_text, st.integers(), max_size=3), max_size=5))
def test_the_order_of_keys_does_not_matter(value):
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_in_json_is_refused(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"x": [number]})


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(TypeError):
        canonical_json({"x": {1, 2}})
