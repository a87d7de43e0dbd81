"""What CAPTION and REASONING say of the image, against what the source knows to be in it.

Of a scene's objects, counts (`count`) and what is there at all (`absent`) are checked; a contradiction is an error. Of
a chart's table and of the text in an image, quoted figures (`number`) and words (`quote`); these were often read by a
machine, so a claim that is not found there is a warning. Where the source knows nothing, nothing is checked.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from curation.validators import FOUND
from curation.validators._objects import Disputed, Scene, disputed
from curation.validators._quotations import Misquoted, misquoted
from curation.validators._sheets import Sheet, sheet
from schemas.sample import Facts

VERSION = 1

_READ = ("subject", "caption", "reasoning", "question", "context", "choices", "facts")
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


class _Known(NamedTuple):
    """What the facts of a sample tell; None for what they don't have."""

    scene: Scene | None
    sheet: Sheet | None


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the claims that the facts contradict; rows without facts are not looked at."""
    rows = map(_Said._make, batch.filter(pl.col("facts").is_not_null()).select(_READ).iter_rows())
    return pl.DataFrame([found for said in rows for found in _findings(said)], FOUND, orient="row")


@lru_cache(maxsize=1024)
def _known(written: str) -> _Known:
    """Read facts in JSON, once for all traces of an image."""
    facts = Facts.model_validate_json(written)
    return _Known(Scene(facts.objects) if facts.objects else None, sheet(facts))


def _findings(said: _Said) -> Iterator[tuple[object, ...]]:
    known = _known(said.facts)
    for stage, text in (("caption", said.caption), ("reasoning", said.reasoning)):
        if text is None:
            continue
        claims = [(each, severity) for severity, found in _claims(known, said, stage, text) for each in found]
        for claim, severity in claims[:_MOST]:
            evidence = text[claim.start : claim.end][:_QUOTED]
            yield said.subject, claim.what, severity, stage, claim.message[:_QUOTED], evidence


def _claims(known: _Known, said: _Said, stage: str, text: str) -> Iterator[tuple[str, Iterator[Disputed | Misquoted]]]:
    """Yield what is found by each check, with its severity."""
    caption = stage == "caption"
    asked = "\n".join([said.question, said.context or "", *said.choices])
    if known.scene:
        yield "error", disputed(text, known.scene, said.question, caption=caption)
    if known.sheet:
        yield "warning", misquoted(text, known.sheet, asked, caption=caption)
