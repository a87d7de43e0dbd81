"""Numbered migrations, each applied in one transaction with its record. Existing ones are never edited."""

from datetime import UTC, datetime
from functools import reduce

from sqlalchemy import Connection, Engine, text

from curation.errors import StoreError

_KEY = {"sqlite": "TEXT", "postgresql": 'TEXT COLLATE "C"'}
"""What {key} stands for below: text that is compared by its code points, on every database the same."""

_BYTES = {"sqlite": "BLOB", "postgresql": "BYTEA"}

_TEXTS = {
    "sqlite": "CREATE VIRTUAL TABLE texts USING fts5(body, content='', tokenize='unicode61 remove_diacritics 2')",
    "postgresql": "CREATE TABLE texts (number BIGINT NOT NULL PRIMARY KEY, body TSVECTOR NOT NULL)",
}
_TEXTS_INDEX = {
    "sqlite": "INSERT INTO texts(texts, rank) VALUES ('automerge', 4)",
    "postgresql": "CREATE INDEX texts_body ON texts USING gin (body)",
}
"""The text index: words by the number of their row in the queue. It is only ever added to."""

MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "CREATE TABLE runs (id {key} NOT NULL PRIMARY KEY, verb TEXT NOT NULL, started_at TEXT NOT NULL,"
        " finished_at TEXT, config TEXT NOT NULL)",
        "CREATE TABLE samples (id {key} NOT NULL PRIMARY KEY, source TEXT NOT NULL, split TEXT NOT NULL,"
        " turns INTEGER NOT NULL, record TEXT NOT NULL)",
        "CREATE INDEX samples_source ON samples (source, id, turns)",
        "CREATE TABLE traces (id {key} NOT NULL PRIMARY KEY, sample_id {key} NOT NULL, turn INTEGER NOT NULL,"
        " kind TEXT NOT NULL, recipe TEXT, prompt_version TEXT, model TEXT, endpoint TEXT,"
        " created_at {key} NOT NULL, record TEXT NOT NULL)",
        "CREATE INDEX traces_turn ON traces (sample_id, turn, created_at, id)",
        "CREATE TABLE issues (id {key} NOT NULL PRIMARY KEY, sample_id {key} NOT NULL, turn INTEGER, trace_id {key},"
        " call_key {key}, code TEXT NOT NULL, validator TEXT NOT NULL, version INTEGER NOT NULL,"
        " severity TEXT NOT NULL, stage TEXT, record TEXT NOT NULL)",
        "CREATE INDEX issues_sample ON issues (sample_id)",
        "CREATE INDEX issues_trace ON issues (trace_id, severity, validator, version, call_key)",
        "CREATE INDEX issues_validator ON issues (validator, severity, sample_id)",
        "CREATE TABLE checks (subject {key} NOT NULL, validator TEXT NOT NULL, version INTEGER NOT NULL,"
        " PRIMARY KEY (subject, validator, version))",
        "CREATE TABLE calls (key {key} NOT NULL PRIMARY KEY, sample_id {key} NOT NULL, turn INTEGER NOT NULL,"
        " attempt INTEGER NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL, recipe TEXT NOT NULL,"
        " prompt_version TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, prompt_tokens BIGINT NOT NULL,"
        " completion_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL, cost BIGINT NOT NULL,"
        " sends INTEGER NOT NULL, seconds DOUBLE PRECISION NOT NULL, created_at TEXT NOT NULL,"
        " request TEXT NOT NULL, raw TEXT NOT NULL)",
        "CREATE INDEX calls_outcome ON calls (outcome, model, completion_tokens)",
        "CREATE TABLE failures (sample_id {key} NOT NULL, turn INTEGER NOT NULL, recipe TEXT NOT NULL,"
        " prompt_version TEXT NOT NULL, model TEXT NOT NULL, endpoint TEXT NOT NULL, call_key {key} NOT NULL,"
        " outcome TEXT NOT NULL, reason TEXT NOT NULL,"
        " PRIMARY KEY (sample_id, turn, recipe, prompt_version, model, endpoint))",
        "CREATE TABLE ledger (id {key} NOT NULL PRIMARY KEY, key {key} NOT NULL, run_id {key} NOT NULL,"
        " state TEXT NOT NULL, amount BIGINT NOT NULL, created_at TEXT NOT NULL)",
        "CREATE UNIQUE INDEX ledger_reserved ON ledger (key) WHERE state = 'reserved'",
        "CREATE INDEX ledger_state ON ledger (state, run_id, amount)",
    ),
    2: (
        "CREATE TABLE changed (sample_id {key} NOT NULL PRIMARY KEY)",
        "CREATE TABLE queue (sample_id {key} NOT NULL, turn INTEGER NOT NULL, number BIGINT NOT NULL,"
        " trace_id {key} NOT NULL, standing {key} NOT NULL, source TEXT NOT NULL, split TEXT NOT NULL,"
        " recipe TEXT NOT NULL, model TEXT NOT NULL, severity INTEGER NOT NULL, place BIGINT NOT NULL,"
        " state TEXT NOT NULL, needs TEXT NOT NULL, flagged INTEGER NOT NULL, gold INTEGER NOT NULL,"
        " PRIMARY KEY (sample_id, turn))",
        "CREATE UNIQUE INDEX queue_number ON queue (number)",
        "CREATE INDEX queue_needs ON queue (needs, place)",
        "CREATE INDEX queue_source ON queue (source, needs, place)",
        "CREATE INDEX queue_source_place ON queue (source, place)",
        "CREATE INDEX queue_state ON queue (state, place)",
        "CREATE INDEX queue_state_needs ON queue (state, needs, place)",
        "CREATE INDEX queue_recipe ON queue (recipe, place)",
        "CREATE INDEX queue_model ON queue (model, place)",
        "CREATE INDEX queue_place ON queue (place)",
        "CREATE INDEX queue_flagged ON queue (place) WHERE flagged = 1",
        "CREATE INDEX queue_gold ON queue (place) WHERE gold = 1",
        "CREATE TABLE findings (sample_id {key} NOT NULL, turn INTEGER NOT NULL, code TEXT NOT NULL,"
        " stage TEXT NOT NULL, source TEXT NOT NULL, severity TEXT NOT NULL, place BIGINT NOT NULL,"
        " needs TEXT NOT NULL, PRIMARY KEY (sample_id, turn, code, stage))",
        "CREATE INDEX findings_code ON findings (code, needs, place)",
        "CREATE INDEX findings_place ON findings (code, place, source)",
        "CREATE INDEX findings_stage ON findings (stage, needs, place)",
        "CREATE INDEX findings_stage_place ON findings (stage, place)",
        "CREATE INDEX findings_source ON findings (source, code, severity, stage)",
        "CREATE TABLE seen (sample_id {key} NOT NULL, turn INTEGER NOT NULL, reviewer {key} NOT NULL,"
        " how TEXT NOT NULL, PRIMARY KEY (sample_id, turn, reviewer, how))",
        "CREATE INDEX seen_reviewer ON seen (reviewer, how, sample_id, turn)",
        "CREATE TABLE withdrawn (trace_id {key} NOT NULL PRIMARY KEY)",
        "CREATE TABLE events (number BIGINT NOT NULL PRIMARY KEY, id {key} NOT NULL, at {key} NOT NULL,"
        " reviewer {key} NOT NULL, act TEXT NOT NULL, sample_id {key} NOT NULL, turn INTEGER NOT NULL,"
        " together {key}, record TEXT NOT NULL)",
        "CREATE UNIQUE INDEX events_id ON events (id)",
        "CREATE INDEX events_sample ON events (sample_id, turn, number)",
        "CREATE INDEX events_reviewer ON events (reviewer, number)",
        "CREATE INDEX events_act ON events (reviewer, act)",
        "CREATE INDEX events_together ON events (together, number) WHERE together IS NOT NULL",
        "CREATE TABLE leases (sample_id {key} NOT NULL, turn INTEGER NOT NULL, reviewer {key} NOT NULL,"
        " duty TEXT NOT NULL, expires_at {key} NOT NULL, PRIMARY KEY (sample_id, turn, reviewer))",
        "CREATE INDEX leases_reviewer ON leases (reviewer)",
        "CREATE TABLE drafts (sample_id {key} NOT NULL, turn INTEGER NOT NULL, reviewer {key} NOT NULL,"
        " at {key} NOT NULL, record TEXT NOT NULL, PRIMARY KEY (sample_id, turn, reviewer))",
        "CREATE TABLE votes (number BIGINT NOT NULL PRIMARY KEY, event_id {key} NOT NULL, reviewer {key} NOT NULL,"
        " day TEXT NOT NULL, sample_id {key} NOT NULL, turn INTEGER NOT NULL, trace_id {key} NOT NULL,"
        " duty TEXT NOT NULL, decision TEXT NOT NULL, content TEXT NOT NULL, verdicts TEXT NOT NULL,"
        " tenths INTEGER NOT NULL, holds INTEGER NOT NULL, sent_back INTEGER NOT NULL)",
        "CREATE INDEX votes_turn ON votes (sample_id, turn)",
        "CREATE INDEX votes_duty ON votes (duty, holds, sample_id, turn)",
        "CREATE INDEX votes_reviewer ON votes (reviewer, duty, decision, tenths, holds)",
        "CREATE INDEX votes_batch ON votes (reviewer, number, duty, decision, holds, day)",
        "CREATE INDEX votes_day ON votes (day, reviewer, duty, decision, holds)",
        "CREATE TABLE marks (name {key} NOT NULL PRIMARY KEY, number BIGINT NOT NULL)",
        "CREATE INDEX queue_counts ON queue (source, state, needs, severity)",
        "CREATE INDEX calls_cost ON calls (recipe, model, outcome, cost)",
        "{texts}",
        "{texts_index}",
        "INSERT INTO changed SELECT DISTINCT sample_id FROM traces",
    ),
    3: (
        "CREATE TABLE pictures (digest {key} NOT NULL PRIMARY KEY, version INTEGER NOT NULL, width INTEGER,"
        " height INTEGER, hash BIGINT, gradient BIGINT, contrast DOUBLE PRECISION, thumb {bytes}, fault TEXT NOT NULL)",
        "CREATE TABLE verdicts (trace_id {key} NOT NULL, judge {key} NOT NULL, at TEXT NOT NULL, record TEXT NOT NULL,"
        " PRIMARY KEY (trace_id, judge))",
        "CREATE INDEX samples_split ON samples (split, source)",
    ),
    4: (
        "CREATE TABLE comparisons (trace_id {key} NOT NULL, before {key} NOT NULL, judge {key} NOT NULL,"
        " rank TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (trace_id, before, judge))",
        "CREATE TABLE splits (plan {key} NOT NULL, sample_id {key} NOT NULL, split TEXT NOT NULL,"
        " PRIMARY KEY (plan, sample_id))",
    ),
}


