"""The judges: what they ask, what they make of the answers, and the tournament of LLaVA-CoT."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curation import judges, registry
from curation.errors import UsageError
from curation.judges import Case, Manner, Option, conclusion, generated, squash, verdict
from curation.judges._prompts import check, comparison, judged
from curation.judges._tournament import Fixture, draw, play
from curation.lanes import Ask, Engine, Sampling, Session, prepare
from schemas.trace import Stage
from tests.fitted_model import fitted, question

MANNER = Manner(Sampling())
PREFIX = "<SUMMARY>a</SUMMARY><CAPTION>There are 2 red cubes.</CAPTION>"
GOOD = Option(f"{PREFIX}<REASONING>The red cubes are 1.</REASONING><CONCLUSION>1</CONCLUSION>", -0.5)
BAD = Option(f"{PREFIX}<REASONING>The red cubes are 1.</REASONING><CONCLUSION>7</CONCLUSION>", -0.1)


def case(*options: Option, kind: judges.Kind = Stage.CONCLUSION, lane: int = 0, seed: int = 0) -> Case:
    return Case(lane, question(0), kind, options, seed)


def numbered(count: int, kind: judges.Kind = Stage.SUMMARY, seed: int = 0) -> Case:
    return case(*(Option(f"<SUMMARY>{k}</SUMMARY>", -float(k)) for k in range(count)), kind=kind, seed=seed)


class Model:
    """A session that answers judges from a script, and keeps what it was asked."""

    def __init__(self, answer: Callable[[Ask], Any]) -> None:
        self.answer = answer
        self.rounds: list[list[Ask]] = []
        self.engine = type("Tokens", (), {"tokenizer": fitted().renderer.tokenizer})

    def read(self, asks: list[Ask]) -> torch.Tensor:
        self.rounds.append(asks)
        return torch.stack([self.answer(ask) for ask in asks])

    def reply(self, asks: list[Ask], draws: list[object], sampling: Sampling, limit: int) -> list[str]:
        assert len(draws) == len(asks)
        self.rounds.append(asks)
        return [self.answer(ask) for ask in asks]


def logits(model: Model, **chances: float) -> torch.Tensor:
    """Logits that favour words: `one`, `two`, `incorrect`, `correct`."""
    words = {"one": "I choose response 1", "two": "I choose response 2", "incorrect": "incorrect", "correct": "correct"}
    row = torch.zeros(len(model.engine.tokenizer))
    for name, value in chances.items():
        other = {"one": "two", "two": "one", "incorrect": "correct", "correct": "incorrect"}[name]
        ids, others = (model.engine.tokenizer.encode(words[key], add_special_tokens=False) for key in (name, other))
        row[next(token for token, against in zip(ids, others, strict=False) if token != against)] = value
    return row


def test_every_judge_keeps_the_interface() -> None:
    for name in registry.names("curation.judges"):
        assert isinstance(judges.get(name).ABSOLUTE, bool)
    absolute = {name for name in registry.names("curation.judges") if judges.get(name).ABSOLUTE}
    assert absolute == {"likelihood", "oracle", "random", "rules", "scorer"}


def test_an_unknown_judge_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="verdict"):
        judges.get("verdicts")


@pytest.mark.parametrize("name", registry.names("curation.judges"))
def test_a_judge_scores_each_option_of_each_case(name: str) -> None:
    model = fitted()
    engine = Engine(model)
    questions = [question(0), question(1)]
    session = Session(engine, questions, [prepare(engine, item) for item in questions], 1)
    session.bank.logits([0, 1])
    kinds: tuple[judges.Kind, ...] = (Stage.REASONING, "answer", "sentence")
    for kind in kinds:
        cases = [case(GOOD, BAD, GOOD, kind=kind), case(BAD, GOOD, kind=kind, lane=1)]
        scores = judges.get(name).scores(session, cases, MANNER._replace(tokens=8))
        assert [len(some) for some in scores] == [3, 2]
        again = judges.get(name).scores(session, cases, MANNER._replace(tokens=8))
        assert np.allclose(np.concatenate(scores), np.concatenate(again), atol=1e-5)


def test_rules_prefer_what_follows_to_what_is_likely() -> None:
    good, bad = judges.get("rules").scores(Model(print), [case(GOOD, BAD)], MANNER)[0]  # type: ignore[arg-type]
    assert good > 0 > bad


def test_rules_judge_the_stage_at_hand_only() -> None:
    good, bad = judges.get("rules").scores(Model(print), [case(GOOD, BAD, kind=Stage.SUMMARY)], MANNER)[0]  # type: ignore[arg-type]
    assert (good, bad) == (squash(GOOD.likelihood), squash(BAD.likelihood))


def test_rules_take_a_trace_that_ends_early() -> None:
    early = Option("<SUMMARY>a</SUMMARY><CAPTION>b</CAPTION>", -0.3)
    assert judges.get("rules").scores(Model(print), [case(early, early)], MANNER)[0] == [squash(-0.3)] * 2  # type: ignore[arg-type]


def test_scorer_and_oracle_know_the_answer() -> None:
    for name in ("scorer", "oracle"):
        good, bad = judges.get(name).scores(Model(print), [case(GOOD, BAD)], MANNER)[0]  # type: ignore[arg-type]
        assert good >= 1 > bad


def test_the_oracle_knows_every_stage() -> None:
    right = Option("<SUMMARY> I  count the red cubes. </SUMMARY>", -5.0)
    wrong = Option("<SUMMARY>I count.</SUMMARY>", -0.1)
    good, bad = judges.get("oracle").scores(Model(print), [case(right, wrong, kind=Stage.SUMMARY)], MANNER)[0]  # type: ignore[arg-type]
    assert good > bad


@pytest.mark.parametrize(
    ("text", "expected"), [(GOOD.text, "1"), ("It is 1.", "It is 1."), ("<SUMMARY>a</SUMMARY> 1", ""), ("", "")]
)
def test_a_conclusion_is_what_is_tagged_or_an_answer_without_tags(text: str, expected: str) -> None:
    assert conclusion(Option(text, 0.0)) == expected


@given(st.floats(-1e6, 1), st.floats(-1e6, 1))
def test_squash_keeps_the_order_and_stays_below_one_finding(one: float, other: float) -> None:
    assert 0 < squash(one) <= 1
    assert (squash(one) <= squash(other)) or one > other


# The tournament


def reference(players: int, seed: int, wins: Callable[[int, int], bool]) -> tuple[list[tuple[int, int]], int]:
    """LLaVA-CoT's loop: two random candidates leave the list, the better one goes to its end."""
    numbers = np.random.RandomState(seed)
    waiting, played = list(range(players)), []
    while len(waiting) > 1:
        pair = waiting.pop(numbers.randint(len(waiting))), waiting.pop(numbers.randint(len(waiting)))
        played.append(pair)
        waiting.append(pair[0] if wins(*pair) else pair[1])
    return played, waiting[0]


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_matches_and_winner_are_those_of_the_reference(players: int, seed: int) -> None:
    def wins(one: int, other: int) -> bool:
        return (one * 7 + seed) % 13 >= (other * 7 + seed) % 13

    played: dict[int, tuple[int, int]] = {}

    def judge(fixtures: list[Fixture]) -> list[bool]:
        played.update((fixture.number, fixture.players) for fixture in fixtures)
        return [wins(*fixture.players) for fixture in fixtures]

    scores = play([numbered(players, seed=seed)], judge)[0]
    expected, winner = reference(players, seed, wins)
    assert [played[number] for number in range(len(played))] == expected
    assert int(np.argmax(scores)) == winner
    assert sorted(scores) == [float(k) for k in range(players)]


