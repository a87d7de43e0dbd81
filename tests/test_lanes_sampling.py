"""Sampling with own numbers for each row, and stopping on new tokens."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curation.lanes import Draws, Sampling, Stop, seed_of
from curation.lanes.bank import common
from curation.lanes.sampling import pick
from tests.fitted_model import fitted


def test_a_seed_is_the_same_everywhere_and_tells_parts_apart() -> None:
    assert seed_of(0, "a", 1) == seed_of(0, "a", 1) == 3435030132
    assert len({seed_of(0, "a", 1), seed_of(0, "a1"), seed_of(0, "a", 2), seed_of(1, "a", 1)}) == 4


@given(st.integers(0, 2**31), st.integers(2, 6), st.floats(0.1, 1.0), st.floats(0.2, 3.0))
def test_a_row_is_sampled_alike_in_any_batch(seed: int, rows: int, top_p: float, temperature: float) -> None:
    logits = torch.randn(rows, 17, generator=torch.Generator().manual_seed(seed))
    sampling = Sampling(temperature, top_p)
    together, _ = pick(logits, [Draws(row) for row in range(rows)], sampling)
    alone = [pick(logits[row : row + 1], [Draws(row)], sampling)[0][0] for row in range(rows)]
    assert together == alone


@given(st.integers(0, 2**31), st.floats(0.05, 1.0))
def test_only_the_nucleus_is_sampled_from(seed: int, top_p: float) -> None:
    logits = torch.randn(1, 12, generator=torch.Generator().manual_seed(seed)).repeat(40, 1) * 3
    ids, likelihood = pick(logits, [Draws(row) for row in range(40)], Sampling(1.0, top_p))
    shares, order = torch.softmax(logits[0], -1).sort(descending=True)
    allowed = order[(shares.cumsum(0) - shares) < top_p + 1e-6].tolist()
    assert set(ids) <= set(allowed)
    assert likelihood[0] == pytest.approx(float(torch.log_softmax(logits[0], -1)[ids[0]]), abs=1e-5)


def test_sampling_has_the_distribution_of_the_logits() -> None:
    shares = torch.tensor([0.5, 0.3, 0.2])
    draws = [Draws(0)] * 4000
    ids, _ = pick(shares.log().repeat(4000, 1), draws, Sampling(1.0, 1.0))
    found = torch.bincount(torch.tensor(ids), minlength=3) / 4000
    assert torch.allclose(found, shares, atol=0.03)
    half, _ = pick(shares.log().repeat(4000, 1), draws, Sampling(1.0, 0.7))
    assert set(half) == {0, 1}


def test_no_temperature_takes_the_likeliest() -> None:
    ids, likelihood = pick(torch.tensor([[0.0, 2.0, -torch.inf]]), [Draws(0)], Sampling(0.0))
    assert ids == [1]
    assert likelihood[0] == pytest.approx(-0.126928, abs=1e-5)


def test_what_can_not_be_sampled_is_not() -> None:
    logits = torch.full((50, 5), -torch.inf)
    logits[:, 3] = -4.0
    ids, _ = pick(logits, [Draws(row) for row in range(50)], Sampling(1.0, 1.0))
    assert set(ids) == {3}


def test_a_tag_stops_where_it_is_complete() -> None:
    tokenizer = fitted().renderer.tokenizer
    stop = Stop(tokenizer, ("</SUMMARY>",))
    ids = tokenizer.encode("<SUMMARY> I count the red cubes.</SUMMARY>", add_special_tokens=False)
    assert [stop.found(ids[:end]) for end in range(1, len(ids) + 1)] == [False] * (len(ids) - 1) + [True]


def test_a_tag_in_pieces_stops_with_its_last_piece() -> None:
    tokenizer = fitted().renderer.tokenizer
    ids = tokenizer.convert_tokens_to_ids(list("</CAPTION >"[:9])) + tokenizer.convert_tokens_to_ids([">"])
    assert Stop(tokenizer, ("</CAPTION>",)).found(ids)
    assert not Stop(tokenizer, ("</SUMMARY>",)).found(ids)


def test_a_sentence_stops_at_a_full_stop_at_its_end() -> None:
    tokenizer = fitted().renderer.tokenizer
    stop = Stop(tokenizer, ("</CONCLUSION>",), endings=".")
    sentence = tokenizer.encode("The floor is white.", add_special_tokens=False)
    assert stop.found(sentence)
    assert not stop.found([*sentence, *tokenizer.encode("cubes", add_special_tokens=False)])
    assert not Stop(tokenizer).found(sentence)


def test_most_tokens_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = fitted().renderer.tokenizer
    stop = Stop(tokenizer, ("</SUMMARY>",))
    monkeypatch.setattr(type(tokenizer), "decode", lambda *_, **__: pytest.fail("decoded"))
    assert not stop.found(tokenizer.encode("I count the red cubes.", add_special_tokens=False))


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_common_is_the_longest_shared_beginning(one: list[int], other: list[int]) -> None:
    length = common(one, other)
    assert one[:length] == other[:length]
    assert length == min(len(one), len(other)) or one[length] != other[length]
