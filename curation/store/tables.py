"""The tables as queries see them. What makes them is in `migrations`; a test holds the two together.

`record` columns hold the record's own JSON; the other columns are what queries select by. Times are ISO 8601 in UTC,
money is nano-dollars.
"""

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Table

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
