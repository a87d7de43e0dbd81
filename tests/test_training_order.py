"""The order of items, and how a step's items are dealt."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.training.batches import Budget, Load, rounds
from curation.training.order import Order
from curation.training.records import Rows
from curation.training.settings import Arm


def rows(lengths: list[int], flagged: list[bool] | None = None) -> Rows:
    count = len(lengths)
    return Rows(
        Path(), "train", np.arange(count), np.zeros(count, np.int16), np.array(lengths, np.int32),
        np.array(flagged or [False] * count), np.zeros(count, np.bool_), np.zeros(count, np.int16), ("src",),
    )  # fmt: skip


LENGTHS = st.lists(st.integers(1, 500), min_size=1, max_size=150)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 3))
def test_each_pass_takes_every_item_once(lengths: list[int], batch: int, seed: int) -> None:
    order = Order(rows(lengths), "curated", batch, seed)
    taken = [row for step in range(3 * len(lengths)) for row in order.step(step)][: 2 * len(lengths)]
    assert sorted(taken[: len(lengths)]) == list(range(len(lengths)))
    assert sorted(taken[len(lengths) :]) == list(range(len(lengths)))


@given(st.lists(st.tuples(st.integers(1, 500), st.booleans()), min_size=1, max_size=150), st.integers(1, 9))
def test_arms_that_drop_items_keep_the_order_of_the_rest(items: list[tuple[int, bool]], batch: int) -> None:
    lengths, flagged = [length for length, _ in items], [flag for _, flag in items]
    if all(flagged):
        return
    arms: tuple[Arm, ...] = ("raw", "curated", "direct", "no-tags")
    passes = {}
    for arm in arms:
        order = Order(rows(lengths, flagged), arm, batch, 0)
        passes[arm] = [row for step in range(order.items) for row in order.step(step)][: order.items]
    assert passes["curated"] == [row for row in passes["raw"] if not flagged[row]]
    assert passes["curated"] == passes["direct"] == passes["no-tags"]


def test_a_step_is_a_function_of_its_number_alone() -> None:
    lengths = list(range(1, 60))
    ahead = [Order(rows(lengths), "curated", 8, 0).step(number) for number in range(20)]
    assert Order(rows(lengths), "curated", 8, 0).step(17) == ahead[17]
    assert Order(rows(lengths), "curated", 8, 1).step(17) != ahead[17]


def test_items_of_a_step_are_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 1000, 4096)
    order = Order(rows(lengths.tolist()), "curated", 16, 0)
    spread = [np.ptp(lengths[order.step(number)]) for number in range(256)]
    assert np.mean(spread) < 150  # 880 in random batches


LOADS = st.lists(
    st.builds(lambda text, images: Load(text + images, images), st.integers(1, 300), st.integers(0, 3)), max_size=40
)


@given(LOADS, st.integers(1, 1200), st.floats(0, 200), st.integers(1, 4))
def test_every_item_is_dealt_once_and_ranks_keep_in_step(
    loads: list[Load], tokens: int, extra: float, ranks: int
) -> None:
    dealt = rounds(loads, Budget(tokens, extra), ranks)
    counted = [item for shares in dealt for share in shares if share.counts for item in share.items]
    assert sorted(counted) == list(range(len(loads)))
    for shares in dealt:
        assert len(shares) == ranks
        assert len({bool(loads[item].image_tokens) for share in shares for item in share.items}) == 1
        for share in shares:
            assert share.items
            longest = max(loads[item].tokens for item in share.items)
            most = max(loads[item].image_tokens for item in share.items)
            assert len(share.items) == 1 or len(share.items) * (longest + most * extra) <= tokens + 1e-6
