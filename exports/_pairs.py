"""Preferences: two traces of one turn, of which one was taken and the other was not."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from curation.wording import answer_text, question_text
from exports import Item
from exports._shards import IMAGE, schema

_TEXT = pa.string()
_SAID = pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))
COLUMNS = schema(
    [
        ("id", _TEXT),
        ("images", pa.list_(IMAGE)),
        ("prompt", _SAID),
        ("chosen", _SAID),
        ("rejected", _SAID),
        ("rule", _TEXT),
        ("reason", _TEXT),
        ("codes", pa.list_(_TEXT)),
        ("source", _TEXT),
        ("licence", _TEXT),
        ("chosen_trace_id", _TEXT),
        ("rejected_trace_id", _TEXT),
    ]
)


def said(role: str, text: str) -> dict[str, str]:
    """Return a message."""
    return {"role": role, "content": text}


def pairs(item: Item) -> Iterator[dict[str, Any]]:
    """Give a row, without the images, for each trace that was not taken although another one of its turn was.

    The prompt holds the earlier turns that have a trace. Traces that say the same are no pair.
    """
    prompt: list[dict[str, str]] = []
    for trace in item.traces:
        prompt = [*prompt, said("user", question_text(item.sample.turns[trace.turn]))]
        chosen = said("assistant", answer_text(trace.stages))
        for other in item.rejected:
            if other.trace.turn == trace.turn and other.trace.stages != trace.stages:
                yield {
                    "id": f"{item.sample.id}#{trace.turn}/{other.trace.id[-12:]}",
                    "prompt": prompt,
                    "chosen": [chosen],
                    "rejected": [said("assistant", answer_text(other.trace.stages))],
                    "rule": other.rule,
                    "reason": other.reason,
                    "codes": other.codes,
                    "source": item.sample.source,
                    "licence": item.sample.licence,
                    "chosen_trace_id": trace.id,
                    "rejected_trace_id": other.trace.id,
                }
        prompt = [*prompt, chosen]
