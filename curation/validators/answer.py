"""The conclusion against the turn's targets, by the source's own scorer.

A conclusion in which no answer can be read, or several, is `unparsed`: it is no less an error than a `wrong` one, as
nothing can be learnt from where it leads, but what is to be mended is its wording.
"""

from functools import cache

import polars as pl

from curation import scorers
from curation.validators import FOUND
from schemas.sample import Turn

VERSION = 2


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the subjects whose conclusion is wrong; one without targets or scorer can't be judged here."""
    judged = batch.filter(
        pl.col("conclusion").is_not_null(), pl.col("scorer").is_not_null(), pl.col("targets").list.len() > 0
    )
    marked = cache(_fault)  # for this batch: many turns have the same few answers
    rows = judged.select("subject", "conclusion", "choices", "targets", "scorer").iter_rows()
    found = (
        (subject, marked(conclusion, tuple(choices or ()), tuple(targets), scorer))
        for subject, conclusion, choices, targets, scorer in rows
    )
    return pl.DataFrame([(subject, *fault) for subject, fault in found if fault], FOUND, orient="row")


def _fault(conclusion: str, choices: tuple[str, ...], targets: tuple[str, ...], scorer: str) -> tuple[str, ...] | None:
    """Return what is wrong with a conclusion, for a row of findings; no scorer looks at the question."""
    turn = Turn.model_construct(question="", choices=choices, targets=targets, scorer=scorer)
    extracted, score = scorers.mark(conclusion, turn)
    if score.correct:
        return None
    what, found = (
        ("wrong", f"gives {score.value:g}") if extracted.parsed else ("unparsed", "finds no answer, or several")
    )
    message = f"{scorer} {found}; the target is {' or '.join(targets)!r:.200}"
    return what, "error", "conclusion", message, conclusion[:200]
