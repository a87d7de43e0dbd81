"""The request core against an endpoint that fails in every way, over real HTTP, with a journal in memory."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from curation.calls.asker import Asker, Attempts, NoAnswer
from curation.calls.budget import Budget
from curation.calls.caller import Caller, NoSchema, Origin, Patience, Service
from curation.calls.client import Client
from curation.calls.limits import Gate, Limits
from curation.calls.prices import Price
from curation.calls.request import Model, Prompt
from curation.errors import MissingError, StoppedError
from curation.simulator import Faults, Settings, serve
from schemas.call import Call, Outcome

PROMPT = Prompt("Answer.", "Question: How many?\nStandard answer: 4")
TWO = Attempts(2)
QUICK = Patience(failures=6, overloads=30, first=0.001, longest=0.01)


class Memory:
    """A journal that forgets everything with the process."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.reserved: set[str] = set()
        self.events: Counter[str] = Counter()

    async def reserve(self, key: str, cost: int) -> Any:
        call = self.calls.get(key)
        if call is not None and call.outcome is not Outcome.GAVE_UP:
            return call
        assert key not in self.reserved
        self.reserved.add(key)
        return "granted"

    async def settle(self, call: Call) -> None:
        self.calls[call.key] = call
        self.reserved.discard(call.key)
        self.events["settled"] += 1

    async def lose(self, key: str) -> None:
        self.reserved.remove(key)
        self.events["lost"] += 1

    async def release(self, key: str) -> None:
        self.reserved.remove(key)
        self.events["released"] += 1

    async def unparsable(self, call: Call, reason: str) -> None:
        self.events["unparsable"] += 1


def caller(url: str, journal: Memory, budget: int | None = None, **limits: Any) -> Caller:
    gate = Gate(Limits(**{"concurrency": 8} | limits))
    service = Service(url, Model("gpt-4o", 600), Price(2.5, 10))
    made = Caller(Client(url, "key", 5), service, gate, journal, Budget(budget))
    made.patience = QUICK
    return made


def parse(text: str) -> str:
    if "<CONCLUSION>" not in text:
        raise ValueError("no conclusion")
    return text


async def ask(made: Caller, attempts: Attempts = TWO, times: int = 1) -> list[Any]:
    """Ask for so many turns, each with a question of its own; an exception stands for a turn that failed."""

    async def one(number: int) -> Any:
        asker = Asker(made, Origin(f"s/t/{number}", 0, "r", "v"), "tags", attempts)
        return await asker(PROMPT._replace(user=f"Question: {number}?\nStandard answer: {number}"), parse)

    try:
        return await asyncio.gather(*(one(number) for number in range(times)), return_exceptions=True)
    finally:
        await made.client.close()


def answers(settings: Settings, times: int = 1, **options: Any) -> tuple[list[Any], Memory, Any]:
    journal = Memory()
    attempts = options.pop("attempts", Attempts())

    async def work() -> tuple[list[Any], Any]:
        async with serve(settings) as running:
            return await ask(caller(running.url, journal, **options), attempts, times), running.simulator.counts

    found, counts = asyncio.run(work())
    return found, journal, counts


@pytest.mark.parametrize("fault", ["rate_limit", "server_error", "drop", "torn"])
def test_what_may_pass_is_tried_again(fault):
    found, journal, _ = answers(Settings(faults=Faults(**{fault: 0.5}), retry_after=0.01), times=20)
    outcomes = Counter(call.outcome for call in journal.calls.values())
    assert outcomes[Outcome.ANSWERED] >= 18
    assert sum(isinstance(answer, NoAnswer) for answer in found) == outcomes[Outcome.GAVE_UP]
    assert not journal.reserved


@pytest.mark.parametrize("fault", ["drop", "torn"])
def test_what_may_have_been_billed_is_noted(fault):
    _, journal, counts = answers(Settings(faults=Faults(**{fault: 1})))
    assert journal.events["lost"] == counts.requests == QUICK.failures


@pytest.mark.parametrize("fault", ["rate_limit", "server_error"])
def test_what_was_not_billed_is_released(fault):
    found, journal, counts = answers(Settings(faults=Faults(**{fault: 1}), retry_after=0.001))
    assert journal.events == {"released": counts.requests, "settled": 1}
    assert found[0].call.outcome is Outcome.GAVE_UP
    assert found[0].call.sends == counts.requests


