"""Hypothesis strategies for the records, built from their models."""

from datetime import UTC

from hypothesis import strategies as st

from schemas.call import Call, Outcome, Usage
from schemas.issue import Issue, Severity
from schemas.manifest import Agreement, FileEntry, Manifest
from schemas.review import Act, Decision, Duty, Event, Review, StageVerdict, State
from schemas.sample import ImageRef, Sample, Turn
from schemas.trace import STAGES, Provenance, Sampling, Stage, Stages, Trace
from schemas.verdict import Compared, Rank, StageFinding, StepFinding, Verdict

TAGS = [f"<{slash}{stage.tag}>" for stage in STAGES for slash in ("", "/")]

any_text = st.text(st.characters())
"""Lone surrogates and control characters too."""
unicode_text = st.text(st.characters(exclude_categories=["Cs"]))
words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
counts = st.integers(0, 10**9)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
times = st.datetimes(timezones=st.just(UTC))


def stages(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Stages]:
    body = text.filter(lambda body: body.strip() and not any(tag in body for tag in TAGS))
    return st.builds(Stages, summary=body, caption=body, reasoning=body, conclusion=body)


def image_refs() -> st.SearchStrategy[ImageRef]:
    return st.builds(ImageRef, digest=digests, width=st.integers(1, 9000), height=st.integers(1, 9000))


def turns(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Turn]:
    texts = st.lists(text, max_size=4).map(tuple)
    return st.builds(
        Turn, question=text, targets=texts, choices=texts, context=text, scorer=st.sampled_from([None, "exact"])
    )


def samples(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Sample]:
    return st.builds(
        Sample,
        id=st.tuples(words, words, words).map("/".join),
        images=st.lists(image_refs(), max_size=3).map(tuple),
        turns=st.lists(turns(text), min_size=1, max_size=3).map(tuple),
        labels=st.dictionaries(words, text, max_size=3),
    )


def provenances() -> st.SearchStrategy[Provenance]:
    maybe = st.none() | words
    return st.builds(
        Provenance,
        created_at=times,
        model=maybe,
        model_answered=maybe,
        recipe=maybe,
        prompt_version=maybe,
        calls=st.lists(digests, max_size=3).map(tuple),
        parent=st.none() | digests,
        sampling=st.none() | st.builds(Sampling, samples=st.integers(0, 9), right=st.integers(0, 9)),
    )


def traces(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Trace]:
    return st.builds(
        Trace,
        id=st.just(""),
        sample_id=words,
        turn=st.integers(0, 9),
        stages=stages(text),
        provenance=provenances(),
    )


def issues(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Issue]:
    return st.builds(
        Issue,
        id=st.just(""),
        sample_id=words,
        turn=st.none() | st.integers(0, 9),
        trace_id=st.none() | digests,
        call_key=st.none() | digests,
        code=st.from_regex(r"[a-z0-9_-]+:[a-z0-9_-]+", fullmatch=True),
        severity=st.sampled_from(Severity),
        stage=st.none() | st.sampled_from(STAGES),
        message=text,
        evidence=text,
        version=st.integers(1, 99),
    )


def usages() -> st.SearchStrategy[Usage]:
    return st.builds(Usage, prompt_tokens=counts, completion_tokens=counts, cached_tokens=counts)


def calls(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Call]:
    return st.builds(
        Call,
        key=digests,
        sample_id=words,
        turn=st.integers(0, 9),
        attempt=st.integers(0, 9),
        endpoint=words,
        model=words,
        recipe=words,
        prompt_version=digests,
        request=text,
        outcome=st.sampled_from(Outcome),
        reason=text,
        raw=text,
        usage=usages(),
        cost=st.integers(0, 2**62),
        sends=st.integers(1, 99),
        seconds=st.floats(0, 1e6),
        created_at=times,
    )


def json_values(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[object]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
    )


