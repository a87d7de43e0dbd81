"""Answers are kept one by one, so that nothing is asked twice and nothing is taken for what it is not."""

import json
import os
import signal
import subprocess
import sys

import pytest

from curation.errors import DataError, UsageError
from curation.evaluation.outcomes import Cost, Outcome, answer
from curation.evaluation.questions import Picture, Problem
from curation.evaluation.systems import Options, System, Way, contenders, digest, ways
from schemas.sample import Turn

SYSTEM = System(label="m", digest="sha256:1", search="greedy", judge=None, settings={"max_tokens": 9})


def problems(count=5, question="?"):
    return [Problem(f"s/t/{number}#0", "s", Turn(question=question, targets=("1",)), (), {}) for number in range(count)]


class Search:
    """Answers with the id, and notes what it was asked; fails at a given problem."""

    def __init__(self, fails_at=None):
        self.asked = []
        self.fails_at = fails_at

    def __call__(self, missing):
        for problem in missing:
            if problem.id == self.fails_at:
                raise KeyboardInterrupt
            self.asked.append(problem.id)
            yield Outcome(id=problem.id, key=problem.key, text=f"to {problem.id}", cost=Cost(new_tokens=3))


def ids(count=5):
    return [problem.id for problem in problems(count)]


def ask(folder, search, system=SYSTEM, asked=None):
    seen = []
    found = answer(folder, system, problems() if asked is None else asked, search, seen.append)
    return [outcome.text for outcome in found], seen


ANSWERS = [f"to {name}" for name in ids()]


def test_what_was_answered_is_not_asked_again(tmp_path):
    first, again = Search(), Search()
    assert ask(tmp_path, first) == (ANSWERS, [0, 1, 2, 3, 4, 5])
    assert ask(tmp_path, again) == (ANSWERS, [5])
    assert (first.asked, again.asked) == (ids(), [])


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, Search(fails_at="s/t/3#0"))
    search = Search()
    assert ask(tmp_path, search)[0] == ANSWERS
    assert search.asked == ids()[3:]


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from tests.test_evaluation_outcomes import SYSTEM, Search, problems
from curation.evaluation.outcomes import answer
answer(Path(sys.argv[1]), SYSTEM, problems(), Search(), lambda done: done == 2 and os.kill(os.getpid(), signal.SIGKILL))
"""
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    search = Search()
    assert ask(tmp_path, search)[0] == ANSWERS
    assert search.asked == ids()[2:]


def test_a_file_that_is_cut_anywhere_is_mended(tmp_path):
    ask(tmp_path, Search())
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for kept in sorted({*range(0, len(whole), 9), *ends, *(end + 1 for end in ends)}):
        path.write_bytes(whole[:kept])
        search = Search()
        assert ask(tmp_path, search)[0] == ANSWERS
        assert len(search.asked) == 5 - max(0, whole[:kept].count(b"\n") - 1)
        assert path.read_bytes() == whole


def test_a_damaged_line_is_asked_for_again(tmp_path):
    ask(tmp_path, Search())
    (path,) = tmp_path.iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\0\0\n", *lines[3:]]))
    search = Search()
    assert ask(tmp_path, search)[0] == ANSWERS
    assert search.asked == ids()[1:2]


def test_another_setting_or_other_weights_are_another_file(tmp_path):
    ask(tmp_path, Search())
    for changes in ({"settings": {"max_tokens": 10}}, {"digest": "sha256:2"}, {"search": "majority"}):
        search = Search()
        ask(tmp_path, search, SYSTEM.model_copy(update=changes))
        assert search.asked == ids()
    assert len(list(tmp_path.iterdir())) == 4


def test_the_answer_to_another_question_is_not_taken(tmp_path):
    ask(tmp_path, Search())
    for changed in (
        problems(question="!"),
        [problem._replace(pictures=(Picture("sha256:1", tmp_path),)) for problem in problems()],
        [problem._replace(turn=Turn(question="?", targets=("2",))) for problem in problems()],
    ):
        search = Search()
        ask(tmp_path, search, asked=changed)
        assert search.asked == ids()


def test_more_questions_ask_for_those_only(tmp_path):
    ask(tmp_path, Search(), asked=problems(3))
    search = Search()
    ask(tmp_path, search, asked=problems(5))
    assert search.asked == ids()[3:]


def test_a_file_of_another_system_is_refused_with_the_difference(tmp_path):
    ask(tmp_path, Search())
    (path,) = tmp_path.iterdir()
    header, _, rest = path.read_text().partition("\n")
    path.write_text(json.dumps(json.loads(header) | {"label": "other"}) + "\n" + rest)
    with pytest.raises(DataError, match=r"label 'other' is 'm' here.*give another --out"):
        ask(tmp_path, Search())
    path.write_text("[]\n")
    with pytest.raises(DataError, match="does not begin with what its answers are of"):
        ask(tmp_path, Search())


def test_two_processes_do_not_answer_for_one_system(tmp_path):
    def interfering(missing):
        with pytest.raises(UsageError, match="another process is writing"):
            ask(tmp_path, Search())
        return Search()(missing)

    assert ask(tmp_path, interfering)[0] == ANSWERS


def test_a_model_is_named_by_its_folder(tmp_path):
    for name in ("runs/curated/model", "runs/raw/model", "other/curated/model", "plain"):
        (tmp_path / name).mkdir(parents=True)
    runs, other = tmp_path / "runs", tmp_path / "other"
    found = contenders([str(runs / "curated"), str(runs / "raw" / "model"), str(tmp_path / "plain"), "org/name"])
    assert [one.label for one in found] == ["curated", "raw", "plain", "name"]
    assert [one.run for one in found] == [runs / "curated", runs / "raw", None, None]
    assert found[0].source == str(runs / "curated" / "model")
    both = contenders([str(runs / "curated"), str(other / "curated" / "model")])
    assert [one.label for one in both] == ["runs-curated", "other-curated"]
    with pytest.raises(UsageError, match="two models are named"):
        contenders([str(runs / "curated"), str(runs / "curated" / "model")])


def test_the_digest_of_a_model_is_that_of_its_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "weights").write_bytes(b"1")
    first = digest(tmp_path)
    os.utime(tmp_path / "a" / "weights", (0, 0))
    assert digest(tmp_path) == first
    (tmp_path / "a" / "weights").write_bytes(b"2")
    assert digest(tmp_path) != first


def test_only_searches_with_a_judge_are_run_with_each_judge():
    found = ways(["greedy", "stage-beam", "greedy"], ["rules", "random"])
    assert found == [Way("greedy", None), Way("stage-beam", "rules"), Way("stage-beam", "random")]


def test_what_does_not_decide_a_greedy_answer_is_not_part_of_its_system():
    assert Options(seed=1, candidates=9).of(Way("greedy", None)) == Options().of(Way("greedy", None))
    assert Options(seed=1).of(Way("majority", None)) != Options().of(Way("majority", None))
