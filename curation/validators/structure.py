"""A trace is exactly the four stages; an answer that is not says here which stage is wrong, and how."""

from collections.abc import Iterator

import polars as pl

from curation.validators import FOUND
from schemas.trace import STAGES, Fault, Stages, parse_answer

VERSION = 1

_HOW = {
    "missing": "is missing",
    "doubled": "is there more than once",
    "reordered": "stands after a later stage",
    "unclosed": "is never closed",
    "unopened": "is closed but never opened",
    "nested": "stands inside another stage",
    "empty": "is empty",
    "text_outside": "has text before it that belongs to no stage",
}


_TAGS = r"</?(?:SUMMARY|CAPTION|REASONING|CONCLUSION)>"
_BODY = r"(?s:.)*[!-;=-~\p{L}](?s:.)*"
_WHOLE = "[ \n]*".join(["^", *(f"<{stage.tag}>{_BODY}</{stage.tag}>" for stage in STAGES), "$"])


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Parse each text again, and return its faults."""
    texts = batch.select("subject", "text").filter(~_is_whole()).iter_rows()
    return pl.DataFrame([row for subject, text in texts for row in _faults(subject, text)], FOUND, orient="row")


def _is_whole() -> pl.Expr:
    """Tell which texts are the four stages beyond doubt: eight tags in order, between them what can be read."""
    return (pl.col("text").str.count_matches(_TAGS) == 2 * len(STAGES)) & pl.col("text").str.contains(_WHOLE)


def _faults(subject: str, text: str) -> Iterator[tuple[object, ...]]:
    stages = parse_answer(text)
    if isinstance(stages, Stages):
        return
    for fault in stages:
        stage = fault.stage.value if fault.stage else None
        yield subject, fault.kind.replace("_", "-"), "error", stage, _message(fault), fault.evidence


def _message(fault: Fault) -> str:
    if fault.stage is None:
        return "there is text that belongs to no stage"
    times = f" ({fault.count} times)" if fault.count > 1 else ""
    return f"{fault.stage.tag} {_HOW[fault.kind]}{times}"
