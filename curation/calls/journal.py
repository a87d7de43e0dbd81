"""What the request core needs from the store: a memory of answers, and a ledger that is written ahead."""

from typing import Literal, Protocol

from schemas.call import Call

Ticket = Call | Literal["granted", "busy"]


class Journal(Protocol):
    """A reservation belongs to a request's key. What these have done is durable when they return."""

    async def reserve(self, key: str, cost: int) -> Ticket:
        """Set `cost` nano-dollars aside for a request before it is sent.

        Returns the stored call where the request was answered before (nothing is reserved then), and "busy" where
        another process that is alive has reserved the same request.
        """

    async def settle(self, call: Call) -> None:
        """Store the call with its raw answer, and settle its reservation, if there is one, at the call's cost."""

    async def lose(self, key: str) -> None:
        """Note that the reserved request may have been billed although no answer came."""

    async def release(self, key: str) -> None:
        """Drop the reservation of a request that was not billed."""

    async def unparsable(self, call: Call, reason: str) -> None:
        """Note that a stored answer is not what was asked for."""
