"""What is wrong with a row, or worth a look: checks that many sources share, and the Issues made of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from curation.images import ImageFault
from curation.json_files import Broken
from curation.sources import Ingested, Row
from schemas.issue import Issue, Severity
from schemas.sample import ImageRef, Sample

MAX_TEXT = 1_000_000
"""Characters of a question, an answer or a context; what is longer is no such thing."""
_MOJIBAKE = re.compile("\ufffd|â€|[ÂÃ][\x80-\xbf]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_NAMES: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    bool: "true or false",
}


class Finding(NamedTuple):
    """Something about a row. An error leaves no usable sample; a warning is a remark on one."""

    code: str
    why: str
    evidence: object = ""
    severity: Severity = Severity.ERROR


def remark(code: str, why: str, evidence: object = "") -> Finding:
    """Make a finding that a sample is kept with."""
    return Finding(code, why, evidence, Severity.WARNING)


def ingested(row: Row, sample_id: str, findings: Iterable[Finding], make: Callable[[], Sample]) -> Ingested:
    """Return the row as the Sample that `make` makes, with remarks; or as its errors, where there is any."""
    found = tuple(findings)
    if not found:
        return Ingested(make())
    errors = tuple(finding for finding in found if finding.severity is Severity.ERROR)
    issues = tuple(_issue(row, sample_id, finding) for finding in errors or found)
    return Ingested(None if errors else make(), issues)


def misshapen(row: Row, kinds: Mapping[str, type], optional: Sequence[str] = ()) -> Finding | None:
    """Find why the fields are not those of a record: one that is no object, lacks a key, or has another type there.

    `Row.fields` of what is no object is `{"record": …}`. An optional key may be absent or None.
    """
    record = row.fields.get("record", row.fields)
    if isinstance(record, Broken):
        return Finding("damaged-file", record.why)
    if record is not row.fields:
        return Finding("bad-record", f"it is a {type(record).__name__}, not an object", record)
    for key, kind in kinds.items():
        value = record.get(key)
        if (kind is str and _is_plain(value)) or (value is None and key in optional):
            continue
        if why := _misfit(record, key, kind):
            return Finding("bad-record", why, record)
    return None


def _is_plain(value: object) -> bool:
    """Tell at once what nearly all values are: texts without a fault."""
    return isinstance(value, str) and value.isascii() and len(value) <= MAX_TEXT


def _misfit(record: dict[str, Any], key: str, kind: type) -> str:
    if key not in record:
        return f"it has no {key}"
    value = record[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return f"its {key} is a {type(value).__name__}, not {_NAMES[kind]}"
    for text in value if isinstance(value, list) else (value,):
        if not _is_plain(text) and isinstance(text, str) and (why := unusable(text)):
            return f"its {key} {why}"
    return ""


def unusable(text: str) -> str:
    """Say why a text can't be one of a sample's; empty where it can."""
    if len(text) > MAX_TEXT:
        return f"has {len(text):,} characters, at most {MAX_TEXT:,} are read"
    if not text.isascii() and _HALF_CHARACTER.search(text):
        return "holds half a character (a byte that is not UTF-8, or a lone surrogate)"
    return ""


def bad_record(row: Row, source: str, finding: Finding) -> Ingested:
    """Return the Issue of a row that has no id of its own: it gets one from what it holds."""
    digest = sha256(repr(row.fields).encode("utf-8", "replace")).hexdigest()
    return Ingested(None, (_issue(row, f"{source}/{row.split}/record-{digest[:12]}", finding),))


def of_images(row: Row, named: object = "") -> Iterator[Finding]:
    """Find the images that can't be used. `named` is what the record calls its image."""
    for image in row.images:
        if isinstance(image, ImageFault):
            yield Finding(f"image-{image.code}", image.message, named)


def of_question(text: str) -> Iterator[Finding]:
    """Find a question that asks nothing, and what looks wrong in one."""
    if not text.strip():
        yield Finding("empty-question", "the question is empty", text)
    yield from of_text("question", text)


def of_answer(text: str, name: str = "answer") -> Iterator[Finding]:
    """Find an answer that says nothing, and what looks wrong in one."""
    if not text.strip():
        yield Finding("empty-answer", f"the {name} is empty", text)
    yield from of_text(name, text)


def of_text(name: str, text: str) -> Iterator[Finding]:
    """Remark characters of a wrong encoding, and blanks at the ends."""
    if not text.isascii() and _MOJIBAKE.search(text):
        yield remark("mojibake", f"the {name} holds characters of a wrong encoding", text)
    if text != text.strip():
        yield remark("trailing-blanks", f"the {name} begins or ends with blanks", text)


def of_choices(choices: Sequence[Any], answer: int | None) -> Iterator[Finding]:
    """Find choices that are no texts, too few or alike, and an answer's index (from 0) that names none of them."""
    if not all(isinstance(choice, str) for choice in choices):
        yield Finding("bad-record", "its choices are not all texts", choices)
        return
    if len(choices) < 2:
        yield Finding("too-few-choices", f"there is no choice between {len(choices)}", choices)
    elif len(set(choices)) < len(choices):
        yield remark("duplicate-choices", "two choices are the same text", choices)
    if any(not choice.strip() for choice in choices):
        yield remark("empty-choice", "a choice is empty", choices)
    if answer is not None and not 0 <= answer < len(choices):
        yield Finding("answer-out-of-range", f"the answer is choice {answer} of {len(choices)}, from 0", answer)


def refs(row: Row) -> tuple[ImageRef, ...]:
    """Return the row's images as a Sample holds them."""
    return tuple([image.ref for image in row.images if not isinstance(image, ImageFault)])


def _issue(row: Row, sample_id: str, finding: Finding) -> Issue:
    return Issue(
        sample_id=sample_id,
        code=f"source:{finding.code}",
        severity=finding.severity,
        message=f"{row.where}: {finding.why}",
        evidence=repr(finding.evidence)[:200],
    )
