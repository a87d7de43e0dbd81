"""Items that a release is built of: all that a format has to hold, in ten records."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

import exports
from curation import images
from curation.splits import assign_splits
from exports import Item, Rejected
from schemas.sample import ImageRef, Sample, Turn
from schemas.trace import Provenance, Stages, Trace

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


def rejected(sample_id, turn, conclusion):
    other = trace(sample_id, turn, conclusion)
    return Rejected(trace=other, rule="severity.out", line=2, reason="has an error", codes=("answer:wrong",))


def written(name, items, folder, store):
    folder.mkdir(parents=True, exist_ok=True)
    exports.get(name).write(iter(items), folder, store)
    return folder


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
