"""Questions of one turn: asks, reads the answer as the recipe says, and asks again where that is allowed."""

from collections import Counter
from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

from curation.calls.answer import read
from curation.calls.caller import Caller, Job, Origin
from curation.calls.request import AnswerForm, Prompt, build
from schemas.call import Call, Outcome

T = TypeVar("T")


class NoAnswer(Exception):
    """The attempts that are allowed gave nothing that can be used; `call` is the last of them."""

    def __init__(self, call: Call) -> None:
        super().__init__(f"{call.outcome}: {call.reason}")
        self.call = call


class Parsed(NamedTuple, Generic[T]):
    """An answer that is what was asked for."""

    value: T
    call: Call
    model: str
    """As the endpoint named it."""
    simulated: bool


class Ask(Protocol):
    """What a recipe is given to ask with."""

    form: AnswerForm

    async def __call__(self, prompt: Prompt, parse: Callable[[str], T]) -> Parsed[T]:
        """Ask, and read the answer with `parse`, which raises ValueError for what is not an answer.

        Raises NoAnswer when the attempts are used up.
        """


class Attempts(NamedTuple):
    """How often one prompt may be asked for one turn when its answers can't be used."""

    limit: int = 2
    retry_failed: bool = False
    """Attempts of earlier runs don't count."""


class Asker:
    """Asks for one turn. The same prompt asked a second time is a second attempt, never the first answer again."""

    def __init__(self, caller: Caller, origin: Origin, form: AnswerForm, attempts: Attempts) -> None:
        self.form = form
        self.paid = 0
        """Nano-dollars, for what was sent: nothing for answers that were in the store."""
        self._caller = caller
        self._origin = origin
        self._limit = attempts
        self._asked: Counter[bytes] = Counter()

    async def __call__(self, prompt: Prompt, parse: Callable[[str], T]) -> Parsed[T]:
        """Ask; see `Ask`."""
        request = build(prompt, self._caller.model, self._caller.pictures)
        left = self._limit.limit
        while True:
            attempt = self._asked[request.canonical]
            self._asked[request.canonical] += 1
            call, fresh = await self._caller.fetch(Job(request, self._origin, attempt))
            self.paid += call.cost if fresh else 0
            earlier = self._limit.retry_failed and not fresh
            if call.outcome in {Outcome.ANSWERED, Outcome.UNPARSABLE}:
                answer = read(call.raw)
                try:
                    return Parsed(parse(answer.text), call, answer.model, answer.simulated)
                except ValueError as error:
                    call = call.model_copy(update={"outcome": Outcome.UNPARSABLE, "reason": str(error)})
                    if fresh:
                        await self._caller.journal.unparsable(call, str(error))
            elif call.outcome in {Outcome.REJECTED, Outcome.GAVE_UP} and not earlier:
                raise NoAnswer(call)
            left -= not earlier
            if left <= 0:
                raise NoAnswer(call)