def migrate(engine: Engine) -> None:
    """Bring the database up to date. Raises StoreError for one that a newer version of this program wrote."""
    newest = max(MIGRATIONS)
    while (version := _step(engine)) < newest:
        pass
    if version > newest:
        raise StoreError(
            f"the workspace is of version {version}, this program knows versions up to {newest}: update the program"
        )


def _step(engine: Engine) -> int:
    """Apply the next migration, if there is one, and return the version that stands. Processes take turns."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(
            text("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL)")
        )
        version: int = connection.execute(text("SELECT COALESCE(MAX(version), 0) FROM migrations")).scalar_one()
        if version + 1 in MIGRATIONS:
            version += 1
            _apply(connection, version)
    return version


def _apply(connection: Connection, version: int) -> None:
    dialect = connection.dialect.name
    words = {
        "{key}": _KEY[dialect],
        "{bytes}": _BYTES[dialect],
        "{texts}": _TEXTS[dialect],
        "{texts_index}": _TEXTS_INDEX[dialect],
    }
    for statement in MIGRATIONS[version]:
        connection.exec_driver_sql(reduce(lambda text, word: text.replace(*word), words.items(), statement))
    connection.execute(
        text("INSERT INTO migrations (version, applied_at) VALUES (:version, :at)"),
        {"version": version, "at": datetime.now(UTC).isoformat()},
    )
