"""The traces of a release that a fold's model judges: read, encoded, and their losses taken."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import polars as pl

from curation.families import GROUPS, Example, VisionModel
from curation.probe.neighbours import LOSSES
from curation.training import Rows, Settings, stage_losses
from curation.training.examples import Encoder
from curation.training.pixels import PixelCache, UnreadableImage
from curation.training.records import Row
from schemas.sample import Sample
from schemas.trace import STAGES

_AT_ONCE = 128
"""Traces whose pixels are held at once."""


class Judged(NamedTuple):
    """A trace, ready for the model."""

    row: Row
    example: Example
    folder: Path
    """Of the release."""


def stratum(sample: Sample, turn: int) -> str:
    """Return what makes neighbours of turns, beside their source: labels, and which turn it is."""
    labels = (f"{name}={value}" for name, value in sorted(sample.labels.items()) if name != "image")
    return " ".join([f"turn={min(turn, 1)}", *labels])


def judged(
    rows: Rows, model: VisionModel, settings: Settings, chosen: frozenset[str] | None = None
) -> Iterator[Judged]:
    """Give the rows that are not left out, or the chosen traces among them; what cannot be read is passed over."""
    encoder = Encoder(model.renderer, rows, settings)
    pixels = PixelCache(model.renderer, rows.folder, 0)
    for index in rows.taken("raw").nonzero()[0].tolist():
        row = rows.read(index)
        encoded = encoder.encode(index)
        if encoded.fit != "whole" or (chosen is not None and row.trace.id not in chosen):
            continue
        try:
            yield Judged(row, encoded.with_pixels(pixels.get(encoded.refs) if encoded.refs else {}), rows.folder)
        except UnreadableImage:
            continue


def losses(rows: Rows, model: VisionModel, settings: Settings, fold: int) -> Iterator[pl.DataFrame]:
    """Give the losses of the traces, some at a time, as `LOSSES` has them."""
    waiting = judged(rows, model, settings)
    while some := list(islice(waiting, _AT_ONCE)):
        sums, counts = stage_losses(model, [each.example for each in some])
        lines = []
        for each, loss, tokens in zip(some, sums.tolist(), counts.tolist(), strict=True):
            sample, trace = each.row.line.sample, each.row.trace
            known = trace.id, sample.id, trace.turn, fold, sample.source, stratum(sample, trace.turn)
            groups = [GROUPS.index(stage.value) for stage in STAGES]
            lines += [(*known, STAGES[i].value, loss[g], int(tokens[g])) for i, g in enumerate(groups)]
        yield pl.DataFrame(lines, LOSSES, orient="row")


def write(frames: Iterator[pl.DataFrame], path: Path) -> int:
    """Write the frames into one file, whole or not at all; return how many traces there are."""
    frame = pl.concat([LOSSES.to_frame(), *frames])
    partial = path.with_name(f".{path.name}.partial")
    frame.write_parquet(partial)
    partial.replace(path)
    return frame["trace"].n_unique()
