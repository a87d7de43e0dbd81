"""The gate keeps to its limits, gets out of a storm cheaply, and lets nobody wait for ever; all in virtual time."""

import asyncio
import random
from bisect import bisect_left
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.calls.limits import Gate, Limits, seconds
from curation.errors import StoppedError
from tests.virtual_time import Stuck, run


def now():
    return asyncio.get_running_loop().time()


class Endpoint:
    """Answers after a while, and turns requests away for as long as `storms` says so."""

    def __init__(self, gate, latency=0.3, storms=lambda _: False, retry_after=1.0, headers=dict):
        self.gate = gate
        self.latency = latency
        self.storms = storms
        self.retry_after = retry_after
        self.headers = headers
        self.sent = []
        """When each request went out, and its tokens."""
        self.rejected = 0
        self.most = 0

    async def once(self, tokens=0):
        """Send one request; return whether it was answered."""
        sent_at = await self.gate.enter(tokens)
        try:
            assert sent_at == now()
            self.sent.append((sent_at, tokens))
            self.most = max(self.most, self.gate.in_flight)
            turned_away = self.storms(sent_at)
            await asyncio.sleep(self.latency() if callable(self.latency) else self.latency)
            if turned_away:
                self.rejected += 1
                self.gate.overloaded(sent_at, self.retry_after)
        finally:
            self.gate.leave()
        if not turned_away:
            self.gate.answered(sent_at, self.headers())
        return not turned_away

    async def until_answered(self, tokens=0):
        while not await self.once(tokens):
            pass

    async def all(self, requests, workers=64):
        """Send all requests, as many at a time as there are workers; return the seconds that it took."""
        queue, start = deque(requests), now()

        async def work():
            while queue:
                await self.until_answered(queue.popleft())

        await asyncio.gather(*(work() for _ in range(workers)))
        assert self.gate.in_flight == 0
        return now() - start


def fullest_minute(sent, weigh):
    """Return the most that was sent in any 60 seconds."""
    times = [at for at, _ in sent]
    sums = [0]
    for each in sent:
        sums.append(sums[-1] + weigh(each))
    return max(sums[bisect_left(times, at + 60.0)] - sums[index] for index, at in enumerate(times))


def requests_in_a_minute(endpoint):
    return fullest_minute(endpoint.sent, lambda _: 1)


def tokens_in_a_minute(endpoint):
    return fullest_minute(endpoint.sent, lambda each: each[1])


# Virtual time


def test_virtual_time_passes_without_waiting():
    async def main():
        await asyncio.gather(*(asyncio.sleep(3600 * hours) for hours in range(10)))
        return now()

    assert run(main()) == pytest.approx(9 * 3600)


def test_virtual_time_notices_a_wait_without_end():
    with pytest.raises(Stuck):
        run(asyncio.Event().wait())


# Width


@pytest.mark.parametrize("width", [1, 2, 50])
def test_no_more_than_the_width_are_in_flight(width):
    async def main():
        endpoint = Endpoint(Gate(Limits(width)))
        took = await endpoint.all([0] * 200, workers=100)
        assert endpoint.most == width
        assert took == pytest.approx(200 / width * 0.3, rel=0.01)

    run(main())


@given(
    width=st.integers(1, 8),
    rpm=st.none() | st.integers(1, 2000),
    tpm=st.none() | st.integers(1, 50_000),
    jobs=st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 3), st.floats(0, 2), st.booleans()), max_size=25),
    storm=st.floats(0, 3),
)
def test_everybody_gets_through_whatever_the_limits(width, rpm, tpm, jobs, storm):
    async def job(endpoint, tokens, starts, gives_up, cancels):
        await asyncio.sleep(starts)
        task = asyncio.create_task(endpoint.until_answered(tokens))
        if cancels:
            await asyncio.sleep(gives_up)
            task.cancel()
        await asyncio.gather(task, return_exceptions=cancels)

    async def main():
        gate = Gate(Limits(width, rpm, tpm))
        endpoint = Endpoint(gate, storms=lambda at: at < storm)
        await asyncio.gather(*(job(endpoint, *each) for each in jobs))
        assert gate.in_flight == 0
        assert endpoint.most <= width

    run(main())


