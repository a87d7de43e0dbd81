"""Numbered migrations, each applied in one transaction with its record. Existing ones are never edited."""

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from curation.errors import StoreError

_KEY = {"sqlite": "TEXT", "postgresql": 'TEXT COLLATE "C"'}
"""What {key} stands for below: text that is compared by its code points, on every database the same."""

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
    for statement in MIGRATIONS[version]:
        connection.execute(text(statement.replace("{key}", _KEY[connection.dialect.name])))
    connection.execute(
        text("INSERT INTO migrations (version, applied_at) VALUES (:version, :at)"),
        {"version": version, "at": datetime.now(UTC).isoformat()},
    )
