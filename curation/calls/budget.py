"""The run's own money: what is spent and what is held for requests that are on their way."""

import asyncio

from curation.errors import StoppedError
from schemas.call import NANO


class Budget:
    """Never lets spent and held money pass the limit. All amounts are nano-dollars."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.spent = 0
        self.held = 0
        self._freed = asyncio.Event()

    async def hold(self, amount: int) -> None:
        """Set money aside for a request; wait while only the requests on their way stand in its way.

        Raises StoppedError where the limit leaves no room for it.
        """
        while self.limit is not None and self.spent + self.held + amount > self.limit:
            if self.held == 0:
                raise StoppedError(
                    f"stopped by --max-cost: ${self.spent / NANO:.4f} spent in this run, the next request may cost "
                    f"${amount / NANO:.4f}, the limit is ${self.limit / NANO:.4f}; the same command goes on from here"
                )
            self._freed.clear()
            await self._freed.wait()
        self.held += amount

    def settle(self, held: int, spent: int) -> None:
        """Give back what was held, and count what was spent."""
        self.held -= held
        self.spent += spent
        self._freed.set()