def test_the_width_grows_back_and_not_beyond_the_limit():
    async def main():
        gate = Gate(Limits(20))
        endpoint = Endpoint(gate, storms=lambda at: at < 0.1)
        await endpoint.all([0] * 20)
        assert 1 <= gate.width < 20
        await endpoint.all([0] * 1000)
        assert gate.width == 20
        assert endpoint.most == 20

    run(main())


# Budgets per minute


@pytest.mark.parametrize("rpm", [60, 500, 600, 3000])
def test_requests_per_minute_are_kept_and_used(rpm):
    async def main():
        endpoint = Endpoint(Gate(Limits(1000, rpm=rpm)), latency=0.3)
        took = await endpoint.all([0] * (3 * rpm), workers=200)
        assert requests_in_a_minute(endpoint) <= 1.02 * rpm
        assert took <= 180 / 0.95

    run(main())


@pytest.mark.parametrize("rpm", [1, 3, 10])
def test_a_small_number_of_requests_per_minute_is_never_passed(rpm):
    async def main():
        endpoint = Endpoint(Gate(Limits(10, rpm=rpm)))
        await endpoint.all([0] * (4 * rpm))
        assert requests_in_a_minute(endpoint) <= rpm

    run(main())


@pytest.mark.parametrize("tpm", [100_000, 2_000_000])
def test_tokens_per_minute_are_kept_and_used(tpm):
    async def main():
        chance = random.Random(1)
        tokens = [chance.randint(1, tpm // 100) for _ in range(600)]
        endpoint = Endpoint(Gate(Limits(1000, tpm=tpm)))
        took = await endpoint.all(tokens, workers=200)
        assert tokens_in_a_minute(endpoint) <= 1.02 * tpm
        assert took <= sum(tokens) / tpm * 60 / 0.95

    run(main())


def test_no_minute_holds_more_tokens_than_allowed_and_one_large_request():
    async def main():
        chance = random.Random(2)
        tokens = [chance.randint(1, 6_000) for _ in range(300)]
        endpoint = Endpoint(Gate(Limits(50, tpm=30_000)))
        took = await endpoint.all(tokens)
        assert tokens_in_a_minute(endpoint) <= 30_000 + 6_000
        assert took <= sum(tokens) / 30_000 * 60 / 0.95

    run(main())


def test_a_request_larger_than_the_whole_budget_gets_through_and_is_paid_off():
    async def main():
        gate = Gate(Limits(10, tpm=1000))
        endpoint = Endpoint(gate)
        await endpoint.once(5000)
        assert now() < 1
        await endpoint.once(10)
        assert 5 * 60 - 2 < endpoint.sent[1][0] < 5 * 60 + 2

    run(main())


def test_both_budgets_hold_together():
    async def main():
        endpoint = Endpoint(Gate(Limits(100, rpm=600, tpm=60_000)))
        await endpoint.all([50] * 600 + [200] * 600)
        assert requests_in_a_minute(endpoint) <= 1.02 * 600
        assert tokens_in_a_minute(endpoint) <= 1.02 * 60_000

    run(main())


def test_tokens_that_were_not_used_are_given_back():
    async def main():
        gate = Gate(Limits(10, tpm=6000))
        for _ in range(20):
            await gate.enter(100)
            gate.leave(over=100)
        assert now() == 0

    run(main())


def test_who_waits_for_tokens_goes_as_soon_as_some_are_given_back():
    async def main():
        gate = Gate(Limits(10, tpm=6000))
        await gate.enter(6000)
        waiting = asyncio.create_task(gate.enter(10))
        await asyncio.sleep(1)
        assert not waiting.done()
        gate.leave(over=6000)
        assert await waiting == 1

    run(main())


# Storms of 429


@pytest.mark.parametrize("start", [0.0, 3.0, 3.1])
@pytest.mark.parametrize("seed", range(3))
def test_a_storm_costs_few_rejected_requests_and_little_time(start, seed):
    async def main():
        chance = random.Random(seed)
        storms = lambda at: start <= at < start + 12  # noqa: E731
        endpoint = Endpoint(Gate(Limits(50)), latency=lambda: chance.uniform(0.25, 0.35), storms=storms)
        took = await endpoint.all([0] * 2000)
        assert endpoint.rejected <= 100
        assert took <= 12 + 20

    run(main())


def test_a_storm_without_retry_after_is_waited_out_with_growing_pauses():
    async def main():
        endpoint = Endpoint(Gate(Limits(50)), storms=lambda at: at < 60, retry_after=None)
        took = await endpoint.all([0] * 500)
        assert endpoint.rejected <= 50 + 10
        assert took < 60 + 60

    run(main())


def test_one_pause_is_shared_and_ends_with_one_probe():
    async def main():
        endpoint = Endpoint(Gate(Limits(10)), storms=lambda at: at == 0, retry_after=5.0)
        await endpoint.all([0] * 40)
        times = [at for at, _ in endpoint.sent]
        assert times[:10] == [0] * 10
        assert 5.3 <= times[10] <= 5.3 + 0.5
        assert times[11] == pytest.approx(times[10] + 0.3)
        assert endpoint.rejected == 10

    run(main())


def test_older_rejections_do_not_cut_again():
    async def main():
        gate = Gate(Limits(64))
        sent = [await gate.enter(0) for _ in range(64)]
        for delay in range(3):
            await asyncio.sleep(delay)
            gate.overloaded(sent[delay], 1.0)
            gate.leave()
        assert gate.overloads == 3
        for _ in range(61):
            gate.answered(0.0, {})
            gate.leave()
        assert gate.width == 1
        gate.answered(await gate.enter(0), {})
        assert gate.width == 32

    run(main())


def test_a_second_cut_halves_again():
    async def main():
        gate = Gate(Limits(64))
        for width in (32, 16, 8):
            gate.overloaded(await gate.enter(0), 1.0)
            gate.leave()
            gate.answered(await gate.enter(0), {})
            gate.leave()
            assert gate.width == width

    run(main())


@pytest.mark.parametrize("asked", [float("inf"), 1e9, 3600.0])
def test_a_pause_that_is_longer_than_makes_sense_is_cut_short(asked):
    async def main():
        gate = Gate(Limits(4))
        gate.overloaded(await gate.enter(0), asked)
        gate.leave()
        assert 600 <= await gate.enter(0) <= 660

    run(main())


# What the endpoint says of its limits


def says(kind="requests", **values):
    return {f"x-ratelimit-{name}-{kind}": value for name, value in values.items()}


async def next_after(headers, limits=Limits(10)):  # noqa: B008
    """Return the seconds from an answer with these headers to the next request."""
    gate = Gate(limits)
    sent = await gate.enter(1)
    await asyncio.sleep(1)
    gate.answered(sent, headers)
    gate.leave()
    return await gate.enter(1) - 1


@pytest.mark.parametrize("kind", ["requests", "tokens"])
@pytest.mark.parametrize(("reset", "wait"), [("6m0s", 360), ("20ms", 0.02), ("1s", 1), ("12.5", 12.5), ("1m30s", 90)])
def test_when_nothing_remains_all_wait_until_the_reset(kind, reset, wait):
    headers = says(kind, limit="60000", remaining="0", reset=reset)
    assert run(next_after(headers)) == pytest.approx(wait, abs=0.005)


@pytest.mark.parametrize("reset", ["", "soon", "0", "-5", "nan", "inf", "..s"])
def test_a_reset_that_is_no_time_is_no_reason_to_wait_long(reset):
    assert run(next_after(says(limit="60000", remaining="0", reset=reset))) < 1


def test_a_reset_that_is_a_date_is_not_waited_for():
    assert run(next_after(says(limit="60000", remaining="0", reset="1767225600"))) <= 600


def test_while_something_remains_nobody_waits_for_the_reset():
    assert run(next_after(says(limit="60000", remaining="1", reset="6m0s"))) == 0


@pytest.mark.parametrize("limit", ["", "0", "-1", "many", "nan", "inf", "1.2.3"])
def test_a_limit_that_is_no_number_is_not_taken_over(limit):
    assert run(next_after(says(limit=limit, remaining="0", reset="1h"))) == 0


def busy(headers, limits):
    """Return what a busy minute holds under what the endpoint says."""

    async def main():
        endpoint = Endpoint(Gate(limits), headers=lambda: headers)
        await endpoint.all([100] * 1000)
        assert now() < 1000
        return requests_in_a_minute(endpoint), tokens_in_a_minute(endpoint)

    return run(main())


def test_the_endpoints_limit_is_taken_over():
    requests, _ = busy(says("requests", limit="120"), Limits(5))
    assert 0.95 * 120 <= requests <= 1.02 * 120 + 5
    _, tokens = busy(says("tokens", limit="12000"), Limits(5))
    assert 0.95 * 12_000 <= tokens <= 1.02 * 12_000 + 500


def test_the_smaller_of_the_users_and_the_endpoints_limit_holds():
    assert busy(says("requests", limit="6000"), Limits(5, rpm=120))[0] <= 1.02 * 120
    assert busy(says("requests", limit="120"), Limits(5, rpm=6000))[0] <= 1.02 * 120 + 5
    assert busy(says("tokens", limit="12000"), Limits(5, tpm=120_000))[1] <= 1.02 * 12_000 + 2500


def test_a_limit_that_is_raised_on_the_way_is_followed():
    async def main():
        gate = Gate(Limits(5))
        endpoint = Endpoint(gate, headers=lambda: says(limit="60" if now() < 30 else "60000"))
        await endpoint.all([0] * 1000)
        assert now() < 30 + 1000 / 5 * 0.3 + 2

    run(main())


@given(st.text() | st.from_regex(r"(\d{0,3}\.?\d{0,3}(ms|s|m|h|d)?){0,4}", fullmatch=True))
def test_any_text_is_a_duration_or_none(text):
    assert 0 <= seconds(text) < float("inf")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        *[("6m0s", 360), ("20ms", 0.02), ("1h2m3s", 3723), ("1d", 86400), ("1.5s", 1.5), (".5s", 0.5), ("8.64s", 8.64)],
        *[("59", 59), ("1e2", 100), ("", 0), ("soon", 0), ("-3", 0), ("1..2s", 0.2), ("9" * 400, 0), ("nan", 0)],
    ],
)
def test_a_duration_is_read(text, duration):
    assert seconds(text) == pytest.approx(duration)