def test_matches_of_a_round_and_of_all_questions_are_judged_together() -> None:
    rounds = []

    def judge(fixtures: list[Fixture]) -> list[bool]:
        rounds.append(len(fixtures))
        return [True] * len(fixtures)

    play([numbered(10, seed=seed) for seed in range(4)], judge)
    assert sum(rounds) == 4 * 9
    assert len(rounds) < 9
    assert len(draw(10, 0)) == 9


# The verdict that is written


def written(verdict_text: str, *, compat: bool = False, kind: judges.Kind = Stage.SUMMARY) -> tuple[list[float], Model]:
    model = Model(lambda _: verdict_text)
    return generated.scores(model, [numbered(2, kind)], MANNER._replace(compat=compat))[0], model  # type: ignore[arg-type]


def first_player() -> int:
    return draw(2, 0)[0].one


def test_a_written_verdict_decides() -> None:
    for text, wins in (("Since a, I choose response 1.", True), ("Since b, I choose response 2.", False)):
        scores, _ = written(text)
        assert (scores[first_player()] == 1.0) is wins


def test_what_names_no_response_goes_to_the_likelier_and_in_the_reference_to_the_second() -> None:
    scores, _ = written("I like both.")
    assert scores == [1.0, 0.0]
    scores, _ = written("I like both.", compat=True)
    assert scores[first_player()] == 0.0
    scores, _ = written("Since a, I prefer response 1", compat=True)
    assert scores[first_player()] == 0.0


