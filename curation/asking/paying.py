"""What the verbs that pay for answers have in common: their flags, what they ask with, and how a run is attended.

A run shows how far it is and what it has cost. At the first Ctrl-C requests that are on their way are brought home, at
the second they are left.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from curation.asking.endpoint import SIMULATOR, Endpoint, real, simulated, url_of
from curation.calls.budget import Budget
from curation.calls.caller import Caller, Service
from curation.calls.journal import Journal
from curation.calls.limits import Gate, Limits
from curation.calls.prices import FREE, Price, price
from curation.calls.request import Model
from curation.config import ManyInOne, Names, WorkspaceConfig, split_commas
from curation.errors import CurationError, StoppedError, UsageError
from curation.simulator import Faults, Habits, Settings
from schemas.call import NANO


class PaidConfig(WorkspaceConfig):
    """The flags of a verb that asks models."""

    base_url: str | None = Field(
        None, description="OpenAI-compatible endpoint [env: OPENAI_BASE_URL; default: OpenAI's own]."
    )
    offline: bool = Field(False, description="Ask the built-in simulator; free, and marked as simulated.")
    fault: Names = Field((), description="With --offline: faults to simulate, NAME=RATE or all=RATE.")
    concurrency: PositiveInt = Field(32, description="Most requests in flight; fewer while the endpoint is overloaded.")
    rpm: PositiveFloat | None = Field(None, description="Most requests a minute [default: what the endpoint says].")
    tpm: PositiveFloat | None = Field(None, description="Most tokens a minute [default: what the endpoint says].")
    timeout: PositiveFloat = Field(180.0, description="Seconds to wait for an answer.")
    max_tokens: PositiveInt = Field(2048, description="Most tokens of an answer.")
    max_cost: NonNegativeFloat | None = Field(None, description="Most US dollars that this run may spend.")
    price: Annotated[tuple[NonNegativeFloat, NonNegativeFloat] | None, BeforeValidator(split_commas), ManyInOne] = (
        Field(None, description="US dollars for a million prompt tokens and a million completion tokens, as IN,OUT.")
    )
    estimate: bool = Field(False, description="Only say what would be asked and what it would cost.")

    def rate(self, model: str) -> Price:
        """Return the model's price. Raises UsageError for one that is not known."""
        if self.price is not None:
            return Price(*self.price)
        return FREE if self.offline else price(model)

    @property
    def endpoint_name(self) -> str:
        """The name of the endpoint in keys and records."""
        return SIMULATOR if self.offline else url_of(self.base_url)


def check(config: PaidConfig) -> None:
    """Refuse combinations that contradict themselves."""
    if config.offline and config.base_url:
        raise UsageError("--offline starts its own simulator; give --base-url without it")
    if config.fault and not config.offline:
        raise UsageError("--fault is for the simulator of --offline")


@asynccontextmanager
async def endpoint_of(config: PaidConfig, habits: Habits | None = None) -> AsyncIterator[Endpoint]:
    """Return where to send requests; starts the simulator with --offline."""
    if not config.offline:
        yield real(config.base_url)
        return
    faults = Faults.from_flags(config.fault)
    async with simulated(Settings(faults=faults, habits=habits or Habits(), slow_seconds=1.0)) as endpoint:
        yield endpoint


def budget_of(config: PaidConfig) -> Budget:
    """Return the money of the run."""
    return Budget(None if config.max_cost is None else int(config.max_cost * NANO))


def caller_of(config: PaidConfig, model: str, endpoint: Endpoint, journal: Journal, budget: Budget) -> Caller:
    """Return what asks the model; its client is to be closed."""
    from curation.calls.client import Client  # noqa: PLC0415 - slow to import, and not needed to estimate

    return Caller(
        Client(endpoint.url, endpoint.key, config.timeout),
        Service(endpoint.name, Model(model, config.max_tokens), config.rate(model)),
        Gate(Limits(config.concurrency, config.rpm, config.tpm)),
        journal,
        budget,
    )


def settings_of(config: PaidConfig) -> dict[str, Any]:
    """Return what is noted of a run: its flags, but for those that say where and how to print."""
    return config.model_dump(mode="json", exclude={"workspace", "debug", "json_", "base_url"})


async def attend(work: Coroutine[Any, Any, None], caller: Caller, tell: Callable[[], None]) -> CurationError | None:
    """Do the work, and tell five times a second how far it is.

    Returns what stopped it, where the same command can go on from there.
    """
    with _stoppable(caller):
        ticker = asyncio.create_task(_tick(tell))
        try:
            await work
        except StoppedError as error:
            return error
        except asyncio.CancelledError:
            if caller.stopped is None:
                raise
            return StoppedError("left at once; `status` counts what was on its way; the same command goes on from here")
        finally:
            ticker.cancel()
            tell()
    return None


@contextmanager
def _stoppable(caller: Caller) -> Iterator[None]:
    """Let requests that are on their way come home at the first Ctrl-C, not at the second."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop() -> None:
        if caller.stopped is None:
            sys.stderr.write("stopping; requests on their way are brought home (Ctrl-C again to leave them)\n")
            caller.stop(StoppedError("stopped; the same command goes on from here"))
        elif task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _tick(tell: Callable[[], None]) -> None:
    while True:
        tell()
        await asyncio.sleep(0.2)


def words(caller: Caller, what: str, failed: int) -> str:
    """Return what the progress line says."""
    spent = caller.budget.spent / NANO
    tokens = caller.counts.usage.prompt_tokens + caller.counts.usage.completion_tokens
    said = f"{what}, {failed} failed, {caller.gate.in_flight} in flight, {tokens:,} tokens, ${spent:.4f}"
    if caller.gate.pause > 1:
        said += f", paused for {caller.gate.pause:.0f} s as the endpoint asked"
    return said
