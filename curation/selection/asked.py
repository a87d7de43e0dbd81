"""How models were asked for the traces of a release: what the requests said, as far as they are still there."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from curation import registry
from curation.prompts.wording import standard_answer
from curation.store.queries import PAGE
from curation.store.tables import calls
from exports import Asked, Item, Parameters
from schemas.sample import Turn
from schemas.trace import Trace

_HELD = 200
"""Samples that are looked up together."""


class _Request(NamedTuple):
    parameters: Parameters
    lines: str
    """What the user's message says, in lines that end with a line break."""


def with_asked(connection: Connection, items: Iterable[Item]) -> Iterator[Item]:
    """Give the items with how their traces were asked for, taken and rejected."""
    ours = frozenset(name.replace("_", "-") for name in registry.names("curation.recipes"))
    items = iter(items)
    while page := list(islice(items, _HELD)):
        known = _requests(connection, sorted({key for item in page for made in _traces(item) for key in _keys(made)}))
        for item in page:
            asked = {made.id: _asked(item.sample.turns[made.turn], made, known, ours) for made in _traces(item)}
            yield item._replace(asked={trace_id: how for trace_id, how in asked.items() if how != Asked()})


def _traces(item: Item) -> list[Trace]:
    return [*item.traces, *(other.trace for other in item.rejected)]


def _keys(trace: Trace) -> tuple[str, ...]:
    return trace.provenance.calls


def _requests(connection: Connection, keys: Sequence[str]) -> dict[str, _Request]:
    found = {}
    for begin in range(0, len(keys), PAGE):
        query = select(calls.c.key, calls.c.request).where(calls.c.key.in_(keys[begin : begin + PAGE]))
        for row in connection.execute(query):
            request = json.loads(row.request)
            found[row.key] = _Request(_parameters(row.key, request), _said(request))
    return found


def _parameters(key: str, request: dict[str, Any]) -> Parameters:
    most = request.get("max_completion_tokens", request.get("max_tokens"))
    return Parameters(key, request.get("temperature"), request.get("top_p"), request.get("seed"), most)


def _said(request: dict[str, Any]) -> str:
    """Return the texts of the user's messages, each on lines of its own."""
    contents = [message["content"] for message in request.get("messages", ()) if message["role"] == "user"]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    texts = [*(each for each in contents if isinstance(each, str)), *(part.get("text") or "" for part in parts)]
    return "".join(f"\n{text}\n" for text in texts)


def _asked(turn: Turn, trace: Trace, known: dict[str, _Request], ours: frozenset[str]) -> Asked:
    keys = _keys(trace)
    requests = [known[key] for key in keys if key in known]
    shown: bool | None = None
    if any(f"\n{standard_answer(turn)}\n" in request.lines for request in requests):
        shown = turn.target is not None
    elif keys and len(requests) == len(keys) and trace.provenance.recipe in ours:
        shown = False
    return Asked(tuple(request.parameters for request in requests), shown)
