"""Single paid requests from any thread: one event loop in a thread of its own, with the run that they belong to."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack, nullcontext, suppress
from typing import Any, NamedTuple, TypeVar

from curation import recipes
from curation.asking.endpoint import Endpoint, simulated
from curation.calls.asker import Asker, Attempts, NoAnswer
from curation.calls.budget import Budget
from curation.calls.caller import Caller, NoSchema, Origin, Patience, Service
from curation.calls.limits import Gate, Limits
from curation.calls.prices import Price
from curation.calls.request import AnswerForm, Model
from curation.errors import CurationError, StoppedError
from curation.recipes import Anew, Draft, Task
from curation.simulator import Settings
from curation.store import Store
from curation.store.journal import StoreJournal
from curation.store.writer import Writer
from schemas.call import NANO

T = TypeVar("T")

WAIT = 120.0
"""Seconds that somebody waits for an answer; it is kept when it comes later."""
_TIMEOUT = 180.0
"""Seconds in which an endpoint has to answer."""
_GRACE = 5.0
"""Seconds that answers get to come home when the session ends."""
_PATIENCE = Patience(failures=3, overloads=6, longest=8.0)
"""Somebody is waiting."""


class Terms(NamedTuple):
    """Who is asked, and what that may cost."""

    endpoint: Endpoint | None
    """None for the simulator."""
    model: Model
    price: Price
    max_cost: float | None
    """US dollars, over all errands of the session."""


class Errand(NamedTuple):
    """Stages that a recipe is to write anew."""

    recipe: str
    anew: Anew


class Session:
    """Open from the first errand to the last: a run with its ledger, and one budget for all."""

    def __init__(self, store: Store, terms: Terms) -> None:
        self._terms = terms
        self._budget = Budget(None if terms.max_cost is None else int(terms.max_cost * NANO))
        self._form: AnswerForm = "schema"
        self._stack = AsyncExitStack()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="errands", daemon=True)
        self._thread.start()
        try:
            self._do(self._open(store))
        except BaseException:
            self.close()
            raise

    @property
    def spent(self) -> float:
        """US dollars."""
        return self._budget.spent / NANO

    def run(self, errand: Errand, task: Task) -> tuple[Draft, int]:
        """Run the errand; return what came of it, and what was paid for it, in nano-dollars.

        Raises a CurationError where nothing did. An answer that comes too late is kept all the same.
        """
        try:
            return self._do(self._ask(errand, task), WAIT)
        except TimeoutError:
            raise StoppedError(
                f"no answer within {WAIT:.0f} seconds; it is kept when it comes: ask for the same again"
            ) from None

    def close(self) -> None:
        """Let what is under way come home, for a moment, and end."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    async def _open(self, store: Store) -> None:
        from curation.calls.client import Client  # noqa: PLC0415 - slow to import, and most reviewers never ask

        terms, stack = self._terms, self._stack
        endpoint = await stack.enter_async_context(
            nullcontext(terms.endpoint) if terms.endpoint else simulated(Settings())
        )
        run = stack.enter_context(store.run("review", {"model": terms.model.name, "max_cost": terms.max_cost}))
        writer = Writer(store.engine)
        stack.push_async_callback(_closed, writer)
        self._journal = StoreJournal(writer, run.id, run.locks)
        self._client = Client(endpoint.url, endpoint.key, _TIMEOUT)
        stack.push_async_callback(self._client.close)
        self._service = Service(endpoint.name, terms.model, terms.price)

    async def _close(self) -> None:
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=_GRACE)
            for task in late:
                task.cancel()
        await self._stack.aclose()

    async def _ask(self, errand: Errand, task: Task) -> tuple[Draft, int]:
        if (mine := asyncio.current_task()) is not None:
            self._under_way.add(mine)
            mine.add_done_callback(self._under_way.discard)
        recipe = recipes.rewriting(errand.recipe)
        origin = Origin(task.sample.id, task.number, errand.recipe, recipe.REWRITE_VERSION)
        asker = Asker(self._caller(), origin, self._form, Attempts(retry_failed=True))
        try:
            try:
                draft = await recipe.rewrite(task, errand.anew, asker)
            except NoSchema:
                self._form = asker.form = "tags"
                draft = await recipe.rewrite(task, errand.anew, asker)
        except NoAnswer as failed:
            said = f"{failed.call.outcome}: {failed.call.reason}"
            raise CurationError(f"the model wrote nothing that can be used ({said}); ask again, or edit") from None
        except StoppedError as stopped:
            raise StoppedError(str(stopped).removesuffix("; the same command goes on from here")) from None
        return draft, asker.paid

    def _caller(self) -> Caller:
        """Return a request core of its own: what stops one errand stops no other."""
        gate = Gate(Limits(1, None, None))
        caller = Caller(self._client, self._service, gate, self._journal, self._budget)
        caller.patience = _PATIENCE
        return caller


async def _closed(writer: Writer) -> None:
    """Close the writer; who asked for a write that failed has been told."""
    with suppress(CurationError):
        await writer.close()
