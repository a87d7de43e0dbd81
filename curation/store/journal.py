"""The call cache and the spend ledger: what the request core writes ahead, and what it remembers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from curation.store import tables
from curation.store.liveness import alive
from curation.store.steps import insert_new, put_calls
from curation.store.writer import Writer
from schemas.call import Call, Outcome, Usage

_ledger = tables.ledger
_MINE = (
    (_ledger.c.key == bindparam("of_key")) & (_ledger.c.state == "reserved") & (_ledger.c.run_id == bindparam("of_run"))
)
_SETTLE = update(_ledger).where(_MINE).values(state="settled", amount=bindparam("cost"))
_LOSE = update(_ledger).where(_MINE).values(state="lost")
_RELEASE = delete(_ledger).where(_MINE)
_ABANDON = update(_ledger).where(_ledger.c.id == bindparam("of_id")).values(state="lost")
_UNPARSABLE = (
    update(tables.calls)
    .where(tables.calls.c.key == bindparam("of_key"))
    .values(outcome=Outcome.UNPARSABLE.value, reason=bindparam("why"))
)


class _Wanted(NamedTuple):
    id: str
    key: str
    cost: int


class _Owner(NamedTuple):
    id: str
    run_id: str


def call_from(row: Row[Any]) -> Call:
    """Make the record of a row of `calls`."""
    usage = Usage(**{name: row._mapping[name] for name in Usage.model_fields})
    return Call(usage=usage, **{name: row._mapping[name] for name in Call.model_fields if name != "usage"})


class StoreJournal:
    """The journal of one run."""

    def __init__(self, writer: Writer, run_id: str, locks: Path) -> None:
        self._writer = writer
        self._run_id = run_id
        self._locks = locks
        self._numbers = count()

    async def reserve(self, key: str, cost: int) -> Call | Literal["granted", "busy"]:
        """Reserve money for a request; or return its stored call, or "busy" where another run has reserved it."""
        wanted = _Wanted(f"{self._run_id}-{next(self._numbers)}", key, cost)
        return await self._writer.write(self._reserve, wanted)

    async def settle(self, call: Call) -> None:
        """Store the call, and settle its reservation at its cost.

        A call that gave up has lost or released its reservation before; one that there is now is another's.
        """
        await self._writer.write(self._settle, call)

    async def lose(self, key: str) -> None:
        """Note that the reserved request may have been billed although no answer came."""
        await self._writer.write(self._lose, key)

    async def release(self, key: str) -> None:
        """Drop the reservation of a request that was not billed."""
        await self._writer.write(self._release, key)

    async def unparsable(self, call: Call, reason: str) -> None:
        """Note that a stored answer is not what was asked for."""
        self._writer.post(_unparsable, (call.key, reason))

    def _reserve(self, connection: Connection, wanted: Sequence[_Wanted]) -> list[Call | Literal["granted", "busy"]]:
        stored = self._stored(connection, wanted)
        open_ = [wish for wish in wanted if wish.key not in stored]
        self._insert(connection, open_)
        owners = _owners(connection, open_)
        dead = {
            wish: owners[wish.key].id
            for wish in open_
            if owners[wish.key].id != wish.id and not self._alive(owners[wish.key].run_id)
        }
        if dead:
            connection.execute(_ABANDON, [{"of_id": owner} for owner in set(dead.values())])
            self._insert(connection, dead)
            owners = _owners(connection, open_)
        return [stored.get(wish.key) or ("granted" if owners[wish.key].id == wish.id else "busy") for wish in wanted]

    def _stored(self, connection: Connection, wanted: Sequence[_Wanted]) -> dict[str, Call]:
        """Look the requests up, and book what those that are found save."""
        calls = tables.calls
        rows = connection.execute(
            select(calls).where(
                calls.c.key.in_([wish.key for wish in wanted]), calls.c.outcome != Outcome.GAVE_UP.value
            )
        )
        found = {row.key: call_from(row) for row in rows}
        saved = [wish for wish in wanted if wish.key in found]
        if saved:
            rows_saved = [self._row(wish, "saved", found[wish.key].cost) for wish in saved]
            connection.execute(insert(_ledger), rows_saved)
        return found

    def _insert(self, connection: Connection, wanted: Any) -> None:
        rows = [self._row(wish, "reserved", wish.cost) for wish in wanted]
        if rows:
            connection.execute(insert_new(connection.dialect.name, _ledger), rows)

    def _row(self, wish: _Wanted, state: str, amount: int) -> dict[str, Any]:
        return {
            "id": wish.id,
            "key": wish.key,
            "run_id": self._run_id,
            "state": state,
            "amount": amount,
            "created_at": datetime.now(UTC).isoformat(),
        }

    def _alive(self, run_id: str) -> bool:
        return run_id == self._run_id or alive(self._locks, run_id)

    def _settle(self, connection: Connection, calls: Sequence[Call]) -> None:
        put_calls(connection, calls)
        ended = [call for call in calls if call.outcome is not Outcome.GAVE_UP]
        if ended:
            mine = [{"of_key": call.key, "of_run": self._run_id, "cost": call.cost} for call in ended]
            connection.execute(_SETTLE, mine)

    def _lose(self, connection: Connection, keys: Sequence[str]) -> None:
        connection.execute(_LOSE, [{"of_key": key, "of_run": self._run_id} for key in keys])

    def _release(self, connection: Connection, keys: Sequence[str]) -> None:
        connection.execute(_RELEASE, [{"of_key": key, "of_run": self._run_id} for key in keys])


def _owners(connection: Connection, wanted: Sequence[_Wanted]) -> dict[str, _Owner]:
    """Return who holds the reservation of each request."""
    if not wanted:
        return {}
    held = select(_ledger.c.key, _ledger.c.id, _ledger.c.run_id).where(
        _ledger.c.state == "reserved", _ledger.c.key.in_([wish.key for wish in wanted])
    )
    return {row.key: _Owner(row.id, row.run_id) for row in connection.execute(held)}


def _unparsable(connection: Connection, noted: Sequence[tuple[str, str]]) -> None:
    connection.execute(_UNPARSABLE, [{"of_key": key, "why": why} for key, why in noted])
