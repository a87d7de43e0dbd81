"""Items that a release is built of: all that a format has to hold, in ten records."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from hypothesis import strategies as st
from PIL import Image

import exports
from curation import images
from curation.splits import assign_splits
from exports import Item, Rejected, Said
from schemas.issue import Issue
from schemas.review import Act, Event, Review, StageVerdict
from schemas.sample import Facts, ImageRef, Sample, Turn
from schemas.trace import STAGES, Provenance, Stages, Trace
from schemas.verdict import StageFinding, StepFinding, Verdict
from tests import strategies

WHEN = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)


def picture(number, form="PNG"):
    buffer = io.BytesIO()
    Image.new("RGB", (40 + number, 30), (number * 20 % 256, number, 9)).save(buffer, form)
    return images.inspect(buffer.getvalue())


PICTURES = [picture(number, "JPEG" if number % 3 == 0 else "PNG") for number in range(8)]
REFS = [loaded.ref for loaded in PICTURES]
BYTES = {loaded.ref.digest: loaded.data for loaded in PICTURES}


def image_folder(folder: Path) -> Callable[[ImageRef], Path]:
    """Put the images into the folder; return where each lies."""
    for digest, data in BYTES.items():
        (folder / digest.removeprefix("sha256:")).write_bytes(data)
    return lambda ref: folder / ref.digest.removeprefix("sha256:")


def trace(sample_id, turn=0, conclusion="B", **provenance):
    texts = {
        "summary": "I will look.",
        "caption": "A chart — 图表.",
        "reasoning": "1 < 2\n\nso B",
        "conclusion": conclusion,
    }
    known = {"kind": "simulated", "created_at": WHEN} | provenance
    return Trace(sample_id=sample_id, turn=turn, stages=Stages(**texts), provenance=Provenance(**known))


def item(sample_id, turns, refs=(), traced=None, split="train", **labels):
    sample = Sample(id=sample_id, images=refs, turns=turns, labels=labels)
    traced = range(len(turns)) if traced is None else traced
    return Item(sample, tuple(trace(sample_id, turn) for turn in traced), split)


def records():
    """Several turns, a gap in them, several images, none, shared ones, rejected traces, letters of several scripts."""
    question = Turn(question="Which?", targets=("B", "b"), choices=("one", "δύο"), context="A hint.", scorer="exact")
    plain = Turn(question="¿Cuántos? 几个?\u2028")
    unsplit = [
        item("chartqa/train/1", (question,), REFS[:1], origin="human", note='„Zitat" ✓'),
        item("chartqa/train/2", (plain,), REFS[:1]),
        item("geoqa/train/二", (plain,), REFS[1:2]),
        item("pisc/val/a", (plain, question), REFS[2:4]),
        item("pisc/val/b", (question,), REFS[3:6]),
        item("sharegpt4v/train/x", (plain, question, plain), REFS[6:7], traced=(0, 2)),
        item("sharegpt4v/train/y", (plain, plain), (), traced=(1,)),
        item("zeta/test/1", (question,), REFS[7:8]),
        item("zeta/test/2", (question,), ()),
    ]
    images_of = [(it.sample.id, [ref.digest for ref in it.sample.images]) for it in unsplit]
    splits = assign_splits(images_of, (0.4, 0.3, 0.3), seed=1)
    whole = [it._replace(split=splits[it.sample.id]) for it in unsplit]
    whole[4] = whole[4]._replace(rejected=(rejected("pisc/val/b", 0, "C"),))
    whole[5] = whole[5]._replace(
        rejected=(rejected("sharegpt4v/train/x", 1, "D"), rejected("sharegpt4v/train/x", 2, "C"))
    )
    return whole


def records_for(name):
    """What a format of this name is given: with what was said of the traces, where it holds that."""
    return spoken(records()) if getattr(exports.get(name), "SAID", False) else records()


def spoken(items):
    """Items whose taken traces people accept, and whose rejected ones a judge finds wrong from the second step on.

    Of those without an image a validator finds the conclusion wrong, and nobody says more.
    """
    return [
        it._replace(said=_accepted(it) | {each.trace.id: _judged(each.trace) for each in it.rejected}) for it in items
    ]


def _accepted(it):
    wrong = {"code": "answer:wrong", "severity": "error", "stage": "conclusion", "message": "It is wrong."}
    return {
        each.id: Said(reviews=(reviewed(each),))
        if it.sample.images
        else Said(issues=(Issue(sample_id=each.sample_id, turn=each.turn, trace_id=each.id, **wrong),))
        for each in it.traces
    }


def _judged(of):
    return Said(verdicts=(verdict(of, steps="positive negative", caption="chart", reasoning="so B"),))


def reviewed(of, decision="accept", reviewer="ada", act=Act.REVIEW, **review):
    """An event in which a reviewer decides on a trace."""
    said = Review(trace_id=of.id, decision=decision, **review)
    return Event(
        id=f"{reviewer}-{of.id}", at=WHEN, reviewer=reviewer, act=act, sample_id=of.sample_id, turn=of.turn, review=said
    )


def verdict(of, model="m", *, steps="", cuts=((0, 5), (7, 11)), simulated=False, **against):
    """A judge's verdict: positive, but on the stages that are named, each with its quote; steps by their verdicts."""
    stages = {stage: StageFinding(verdict=StageVerdict.POSITIVE) for stage in STAGES}
    stages |= {
        stage: StageFinding(verdict="negative", quote=quote, reason="It is wrong.") for stage, quote in against.items()
    }
    found = zip(cuts, steps.split(), strict=False)
    return Verdict(
        sample_id=of.sample_id,
        turn=of.turn,
        trace_id=of.id,
        model=model,
        endpoint="https://host/v1",
        prompt_version="sha256:" + "0" * 64,
        simulated=simulated,
        at=WHEN,
        call="key",
        stages=stages,
        steps=[StepFinding(number=n, start=a, end=b, verdict=v) for n, ((a, b), v) in enumerate(found, 1)],
    )


