"""What CAPTION and REASONING say of the image, against what the source knows to be in it.

Of a scene's objects, counts (`count`) and what is there at all (`absent`) are checked; a contradiction is an error. Of
a chart's table and of the text in an image, quoted figures (`number`) and words (`quote`); these were often read by a
machine, so a claim that is not found there is a warning. Where the source knows nothing, nothing is checked.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import polars as pl

from curation.validators import FOUND
from curation.validators._objects import Disputed, Scene, disputed
from curation.validators._quotations import Misquoted, misquoted
from curation.validators._sheets import Sheet, sheet
from schemas.sample import Facts

VERSION = 1

_READ = ("subject", "caption", "reasoning", "question", "context", "choices", "facts")
_JUDGED = ("caption", "reasoning")
_QUOTES = r"[0-9\"“]|hundred|thousand|million|billion|trillion"
"""Pattern of what no figure and no quotation is without."""
_QUOTED = 200
_MOST = 5
"""Findings in a stage."""


class _Said(NamedTuple):
    """A row of the batch."""

    subject: str
    caption: str | None
    reasoning: str | None
    question: str
    context: str | None
    choices: list[str]
    facts: str


class _Stage(NamedTuple):
    """A caption or a reasoning, with what was asked."""

    text: str
    question: str
    asked: str
    """Question, context and choices."""
    caption: bool


class _Known(NamedTuple):
    """What the facts of a sample tell; None for what they don't have."""

    scene: Scene | None
    sheet: Sheet | None


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the claims that the facts contradict; rows without facts are not looked at."""
    rows = map(_Said._make, _telling(batch.select(_READ).drop_nulls("facts")).iter_rows())
    return pl.DataFrame([found for said in rows for found in _findings(said)], FOUND, orient="row")


def _telling(known: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with a stage that may tell something of the facts; in place of other stages stands null."""
    scene = pl.col("facts").str.contains('"objects": [[', literal=True)
    told = known.with_columns(
        pl.when(scene | pl.col(stage).str.contains(_QUOTES)).then(stage).alias(stage) for stage in _JUDGED
    )
    return told.filter(pl.any_horizontal(pl.col(stage).is_not_null() for stage in _JUDGED))


@lru_cache(maxsize=1024)
def _known(written: str) -> _Known:
    """Read facts in JSON, once for all traces of an image."""
    facts = Facts.model_validate_json(written)
    return _Known(Scene(facts.objects) if facts.objects else None, sheet(facts))


def _findings(said: _Said) -> Iterator[tuple[object, ...]]:
    known = _known(said.facts)
    asked = "\n".join([said.question, said.context or "", *said.choices]) if known.sheet else ""
    for stage, text in (("caption", said.caption), ("reasoning", said.reasoning)):
        if text is None:
            continue
        told = islice(_claims(known, _Stage(text, said.question, asked, stage == "caption")), _MOST)
        for severity, claim in told:
            evidence = text[claim.start : claim.end][:_QUOTED]
            yield said.subject, claim.what, severity, stage, claim.message[:_QUOTED], evidence


def _claims(known: _Known, stage: _Stage) -> Iterator[tuple[str, Disputed | Misquoted]]:
    """Yield what each check finds, with its severity."""
    if known.scene:
        for claim in disputed(stage.text, known.scene, stage.question, caption=stage.caption):
            yield "error", claim
    if known.sheet:
        for quotation in misquoted(stage.text, known.sheet, stage.asked, caption=stage.caption):
            yield "warning", quotation
