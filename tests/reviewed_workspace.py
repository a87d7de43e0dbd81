"""A workspace of good and of corrupted traces, reviewed at the real desk by people who err now and then."""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from PIL import Image

from curation import registry, sources
from curation.images import LoadedImage, inspect
from curation.review import Deed, Desk, Reviewer, Terms
from curation.review.desk import new_id
from curation.review.views import View
from curation.store import Store
from curation.store.steps import StoredTrace, put_samples, put_traces
from curation.validators import Subject
from schemas.review import Decision, StageVerdict
from schemas.sample import Sample
from schemas.steps import split
from schemas.trace import STAGES, Provenance, Stage, Stages, Trace
from tests.clean_traces import clean
from tests.corruptor import FAULTS

_MADE = Provenance(
    kind="model", created_at="2025-01-01T00:00:00Z", recipe="paper", prompt_version="v1", model="a-model"
)
_NO_TRACES = {"drop-tag", "truncate", "duplicate"}
"""Faults that leave no trace to be reviewed, or one that is as good as the other."""
_AT_ONCE = 20


class Truth(NamedTuple):
    """A trace, and what is wrong with it."""

    sample: Sample
    trace: Trace
    fault: str
    """Empty where nothing is."""
    good: Stages
    """How it was before the fault was planted."""
    images: tuple[LoadedImage, ...]

    @property
    def wrong(self) -> tuple[Stage, ...]:
        """The stages that the fault is in."""
        changed = tuple(stage for stage in STAGES if self.trace.stages[stage] != self.good[stage])
        return changed or ((Stage.CAPTION, Stage.REASONING) if self.fault else ())


def truths(traces: int, seed: int = 0) -> list[Truth]:
    """Return so many different traces, every second one with a fault, of every kind in turn."""
    names = [name for name in FAULTS if name not in _NO_TRACES]
    made: list[Truth] = []
    for number, subject in enumerate(clean(traces, seed)):
        at = number // 2 % len(names)
        planted = number % 2 and _corrupted(subject, names[at:] + names[:at], number, seed)
        made.append(planted or _truth(subject, subject, "", number))
    return made


def _corrupted(subject: Subject, names: Sequence[str], number: int, seed: int) -> Truth:
    """Plant the first of these faults that can be."""
    for name in names:
        made = FAULTS[name](subject, Random(f"{seed}:{name}:{subject.id}"))
        if made is not None and (made.text, made.sample.images) != (subject.text, subject.sample.images):
            return _truth(made, subject, name, number)
    raise AssertionError(subject.text)


def _truth(subject: Subject, good: Subject, fault: str, number: int) -> Truth:
    """Give the trace a sample of its own: a turn has one trace to be reviewed."""
    assert subject.stages is not None
    assert good.stages is not None
    sample_id = f"{subject.sample.source}/train/{number}-{fault or 'good'}"
    images = tuple(_picture(image.digest) for image in subject.sample.images)
    sample = subject.sample.model_copy(update={"id": sample_id, "images": tuple(image.ref for image in images)})
    trace = Trace(sample_id=sample_id, turn=subject.turn, stages=subject.stages, provenance=_MADE)
    return Truth(sample, trace, fault, good.stages, images)


def changed_steps(truth: Truth) -> tuple[int, ...]:
    """Return the steps of the reasoning that the fault changed, by number; none where it changed another stage."""
    good = {step.text for step in split(truth.good.reasoning)}
    steps = split(truth.trace.stages.reasoning)
    return tuple(number for number, step in enumerate(steps, start=1) if step.text not in good)


class Crowd(NamedTuple):
    """The reviewers, and how they work."""

    errors: float = 0.05
    """Share of decisions that are the wrong ones, whoever makes them but who rules on disagreements."""
    edits: float = 0.2
    """Share of faulty traces that are mended in place of being rejected."""
    reviewers: tuple[str, ...] = ("ben", "cleo", "dan")
    judge: str = "ada"
    """Rules where they disagree, and does not err."""


@cache
def _pictures() -> dict[str, LoadedImage]:
    """Return the pictures of the bundled samples, by digest."""
    found = {}
    for name in registry.names("curation.sources"):
        source = sources.get(name)
        for part in source.COUNTS:
            for row in islice(source.rows(sources.BUNDLED / name, part), 60):
                found |= {image.ref.digest: image for image in row.images if isinstance(image, LoadedImage)}
    return found


def _picture(digest: str) -> LoadedImage:
    """Return a picture; of what is only a digest it is noise, another one for each."""
    if digest in _pictures():
        return _pictures()[digest]
    data = BytesIO()
    Image.frombytes("L", (64, 64), Random(digest).randbytes(64 * 64)).save(data, "PNG")
    return inspect(data.getvalue())


def fill(folder: Path, known: Sequence[Truth]) -> None:
    """Store samples and traces."""
    with Store.open(folder, create=True) as store:
        for truth in known:
            for image in truth.images:
                store.images.put(image)
        store.write(put_samples, list({truth.sample.id: truth.sample for truth in known}.values()))
        store.write(put_traces, [StoredTrace(truth.trace, None) for truth in known])


def review(folder: Path, known: Sequence[Truth], crowd: Crowd = Crowd(), seed: int = 0) -> int:  # noqa: B008 - frozen
    """Have the crowd decide on all traces, one batch each in turn; return how many decisions that took."""
    by_trace, rng, decided = {truth.trace.id: truth for truth in known}, Random(seed), 0
    with Store.open(folder) as store:
        terms = Terms(gold_every=0)
        desks = [Desk(store, Reviewer(name), terms) for name in crowd.reviewers]
        desks.append(Desk(store, Reviewer(crowd.judge, "adjudicator"), terms))
        while done := [view for desk in desks for view in _batch(desk, by_trace, crowd, rng)]:
            decided += len(done)
    return decided


def _batch(desk: Desk, known: dict[str, Truth], crowd: Crowd, rng: Random) -> list[View]:
    views = desk.take(count=_AT_ONCE)
    errs = 0.0 if desk.reviewer.name == crowd.judge else crowd.errors
    done = desk.carry_out([_deed(view, known[view.trace.id], errs, crowd.edits, rng) for view in views])
    assert not [each.fault for each in done if each.fault]
    return views


def _deed(view: View, truth: Truth, errs: float, edits: float, rng: Random) -> Deed:
    faulty = bool(truth.fault) != (rng.random() < errs)
    wrong = (truth.wrong or (rng.choice(STAGES),)) if faulty else ()
    verdicts = {stage: StageVerdict.NEGATIVE if stage in wrong else StageVerdict.POSITIVE for stage in STAGES}
    mended = {stage: truth.good[stage] for stage in truth.wrong if truth.good[stage] != truth.trace.stages[stage]}
    edit = faulty and bool(mended) and rng.random() < edits
    decision = Decision.EDIT if edit else Decision.REJECT if faulty else Decision.ACCEPT
    return Deed(
        id=new_id(),
        act="review",
        sample_id=view.sample.id,
        turn=view.trace.turn,
        trace_id=view.trace.id,
        decision=decision,
        verdicts={} if edit else verdicts,
        texts=mended if edit else {},
        wrong_steps=changed_steps(truth) if decision is Decision.REJECT and Stage.REASONING in wrong else (),
        text=truth.fault or "a slip" if decision is Decision.REJECT else "",
    )