def manifests(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Manifest]:
    entry = st.builds(FileEntry, path=text, bytes=counts, digest=digests)
    share = st.none() | st.floats(-1, 1)
    agreement = st.builds(Agreement, value=share, low=share, high=share, records=counts, agreed=share, reason=text)
    return st.builds(
        Manifest,
        format=words,
        format_version=st.integers(1, 9),
        counts=st.dictionaries(words, st.dictionaries(words, counts, max_size=3), max_size=3),
        agreement=st.dictionaries(words, agreement, max_size=2),
        config=st.dictionaries(words, text | counts | st.lists(text, max_size=2), max_size=3),
        inputs=st.dictionaries(words, digests, max_size=3),
        versions=st.dictionaries(words, words, max_size=3),
        files=st.lists(entry, max_size=3).map(tuple),
    )


def reviews(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Review]:
    fields = {
        "trace_id": digests,
        "verdicts": st.dictionaries(st.sampled_from(Stage), st.sampled_from(StageVerdict)),
        "reason": text,
        "stale": st.lists(st.sampled_from(Stage), max_size=2).map(tuple),
        "wrong_steps": st.lists(st.integers(1, 9), max_size=2).map(tuple),
        "duty": st.sampled_from(Duty),
        "blind": st.booleans(),
        "guidelines": words,
        "seconds": st.floats(0, 1e6),
    }
    edits = st.builds(Review, decision=st.just(Decision.EDIT), edited=digests, content=digests, **fields)
    others = st.sampled_from([decision for decision in Decision if decision is not Decision.EDIT])
    return edits | st.builds(Review, decision=others, **fields)


def events(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Event]:
    fields = {
        "id": words,
        "at": times,
        "reviewer": text,
        "sample_id": words,
        "turn": st.integers(0, 9),
        "before": st.none() | st.sampled_from(State),
        "after": st.none() | st.sampled_from(State),
        "text": text,
        "group": st.none() | words,
    }
    said = st.builds(Event, act=st.sampled_from([Act.REVIEW, Act.GOLD]), review=reviews(text), **fields)
    undone = st.builds(Event, act=st.sampled_from([Act.UNDO, Act.SEND_BACK]), undoes=words, **fields)
    return said | undone | st.builds(Event, act=st.sampled_from([Act.COMMENT, Act.FLAG, Act.UNFLAG]), **fields)


def stage_findings(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[StageFinding]:
    quoted = st.builds(StageFinding, verdict=st.just(StageVerdict.NEGATIVE), quote=words, reason=text)
    others = st.sampled_from([StageVerdict.POSITIVE, StageVerdict.NEUTRAL])
    return quoted | st.builds(StageFinding, verdict=others, quote=text, reason=text)


@st.composite
def step_findings(draw: st.DrawFn, text: st.SearchStrategy[str] = any_text) -> tuple[StepFinding, ...]:
    said = draw(st.lists(st.tuples(st.sampled_from(StageVerdict), text), max_size=3))
    return tuple(
        StepFinding(number=number, start=10 * number, end=10 * number + 9, verdict=verdict, quote=quote)
        for number, (verdict, quote) in enumerate(said, 1)
    )


_JUDGED = {
    "sample_id": words,
    "turn": st.integers(0, 9),
    "trace_id": digests,
    "model": words,
    "endpoint": words,
    "prompt_version": digests,
    "simulated": st.booleans(),
    "at": times,
}


def verdicts(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Verdict]:
    return st.builds(
        Verdict,
        **_JUDGED,
        call=digests,
        stages=st.fixed_dictionaries(dict.fromkeys(Stage, stage_findings(text))),
        steps=step_findings(text),
    )


def comparisons(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[Compared]:
    return st.builds(
        Compared,
        **_JUDGED,
        before=digests,
        rank=st.sampled_from(Rank),
        reason=text,
    )


def records(text: st.SearchStrategy[str] = any_text) -> st.SearchStrategy[object]:
    """A record of any kind."""
    kinds = (samples, traces, issues, calls, manifests, events, verdicts, comparisons)
    return st.one_of(kind(text) for kind in kinds)
