"""The text index over questions and stages: SQLite's FTS5, or PostgreSQL's own. Rows are only ever added to it."""

from collections.abc import Mapping

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, column, select, table, text

from curation.store.text import AnyText

_ENOUGH = 400_000
"""Characters of a record that are indexed: PostgreSQL takes no more than a megabyte."""
_FEW = 5000
"""Matches that are looked up one by one; of more, the queue is walked until there are enough."""

_texts = table("texts", column("number", BigInteger), column("rowid", BigInteger))
_INSERT = {
    "sqlite": "INSERT INTO texts (rowid, body) VALUES (:number, :body)",
    "postgresql": "INSERT INTO texts (number, body) VALUES (:number, to_tsvector('simple', :body))",
}


def index_words(connection: Connection, bodies: Mapping[int, str]) -> None:
    """Add the words of records to the index, by their numbers."""
    if not bodies:
        return
    safe = AnyText()
    rows = [
        {"number": number, "body": safe.process_bind_param(body[:_ENOUGH], connection.dialect)}
        for number, body in bodies.items()
    ]
    connection.execute(text(_INSERT[connection.dialect.name]), rows)


def holds_words(
    connection: Connection, words: str, number: ColumnElement[int], *, walking: bool
) -> ColumnElement[bool]:
    """Return the condition that a record holds all the words; one that ends in * stands for all that begin so.

    `walking` is for whoever looks at a few records of many, one by one.
    """
    matching = _matching(connection, words)
    if not walking:
        return number.in_(matching)
    few = list(connection.execute(matching.limit(_FEW + 1)).scalars())
    if len(few) <= _FEW:
        return number.in_(few)
    own = _texts.c.rowid if connection.dialect.name == "sqlite" else _texts.c.number
    return matching.where(own == number).exists()


def _matching(connection: Connection, words: str) -> Select[tuple[int]]:
    """Return the query for the numbers of records that hold the words."""
    parts = [(word.rstrip("*"), "*" if word.endswith("*") else "") for word in words.split()]
    if connection.dialect.name == "sqlite":
        query = " ".join('"{}"{}'.format(word.replace('"', '""'), end) for word, end in parts)
        return select(_texts.c.rowid).where(text("texts MATCH :words").bindparams(bindparam("words", query, AnyText)))
    quoted = [(word.replace("\\", "\\\\").replace("'", "''"), ":*" if end else "") for word, end in parts]
    query = " & ".join(f"'{word}'{end}" for word, end in quoted)
    return select(_texts.c.number).where(
        text("body @@ to_tsquery('simple', :words)").bindparams(bindparam("words", query, AnyText))
    )
