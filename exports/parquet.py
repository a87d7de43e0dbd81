"""The Hub's layout, which `datasets.load_dataset(<folder>)` and the Hub's viewer show without being told how.

    data/<split>-00000-of-00001.parquet     shards of at most 500 MB of images, row groups of at most 100 rows

There is a row for each turn that has a trace.

- `id` is `<sample id>#<turn>`.
- `image` is the sample's first image, its bytes as they were found, named by their digest.
- `images`, with all of them, is there where a sample of the release has several, and null for the others.
- `history` holds the earlier turns that have a trace: question with context and choices, and tagged text.
- `summary`, `caption`, `reasoning` and `conclusion` are the stages, and `text` the tagged form of the four.
- `labels` is a JSON object, and so is `facts`, null where the source has none.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.wording import question_text
from exports import ImagePath, Item
from exports._shards import IMAGE, Pictured, Splits, cell_faults, opened, schema, shards
from schemas.digest import digest_json
from schemas.trace import STAGES, Trace

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = False

_TEXT = pa.string()
_TEXTS = pa.list_(_TEXT)
_ONE_IMAGE: list[tuple[str, pa.DataType]] = [
    ("id", _TEXT),
    ("image", IMAGE),
    ("question", _TEXT),
    ("context", _TEXT),
    ("choices", _TEXTS),
    ("answer", _TEXT),
    ("answers", _TEXTS),
    *((stage.value, _TEXT) for stage in STAGES),
    ("text", _TEXT),
    ("history", pa.list_(pa.struct([("question", _TEXT), ("text", _TEXT)]))),
    ("sample_id", _TEXT),
    ("source", _TEXT),
    ("source_split", _TEXT),
    ("turn", pa.int32()),
    ("labels", _TEXT),
    ("licence", _TEXT),
    ("citation", _TEXT),
    ("facts", _TEXT),
    ("trace_id", _TEXT),
    ("kind", _TEXT),
    ("model", _TEXT),
    ("model_answered", _TEXT),
    ("recipe", _TEXT),
    ("prompt_version", _TEXT),
    ("created_at", pa.timestamp("us", tz="UTC")),
]
ONE_IMAGE = schema(_ONE_IMAGE)
SEVERAL_IMAGES = schema([*_ONE_IMAGE[:2], ("images", pa.list_(IMAGE)), *_ONE_IMAGE[2:]])


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the turns that have a trace into the empty folder."""
    with Splits(folder / "data", ONE_IMAGE, image_path) as splits:
        for item in items:
            _add(splits[item.split], item)
        splits.finish(SEVERAL_IMAGES)


def _add(split: Pictured, item: Item) -> None:
    images = item.sample.images
    if item.traces and len(images) > 1 and split.shards.columns is ONE_IMAGE:
        split.shards.change(SEVERAL_IMAGES)
    for row in _rows(item):
        cells = split.cells(images)
        first = {"image": cells[0]} if cells else {}
        several = {"images": cells} if len(cells) > 1 else {}
        split.add(row | first | several, [*cells, cells[0]] if several else cells)


def _rows(item: Item) -> Iterator[dict[str, Any]]:
    """Give a row for each trace, without the images."""
    history: list[dict[str, str]] = []
    for trace in item.traces:
        yield _row(item, trace) | {"history": list(history)}
        history.append({"question": question_text(item.sample.turns[trace.turn]), "text": trace.text})


def _row(item: Item, trace: Trace) -> dict[str, Any]:
    sample, turn = item.sample, item.sample.turns[trace.turn]
    provenance = trace.provenance
    return {
        "id": f"{sample.id}#{trace.turn}",
        "question": turn.question,
        "context": turn.context,
        "choices": turn.choices,
        "answer": turn.target,
        "answers": turn.targets,
        **{stage.value: trace.stages[stage] for stage in STAGES},
        "text": trace.text,
        "sample_id": sample.id,
        "source": sample.source,
        "source_split": sample.split,
        "turn": trace.turn,
        "labels": json.dumps(sample.labels, ensure_ascii=False, sort_keys=True),
        "licence": sample.licence,
        "citation": sample.citation,
        "facts": json.dumps(sample.facts.model_dump(), ensure_ascii=False) if sample.facts else None,
        "trace_id": trace.id,
        "kind": provenance.kind,
        "model": provenance.model,
        "model_answered": provenance.model_answered,
        "recipe": provenance.recipe,
        "prompt_version": provenance.prompt_version,
        "created_at": provenance.created_at,
    }


def samples(folder: Path) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Give of each sample that `write` wrote its id, its split, a digest of what is told of it, and its traces' ids.

    By id; images are not read. Raises DataError for a folder that is not of this format.
    """
    rows = sorted(row for path in shards(folder / "data") for row in _known(path))
    for (sample_id, split), turns in groupby(rows, key=lambda row: row[:2]):
        known = list(turns)
        yield sample_id, split, digest_json([turn[3] for turn in known]), tuple(turn[4] for turn in known)


_TOLD = ("question", "context", "choices", "answers", "labels", "licence", "citation", "facts")


def _known(path: Path) -> Iterator[tuple[str, str, int, str, str]]:
    """Give of each row its sample, split, turn, a digest of what is told of it, and its trace."""
    split = path.name.rsplit("-", 3)[0]
    with opened(path) as file:
        for batch in file.iter_batches(columns=["sample_id", "turn", "trace_id", *_TOLD, "image.path"]):
            for row in batch.to_pylist():
                place = row.pop("sample_id"), split, row.pop("turn")
                trace_id = row.pop("trace_id")
                yield *place, digest_json(row), trace_id


def image_faults(folder: Path) -> Iterator[str]:
    """Give a sentence for each image whose bytes are not those that its name says."""
    return cell_faults(folder / "data", ("image", "images"))
