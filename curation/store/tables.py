"""The tables as queries see them. What makes them is in `migrations`; a test holds the two together.

`record` columns hold the record's own JSON; the other columns are what queries select by. Times are ISO 8601 in UTC,
money is nano-dollars.
"""

from sqlalchemy import BigInteger, Column, Double, Float, Integer, LargeBinary, MetaData, Table

from curation.store.text import AnyText

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("verb", AnyText, nullable=False),
    Column("started_at", AnyText, nullable=False),
    Column("finished_at", AnyText),
    Column("config", AnyText, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("source", AnyText, nullable=False),
    Column("split", AnyText, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("record", AnyText, nullable=False),
)

traces = Table(
    "traces",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("sample_id", AnyText, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("kind", AnyText, nullable=False),
    Column("recipe", AnyText),
    Column("prompt_version", AnyText),
    Column("model", AnyText),
    Column("endpoint", AnyText),
    Column("created_at", AnyText, nullable=False),
    Column("record", AnyText, nullable=False),
)

issues = Table(
    "issues",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("sample_id", AnyText, nullable=False),
    Column("turn", Integer),
    Column("trace_id", AnyText),
    Column("call_key", AnyText),
    Column("code", AnyText, nullable=False),
    Column("validator", AnyText, nullable=False),
    Column("version", Integer, nullable=False),
    Column("severity", AnyText, nullable=False),
    Column("stage", AnyText),
    Column("record", AnyText, nullable=False),
)

checks = Table(
    "checks",
    metadata,
    Column("subject", AnyText, primary_key=True),
    Column("validator", AnyText, primary_key=True),
    Column("version", Integer, primary_key=True),
)
"""Which trace, or which call's answer, was looked at by which version of a validator."""

calls = Table(
    "calls",
    metadata,
    Column("key", AnyText, primary_key=True),
    Column("sample_id", AnyText, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("endpoint", AnyText, nullable=False),
    Column("model", AnyText, nullable=False),
    Column("recipe", AnyText, nullable=False),
    Column("prompt_version", AnyText, nullable=False),
    Column("outcome", AnyText, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created_at", AnyText, nullable=False),
    Column("request", AnyText, nullable=False),
    Column("raw", AnyText, nullable=False),
)

failures = Table(
    "failures",
    metadata,
    Column("sample_id", AnyText, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("recipe", AnyText, primary_key=True),
    Column("prompt_version", AnyText, primary_key=True),
    Column("model", AnyText, primary_key=True),
    Column("endpoint", AnyText, primary_key=True),
    Column("call_key", AnyText, nullable=False),
    Column("outcome", AnyText, nullable=False),
    Column("reason", AnyText, nullable=False),
)
"""Turns that ended without a trace, with the last call that was made for them."""

ledger = Table(
    "ledger",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("key", AnyText, nullable=False),
    Column("run_id", AnyText, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("created_at", AnyText, nullable=False),
)
"""States: `reserved` (on its way, or cut off by a crash), `settled`, `lost` (may have been billed without an answer),
`saved` (an answer that was in the store, at what it cost then). A request that was not billed leaves no row."""

changed = Table("changed", metadata, Column("sample_id", AnyText, primary_key=True))
"""Samples whose rows in the queue have to be worked out anew."""

queue = Table(
    "queue",
    metadata,
    Column("sample_id", AnyText, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("trace_id", AnyText, nullable=False),
    Column("standing", AnyText, nullable=False),
    Column("source", AnyText, nullable=False),
    Column("split", AnyText, nullable=False),
    Column("recipe", AnyText, nullable=False),
    Column("model", AnyText, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("needs", AnyText, nullable=False),
    Column("flagged", Integer, nullable=False),
    Column("gold", Integer, nullable=False),
)
"""The turns as reviewers see them: derived from traces, issues and events, and kept for speed alone.

`trace_id` is the trace to be reviewed, `standing` the one that stands for the turn: the same, or an edit of it. Those
with a lower `place` come first. `number` is the row of its words in the text index.
"""

findings = Table(
    "findings",
    metadata,
    Column("sample_id", AnyText, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("code", AnyText, primary_key=True),
    Column("stage", AnyText, primary_key=True),
    Column("source", AnyText, nullable=False),
    Column("severity", AnyText, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("needs", AnyText, nullable=False),
)
"""The open issues of the traces in the queue, once for each code and stage; derived like the queue."""

seen = Table(
    "seen",
    metadata,
    Column("sample_id", AnyText, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("reviewer", AnyText, primary_key=True),
    Column("how", AnyText, primary_key=True),
)
"""Who has had a turn's trace before them, and how it ended: `decided`, `skipped`, or `gold` where it was a check of
the reviewer. Derived from the events."""

withdrawn = Table("withdrawn", metadata, Column("trace_id", AnyText, primary_key=True))
"""Edits that were undone or overruled: they stand for nothing. Derived from the events."""

events = Table(
    "events",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("id", AnyText, nullable=False),
    Column("at", AnyText, nullable=False),
    Column("reviewer", AnyText, nullable=False),
    Column("act", AnyText, nullable=False),
    Column("sample_id", AnyText, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("together", AnyText),
    Column("record", AnyText, nullable=False),
)
"""Who did what, in order, and for good. `together` is the bulk action that an event is a part of."""

leases = Table(
    "leases",
    metadata,
    Column("sample_id", AnyText, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("reviewer", AnyText, primary_key=True),
    Column("duty", AnyText, nullable=False),
    Column("expires_at", AnyText, nullable=False),
)

drafts = Table(
    "drafts",
    metadata,
    Column("sample_id", AnyText, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("reviewer", AnyText, primary_key=True),
    Column("at", AnyText, nullable=False),
    Column("record", AnyText, nullable=False),
)
"""What reviewers have begun."""

votes = Table(
    "votes",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("event_id", AnyText, nullable=False),
    Column("reviewer", AnyText, nullable=False),
    Column("day", AnyText, nullable=False),
    Column("sample_id", AnyText, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("trace_id", AnyText, nullable=False),
    Column("duty", AnyText, nullable=False),
    Column("decision", AnyText, nullable=False),
    Column("content", AnyText, nullable=False),
    Column("verdicts", AnyText, nullable=False),
    Column("tenths", Integer, nullable=False),
    Column("holds", Integer, nullable=False),
    Column("sent_back", Integer, nullable=False),
)
"""Every decision, undone ones too, where `holds` is 0. Derived from the events, and folded in when figures are wanted:
up to the event whose number `marks` has."""

marks = Table(
    "marks", metadata, Column("name", AnyText, primary_key=True), Column("number", BigInteger, nullable=False)
)

pictures = Table(
    "pictures",
    metadata,
    Column("digest", AnyText, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("hash", BigInteger),
    Column("gradient", BigInteger),
    Column("contrast", Double),
    Column("thumb", LargeBinary),
    Column("fault", AnyText, nullable=False),
)
"""What was seen in each image, once (`curation.images.looks.Marks`); null and `fault` where it can't be read."""

verdicts = Table(
    "verdicts",
    metadata,
    Column("trace_id", AnyText, primary_key=True),
    Column("judge", AnyText, primary_key=True),
    Column("at", AnyText, nullable=False),
    Column("record", AnyText, nullable=False),
)
"""What each judge (its model and the digest of its prompt) said of a trace."""

comparisons = Table(
    "comparisons",
    metadata,
    Column("trace_id", AnyText, primary_key=True),
    Column("before", AnyText, primary_key=True),
    Column("judge", AnyText, primary_key=True),
    Column("rank", AnyText, nullable=False),
    Column("record", AnyText, nullable=False),
)
"""What each judge said of a repaired trace beside the one that it was made from."""

splits = Table(
    "splits",
    metadata,
    Column("plan", AnyText, primary_key=True),
    Column("sample_id", AnyText, primary_key=True),
    Column("split", AnyText, nullable=False),
)
"""Where each sample went when splits were made with the plan's shares and seed: it stays there."""