@pytest.mark.parametrize("wrong", ["first", "second", "both", "none"])
def test_a_reasoning_that_is_incorrect_loses_before_it_is_compared(wrong: str) -> None:
    texts = [f"{PREFIX}<REASONING>{k}</REASONING>" for k in range(2)]
    one, other = draw(2, 0)[0][:2]
    faulty = {"first": [one], "second": [other], "both": [one, other], "none": []}[wrong]

    def answer(ask: Ask) -> str:
        if ask.looks:
            return "I choose response 1"
        return "incorrect" if any(f"Process: {k}" in ask.text for k in faulty) else "correct"

    model = Model(answer)
    options = (Option(text, 0.0) for text in texts)
    scores = generated.scores(model, [case(*options, kind=Stage.REASONING)], MANNER)[0]  # type: ignore[arg-type]
    assert int(np.argmax(scores)) == (other if wrong in {"first", "both"} else one)
    assert len([asks for asks in model.rounds if asks and asks[0].looks]) == (wrong == "none")


# The verdict that is read


def test_both_orders_are_asked_so_that_the_place_does_not_count() -> None:
    model = Model(lambda _: logits(model, one=3.0))  # always the first
    scores = verdict.scores(model, [numbered(2)], MANNER)[0]  # type: ignore[arg-type]
    assert scores == [1.0, 0.0]  # the likelier, as the two orders are even
    assert [ask.begun == model.rounds[0][0].begun for ask in model.rounds[0]] == [True, True]
    one, other = (ask.text for ask in model.rounds[0])
    assert one != other
    assert sorted(one) == sorted(other)


def test_the_text_that_is_preferred_in_both_orders_wins() -> None:
    def prefers(ask: Ask) -> torch.Tensor:
        return logits(model, one=3.0) if "Repsonse 1: 1" in ask.text else logits(model, two=3.0)

    model = Model(prefers)
    assert verdict.scores(model, [numbered(2)], MANNER)[0] == [0.0, 1.0]  # type: ignore[arg-type]


def test_a_reasoning_is_checked_once_for_each_candidate() -> None:
    def answer(ask: Ask) -> torch.Tensor:
        if ask.looks:
            return logits(model, one=1.0)
        return logits(model, incorrect=2.0) if "Process: 3" not in ask.text else logits(model, correct=2.0)

    model = Model(answer)
    options = [Option(f"{PREFIX}<REASONING>{k}</REASONING>", 0.0) for k in range(5)]
    scores = verdict.scores(model, [case(*options, kind=Stage.REASONING)], MANNER)[0]  # type: ignore[arg-type]
    assert sum(not ask.looks for asks in model.rounds for ask in asks) == 5
    assert int(np.argmax(scores)) == 3


# The prompts


def test_a_prompt_has_the_form_of_the_reference() -> None:
    text = comparison(case(GOOD, BAD), GOOD, BAD)
    assert text.startswith("Now you act as a judge, helping me determine which of the two texts I provide")
    assert "\n\nQuestion: How many red cubes are there?" in text
    assert (
        "\n\nHint about the Question: There are 2 red cubes.The red cubes are 1.\nRepsonse 1: 1\nRepsonse 2: 7" in text
    )
    assert text.endswith('Output format: "Since [reason], I choose response [1/2]."')


@pytest.mark.parametrize("kind", [Stage.SUMMARY, Stage.CAPTION, "answer"])
def test_what_comes_first_has_no_hint(kind: judges.Kind) -> None:
    assert "Hint" not in comparison(case(GOOD, BAD, kind=kind), GOOD, BAD)


def test_a_reasoning_is_judged_by_its_caption() -> None:
    text = comparison(case(GOOD, BAD, kind=Stage.REASONING), GOOD, BAD)
    assert "Hint about the Question: There are 2 red cubes.\n" in text
    assert "Given Information: There are 2 red cubes.\n\nReasoning Process: The red cubes are 1." in check(GOOD)


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    option = Option(text, -1.0)
    for kind in ("answer", "sentence", *Stage):
        assert judged(kind, option) in {text, *(part.strip() for part in text.split("."))}  # type: ignore[arg-type]
        assert comparison(case(option, option, kind=kind), option, option)  # type: ignore[arg-type]
