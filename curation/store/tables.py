"""The tables as queries see them. What makes them is in `migrations`; a test holds the two together.

`record` columns hold the record's own JSON; the other columns are what queries select by. Times are ISO 8601 in UTC,
money is nano-dollars.
"""

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Table, Text

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("config", Text, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("record", Text, nullable=False),
)

traces = Table(
    "traces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sample_id", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recipe", Text),
    Column("prompt_version", Text),
    Column("model", Text),
    Column("endpoint", Text),
    Column("created_at", Text, nullable=False),
    Column("record", Text, nullable=False),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sample_id", Text, nullable=False),
    Column("turn", Integer),
    Column("trace_id", Text),
    Column("call_key", Text),
    Column("code", Text, nullable=False),
    Column("validator", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("severity", Text, nullable=False),
    Column("stage", Text),
    Column("record", Text, nullable=False),
)

checks = Table(
    "checks",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("validator", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
)
"""Which trace, or which call's answer, was looked at by which version of a validator."""

calls = Table(
    "calls",
    metadata,
    Column("key", Text, primary_key=True),
    Column("sample_id", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("raw", Text, nullable=False),
)

failures = Table(
    "failures",
    metadata,
    Column("sample_id", Text, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("recipe", Text, primary_key=True),
    Column("prompt_version", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("endpoint", Text, primary_key=True),
    Column("call_key", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
"""Turns that ended without a trace, with the last call that was made for them."""

ledger = Table(
    "ledger",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("created_at", Text, nullable=False),
)
"""States: `reserved` (on its way, or cut off by a crash), `settled`, `lost` (may have been billed without an answer),
`saved` (an answer that was in the store, at what it cost then). A request that was not billed leaves no row."""
