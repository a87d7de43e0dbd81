"""The strategies, on a small model that knows a few answers by heart."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest
import torch

from curation.errors import CurationError, UsageError
from curation.lanes import Engine, Question, Session, prepare
from curation.prompts.wording import answer_text
from curation.search import Candidate, Result, Settings, fit_threshold, names, run
from curation.search._paths import Book, Growth, Path, roots
from curation.search._stage import write_stage
from curation.search.majority import elected
from curation.search.stage_beam import keep, share
from schemas.sample import Turn
from schemas.trace import Stage, parse_tagged
from tests.fitted_model import TRACES, fitted, question

QUESTIONS = tuple(question(number) for number in range(4))
HOT = Settings(candidates=4, max_tokens=80, temperature=1.3, top_p=1.0, judge="likelihood", threshold=-1e9)


def found(name: str, questions: Sequence[Question] = QUESTIONS, settings: Settings = HOT) -> list[Result]:
    return list(run(name, fitted(), questions, settings))


def told(result: Result) -> tuple[object, ...]:
    """What a result says, but for the last digits of its figures."""
    return result.text, [(c.stage, c.parent, c.text, c.kept, c.fault, round(c.logprob, 4)) for c in result.candidates]


def test_there_are_six_strategies() -> None:
    assert names() == ("best-of-n", "greedy", "majority", "retracing", "sentence", "stage-beam")


@pytest.mark.parametrize("name", names())
def test_a_cool_model_gives_the_answers_that_it_knows(name: str) -> None:
    cool = replace(HOT, temperature=0.1)
    for result, trace in zip(found(name, settings=cool), TRACES, strict=True):
        assert parse_tagged(result.text) == trace
        assert any(candidate.kept for candidate in result.candidates)


@pytest.mark.parametrize("name", names())
def test_a_result_depends_neither_on_the_batch_nor_on_a_restart(name: str) -> None:
    settings = replace(HOT, width=2, at_once=4)
    whole = [told(result) for result in found(name, QUESTIONS[:3], settings)]
    assert [told(result) for result in found(name, QUESTIONS[2::-1], replace(settings, at_once=2))] == whole[::-1]


@pytest.mark.parametrize("name", sorted(set(names()) - {"greedy"}))
def test_another_seed_gives_other_candidates(name: str) -> None:
    one, other = (found(name, QUESTIONS[:2], replace(HOT, seed=seed)) for seed in (0, 1))
    assert [told(result) for result in one] != [told(result) for result in other]


@pytest.mark.parametrize("name", names())
def test_a_result_is_json_and_names_its_cost(name: str) -> None:
    for result in found(name, QUESTIONS[:2]):
        written = json.loads(json.dumps(asdict(result)))
        assert written["question_id"] == result.question_id
        assert result.cost.new_tokens == sum(candidate.tokens for candidate in result.candidates)
        assert result.cost.images == 1
        assert result.cost.forward_calls > 0
        assert result.cost.seconds > 0


@pytest.mark.parametrize("name", names())
def test_questions_with_and_without_images_keep_their_order(name: str) -> None:
    mixed = [QUESTIONS[0], QUESTIONS[1]._replace(images=(), id="blind"), QUESTIONS[2]]
    results = found(name, mixed, replace(HOT, max_tokens=20))
    assert [result.question_id for result in results] == ["red", "blind", "green"]
    assert [result.cost.images for result in results] == [1, 0, 1]


def test_an_image_that_can_not_be_read_fails_alone() -> None:
    broken = QUESTIONS[1]._replace(images=(b"no image",))
    first, second, third = found("greedy", [QUESTIONS[0], broken, QUESTIONS[2]])
    assert second.text == ""
    assert "no prompt could be made" in str(second.candidates[0].fault)
    assert parse_tagged(first.text) == TRACES[0]
    assert parse_tagged(third.text) == TRACES[2]


@pytest.mark.parametrize("name", names())
def test_a_tag_in_the_question_does_not_stop_the_answer(name: str) -> None:
    asked = QUESTIONS[0].turn.model_copy(update={"question": "How many red cubes are there?</SUMMARY></CONCLUSION>"})
    plain = found(name, [QUESTIONS[0]._replace(turn=asked)], replace(HOT, temperature=0.1))[0]
    assert len(plain.text) > len("<SUMMARY></SUMMARY>")
    assert plain.cost.new_tokens > 8


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("tokens", [1, 3, 12])
def test_a_limit_of_tokens_is_kept_and_said(name: str, tokens: int) -> None:
    settings = replace(HOT, max_tokens=tokens, temperature=0.1)
    for result in found(name, QUESTIONS[:2], settings):
        kept = [candidate for candidate in result.candidates if candidate.kept]
        assert sum(candidate.tokens for candidate in kept) <= tokens * max(1, len(kept))
        assert name == "sentence" or any(candidate.fault for candidate in result.candidates)


def grown(force: str, settings: Settings = HOT) -> tuple[list[Path], Book]:
    """Four candidates for the first stage, of a model that says `force` and ends its turn."""
    model = fitted()
    engine = Engine(model)
    session = Session(engine, QUESTIONS[:1], [prepare(engine, QUESTIONS[0])], settings.candidates)
    ids = [*model.renderer.tokenizer.encode(force, add_special_tokens=False), min(model.renderer.stop_ids)]
    left = iter(ids)

    def read(hidden: torch.Tensor) -> torch.Tensor:
        logits = torch.full((len(hidden), engine.head.weight.shape[0]), -torch.inf)
        logits[:, next(left)] = 0.0
        return logits

    engine.read = read  # type: ignore[method-assign]
    book = Book.of(session)
    root = roots(session)[0]
    paths = write_stage(session, [Growth(root, tuple(range(4)))], Stage.SUMMARY, 0, settings, book)[0]
    return paths, book


def test_a_stage_that_is_not_closed_is_closed_and_says_so() -> None:
    paths, book = grown("<SUMMARY> I count the cubes.")
    assert [path.text.replace("> ", ">") for path in paths] == ["<SUMMARY>I count the cubes.</SUMMARY>"]
    assert [entry.fault for entry in book.entries[0]].count("</SUMMARY> is missing, as its turn ended: dropped") == 3
    assert "added" in str(book.entries[0][paths[0].candidate or 0].fault)
    assert paths[0].end == "stop"


def test_an_answer_without_tags_is_left_as_it_is() -> None:
    paths, book = grown("I count the cubes.")
    assert paths[0].text.strip() == "I count the cubes."
    assert paths[0].end == "turn"
    assert "left as it is" in str(book.entries[0][0].fault)


@pytest.mark.parametrize("text", ["cubes</SUMMARY>", "<SUMMARY></SUMMARY>", "<SUMMARY><CAPTION> I</CAPTION></SUMMARY>"])
def test_a_stage_that_is_closed_but_not_one_stage_is_told(text: str) -> None:
    paths, book = grown(text)
    assert len(paths) == 1
    assert all("not one SUMMARY" in str(entry.fault) for entry in book.entries[0])


def test_sound_candidates_have_no_fault() -> None:
    paths, book = grown("<SUMMARY> I count the cubes.</SUMMARY>")
    assert len(paths) == 4
    assert {entry.fault for entry in book.entries[0]} == {None}


def test_a_stage_beam_has_candidates_for_each_stage_and_keeps_one() -> None:
    for result in found("stage-beam", settings=replace(HOT, temperature=0.8)):
        for stage in Stage:
            some = [candidate for candidate in result.candidates if candidate.stage is stage]
            assert len(some) == HOT.candidates
            assert sum(candidate.kept for candidate in some) == 1
            assert all(candidate.score is not None for candidate in some if candidate.fault is None)
        kept = [candidate.text for candidate in result.candidates if candidate.kept]
        assert parse_tagged("".join(kept)) == parse_tagged(result.text)


def test_a_wide_beam_keeps_that_many_different_parents() -> None:
    hot = replace(HOT, width=3, candidates=8, temperature=1.2, top_p=0.98)
    several = 0
    for result in found("stage-beam", QUESTIONS[:1], hot):
        for stage in Stage:
            kept = [c for c in result.candidates if c.stage is stage and c.kept]
            lines = {(candidate.parent, candidate.text) for candidate in kept}
            assert 1 <= len(lines) == len(kept) <= 3
            parents = {c.parent for c in result.candidates if c.stage is stage}
            several += len(parents) == 3
    assert several > 0


def test_candidates_are_shared_among_the_beam_the_better_first() -> None:
    beam = [Path(lane=1, row=10), Path(lane=1, row=8), Path(lane=1, row=9)]
    rows = [growth.rows for growth in share(beam, width=8, candidates=8)]
    assert [len(some) for some in rows] == [3, 3, 2]
    assert sorted(row for some in rows for row in some) == list(range(8, 16))
    assert [some[0] for some in rows] == [10, 8, 9]


def test_the_same_text_is_kept_once() -> None:
    book = Book([[Candidate(None, 0, None, "", 1, 0.0, kept=False)] * 3])
    paths = [Path(0, row, text=text, candidate=row) for row, text in enumerate(["a", "a", "b"])]
    assert [path.text for path in keep(paths, 2, book)] == ["a", "b"]
    assert [entry.kept for entry in book.entries[0]] == [True, False, True]


def votes(*answers: tuple[str, float]) -> str:
    book = Book([[Candidate(None, 0, None, "", 1, 0.0)] * len(answers)])
    paths = [Path(0, k, text=text, logprob=likelihood, candidate=k) for k, (text, likelihood) in enumerate(answers)]
    return elected(paths, book).text


def test_a_majority_beats_likelihood() -> None:
    assert votes(("2", -0.1), ("3", -0.9), (" 3. ", -0.5)) == " 3. "


def test_a_tie_of_votes_goes_to_the_likeliest() -> None:
    assert votes(("2", -0.5), ("3", -0.2), ("2", -0.4), ("3", -0.9)) == "3"


def test_no_conclusion_has_no_vote() -> None:
    unfinished = "<SUMMARY>a</SUMMARY>"
    assert votes((unfinished, -0.1), (unfinished, -0.1), ("<CONCLUSION>5</CONCLUSION>", -2.0)).endswith("N>")


def test_whole_answers_that_reach_the_limit_are_dropped_openly() -> None:
    length = len(fitted().renderer.answer(answer_text(TRACES[0])).ids)
    results = found("best-of-n", settings=replace(HOT, max_tokens=length + 1, candidates=8, temperature=1.6))
    faults = [(c.fault, c.kept) for result in results for c in result.candidates if c.fault]
    assert faults
    assert not any(kept for fault, kept in faults if "dropped" in str(fault))


def test_retracing_stops_when_two_reasonings_are_good_enough() -> None:
    def rounds(threshold: float) -> int:
        result = found("retracing", QUESTIONS[:1], replace(HOT, threshold=threshold, temperature=0.8))[0]
        assert "</REASONING>" in result.text
        return len({c.round for c in result.candidates if c.stage is Stage.REASONING})

    assert rounds(-1e9) == 1
    assert rounds(1e9) == 5


def test_retracing_needs_a_threshold_and_a_judge_whose_scores_compare() -> None:
    with pytest.raises(UsageError, match="fit it on held-out"):
        found("retracing", settings=replace(HOT, threshold=None))
    with pytest.raises(UsageError, match="verdict"):
        found("retracing", settings=replace(HOT, judge="verdict"))


def test_a_threshold_is_fitted_to_scores() -> None:
    assert fit_threshold([1.0, 3.0]) == pytest.approx(2.2533)
    assert fit_threshold([1.0, 3.0], z=0.0) == 2.0
    with pytest.raises(UsageError, match="two reasonings"):
        fit_threshold([1.0])


@pytest.mark.parametrize(
    "wrong", [{"width": 5}, {"candidates": 0}, {"max_tokens": 0}, {"at_once": 0}, {"judge": "rule"}]
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        found("stage-beam", settings=replace(HOT, **wrong))


def test_an_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="stage-beam"):
        found("stage-bean")


def test_no_questions_give_no_results() -> None:
    assert found("greedy", []) == []


def test_results_come_batch_by_batch() -> None:
    asked: list[str] = []

    def questions() -> object:
        for item in QUESTIONS:
            asked.append(item.id)
            yield item

    results = run("greedy", fitted(), questions(), replace(HOT, at_once=1, max_tokens=2))  # type: ignore[arg-type]
    next(results)
    assert asked == ["red"]


def test_direct_answers_can_be_chosen_from() -> None:
    turn = Turn(question="How many red cubes are there?", targets=("1",), scorer="relaxed-accuracy")
    short = replace(HOT, max_tokens=4, judge="scorer")
    for name in ("greedy", "best-of-n", "majority"):
        assert found(name, [Question("direct", turn, QUESTIONS[0].images)], short)[0].text


def test_out_of_memory_says_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Session, "__init__", full)
    with pytest.raises(CurationError, match="--at-once, or --candidates"):
        found("greedy")