def rejected(sample_id, turn, conclusion):
    other = trace(sample_id, turn, conclusion)
    return Rejected(trace=other, rule="severity.out", line=2, reason="has an error", codes=("answer:wrong",))


def written(name, items, folder, store):
    folder.mkdir(parents=True, exist_ok=True)
    exports.get(name).write(iter(items), folder, store)
    return folder


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@st.composite
def drawn_items(draw):
    """An item whose texts are anything, with more images, facts, times and issues than usual."""
    sample = draw(strategies.samples()).model_copy(
        update={
            "id": draw(st.from_regex(r"[a-zß]{1,3}/[a-z]{1,3}/[^\s]{1,4}", fullmatch=True)),
            "images": tuple(draw(st.lists(st.sampled_from(REFS), max_size=3))),
            "facts": draw(st.none() | st.just(Facts(text=("a\0", "\ud800")))),
        }
    )
    zone = draw(st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30))]))
    turns = st.sampled_from(range(len(sample.turns)))

    def made(turn):
        given = draw(strategies.traces())
        when = draw(st.datetimes(datetime(1990, 1, 2), datetime(2090, 1, 1), timezones=st.just(zone)))  # noqa: DTZ001
        by = given.provenance.model_copy(update={"created_at": when})
        return Trace(sample_id=sample.id, turn=turn, stages=given.stages, provenance=by)

    traces = tuple(made(turn) for turn in sorted(draw(st.sets(turns))))
    why = {"rule": "code.out", "line": draw(st.integers(0, 9)), "reason": draw(strategies.unicode_text)}
    rejected = [Rejected(trace=made(turn), codes=("a:b",), **why) for turn in sorted(draw(st.sets(turns)))]
    direct = {turn: "why" for turn in draw(st.sets(turns)) if turn not in {each.turn for each in traces}}
    errors = {traces[0].id: ("answer:wrong",)} if traces and draw(st.booleans()) else {}
    found = [_found(each, draw(strategies.any_text)) for each in (*traces, *(one.trace for one in rejected))]
    said = {one.trace_id: Said(issues=(one,)) for one in found if draw(st.booleans())}
    split = draw(st.sampled_from(["train", "test"]))
    return Item(sample, traces, split, errors, tuple(rejected), said=said, direct=direct)


def _found(of, message):
    about = {"sample_id": of.sample_id, "turn": of.turn, "trace_id": of.id}
    return Issue(**about, code="answer:near", severity="warning", message=message, evidence="„7‟", version=3)