@pytest.mark.parametrize(
    ("fault", "outcome", "asked"),
    [
        ("refusal", Outcome.REFUSED, 2),
        ("cut_off", Outcome.CUT_OFF, 2),
        ("filtered", Outcome.FILTERED, 2),
        ("null_content", Outcome.EMPTY, 2),
        ("bad_request", Outcome.REJECTED, 1),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_outcome_of_its_own(fault, outcome, asked):
    found, journal, counts = answers(Settings(faults=Faults(**{fault: 1})))
    assert found[0].call.outcome is outcome
    assert found[0].call.reason
    assert found[0].call.raw
    assert counts.requests == asked == len(journal.calls)


def test_an_unparsable_answer_says_why():
    found, journal, _ = answers(Settings(), attempts=Attempts(3), times=1)
    assert "<CONCLUSION>" in found[0].value

    def never(text: str) -> str:
        raise ValueError("not at all")

    async def work() -> NoAnswer:
        async with serve(Settings()) as running:
            made = caller(running.url, journal)
            asker = Asker(made, Origin("s/t/1", 0, "r", "v"), "tags", Attempts(3))
            try:
                with pytest.raises(NoAnswer) as failed:
                    await asker(PROMPT, never)
            finally:
                await made.client.close()
            return failed.value

    failed = asyncio.run(work())
    assert (failed.call.outcome, failed.call.reason, failed.call.attempt) == (Outcome.UNPARSABLE, "not at all", 2)
    assert journal.events["unparsable"] == 3


def test_a_failure_in_the_row_stops_no_other():
    found, _, _ = answers(Settings(faults=Faults.every(0.7), slow_seconds=0, retry_after=0.001), times=100)
    assert {type(answer).__name__ for answer in found} == {"Parsed", "NoAnswer"}


def test_the_key_that_is_refused_ends_the_run_and_leaves_nothing_reserved():
    found, journal, counts = answers(Settings(api_key="another"), times=50)
    assert {type(answer) for answer in found} == {MissingError}
    assert counts.requests <= 8
    assert not journal.reserved


def test_an_endpoint_without_schemas_is_known_by_its_answer():
    journal = Memory()

    async def work() -> None:
        async with serve(Settings(schemas=False)) as running:
            made = caller(running.url, journal)
            asker = Asker(made, Origin("s/t/1", 0, "r", "v"), "schema", Attempts())
            try:
                with pytest.raises(NoSchema):
                    await asker(PROMPT._replace(schema={"title": "x", "type": "object"}), parse)
            finally:
                await made.client.close()

    asyncio.run(work())
    assert not journal.reserved
    assert not journal.calls


def test_nothing_at_the_address_is_said_soon():
    found = asyncio.run(ask(caller("http://127.0.0.1:9/v1", journal := Memory()), times=20))
    assert any(isinstance(answer, MissingError) and "nothing answers" in str(answer) for answer in found)
    assert not journal.reserved


def test_the_budget_is_never_passed_and_what_was_lost_counts():
    limit = 60_000_000
    found, journal, _ = answers(Settings(faults=Faults(drop=0.5)), times=100, budget=limit)
    stopped = [answer for answer in found if isinstance(answer, StoppedError)]
    assert stopped
    assert "max-cost" in str(stopped[0])
    spent = sum(call.cost for call in journal.calls.values())
    assert 0 < spent <= limit
    assert not journal.reserved


def test_stored_answers_cost_no_budget():
    journal = Memory()

    async def work() -> tuple[list[Any], int]:
        async with serve(Settings()) as running:
            await ask(caller(running.url, journal), times=5)
            return await ask(caller(running.url, journal, budget=0), times=5), running.simulator.counts.requests

    found, requests = asyncio.run(work())
    assert all("<CONCLUSION>" in answer.value for answer in found)
    assert requests == 5


def test_the_same_prompt_asked_twice_is_a_second_attempt():
    journal = Memory()

    async def work() -> None:
        async with serve(Settings()) as running:
            made = caller(running.url, journal)
            asker = Asker(made, Origin("s/t/1", 0, "r", "v"), "tags", Attempts())
            one, two = await asker(PROMPT, parse), await asker(PROMPT, parse)
            await made.client.close()
            assert one.call.key != two.call.key

    asyncio.run(work())
    assert sorted(call.attempt for call in journal.calls.values()) == [0, 1]


def test_no_more_requests_are_in_flight_than_allowed():
    _, _, counts = answers(Settings(latency=0.01), times=60, concurrency=5)
    assert counts.peak <= 5
