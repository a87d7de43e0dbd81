"""Preferences: two traces of one turn, of which one was taken and the other was not."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from curation.ballots import lead
from curation.prompts.wording import answer_text, question_text
from exports import Item, Said
from exports._shards import IMAGE, schema
from schemas.trace import Trace

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

    The prompt holds the earlier turns that have a trace. Traces that say the same are no pair, nor are two of which
    judges say that neither is better, or that the other one is.
    """
    prompt: list[dict[str, str]] = []
    for trace in item.traces:
        prompt = [*prompt, said("user", question_text(item.sample.turns[trace.turn]))]
        chosen = said("assistant", answer_text(trace.stages))
        for other in item.rejected:
            same_turn = other.trace.turn == trace.turn and other.trace.stages != trace.stages
            if same_turn and _is_preferred(item, trace, other.trace):
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


def _is_preferred(item: Item, taken: Trace, other: Trace) -> bool:
    """Tell whether the judges that compared the two prefer the taken one; where none did, that is the policy's word."""
    for repaired, before, sign in ((taken, other, 1), (other, taken, -1)):
        said = [each for each in item.said.get(repaired.id, Said()).comparisons if each.before == before.id]
        if said:
            return sign * lead(said) > 0
    return True