# Order, closing, cancelling


def test_who_comes_first_goes_first():
    async def main():
        gate, order = Gate(Limits(3, rpm=600, tpm=60_000)), []

        async def go(number):
            await gate.enter(10_000 if number % 7 == 0 else 1)
            order.append(number)
            await asyncio.sleep(0.5)
            gate.leave()

        async with asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(go(number))
        assert order == list(range(60))

    run(main())


def test_a_closed_gate_turns_everybody_away():
    async def main():
        gate = Gate(Limits(2, rpm=600))
        inside = [await gate.enter(0), await gate.enter(0)]
        waiting = [asyncio.create_task(gate.enter(0)) for _ in range(5)]
        await asyncio.sleep(1)
        gate.close(StoppedError("enough"))
        found = await asyncio.gather(*waiting, gate.enter(0), return_exceptions=True)
        assert [str(error) for error in found] == ["enough"] * 6
        for _ in inside:
            gate.leave()
        with pytest.raises(StoppedError):
            await gate.enter(0)
        assert gate.in_flight == 0

    run(main())


def test_a_closed_gate_turns_away_who_waits_in_a_pause():
    async def main():
        gate = Gate(Limits(2))
        gate.overloaded(await gate.enter(0), 500.0)
        gate.leave()
        waiting = asyncio.create_task(gate.enter(0))
        await asyncio.sleep(1)
        gate.close(StoppedError("enough"))
        with pytest.raises(StoppedError):
            await waiting
        assert now() == 1

    run(main())


def test_a_waiter_that_is_cancelled_makes_way():
    async def main():
        gate = Gate(Limits(1))
        await gate.enter(0)
        first, second = (asyncio.create_task(gate.enter(0)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        gate.leave()
        await second
        assert first.cancelled()
        assert gate.in_flight == 1

    run(main())


def test_a_turn_that_comes_at_the_moment_of_cancelling_is_not_lost():
    async def main():
        gate = Gate(Limits(1))
        await gate.enter(0)
        first, second = (asyncio.create_task(gate.enter(0)) for _ in range(2))
        await asyncio.sleep(0)
        gate.leave()
        first.cancel()
        await second
        assert first.cancelled()
        assert gate.in_flight == 1

    run(main())


def test_a_waiter_that_is_cancelled_at_the_moment_of_closing_gives_nothing_back():
    async def main():
        gate = Gate(Limits(1))
        await gate.enter(0)
        waiting = asyncio.create_task(gate.enter(0))
        await asyncio.sleep(0)
        gate.close(StoppedError("enough"))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert gate.in_flight == 1

    run(main())
