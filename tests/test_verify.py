"""`verify` end to end: small models of the real classes are asked the questions of a small release."""

import json
import subprocess
import sys
from contextlib import nullcontext

import pybase64
import pytest

from curation import release
from curation.__main__ import main
from curation.errors import DataError, Exit, MissingError, StoppedError, UsageError
from curation.evaluation import asking, coverage
from curation.evaluation.questions import of_release
from curation.search import Candidate, Cost, Result, fit_threshold
from curation.strata import Coverage, Reached
from curation.verify import Config, run
from exports import Item
from schemas.sample import Sample, Turn
from schemas.trace import Stage
from tests import small_models
from tests.records import picture, trace
from tests.workbench import broken_inside

SPLITS = ("train", "validation", "test")


class Release:
    """A release of questions about small pictures, each picture with two questions."""

    def __init__(self, folder):
        self.folder = folder
        self.out = folder / "release"
        (folder / "images").mkdir()

    def path(self, ref):
        return self.folder / "images" / ref.digest.removeprefix("sha256:")

    def item(self, number):
        loaded = picture(number // 2)
        self.path(loaded.ref).write_bytes(loaded.data)
        asked = Turn(question=f"How many? </SUMMARY> {number}", targets=(str(number % 3),), scorer="exact-match")
        turns = (asked, Turn(question="Why?"), asked.model_copy(update={"question": "And how many more?"}))
        labels = {"level": "hard" if number % 2 else "easy"}
        sample = Sample(id=f"scenes/test/{number:03d}", images=(loaded.ref,), turns=turns, labels=labels)
        traces = (trace(sample.id).trace,) if number % 4 else ()
        errors = {one.id: ("structure:missing",) for one in traces if number % 2}
        return Item(sample, traces, SPLITS[number // 2 % 3], errors)

    def build(self, name="jsonl", count=12, selection=None):
        items = map(self.item, range(count))
        release.build(items, self.out, name, self.path, {}, {}, selection)
        return self.out


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return Release(tmp_path_factory.mktemp("built")).build()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return [str(small_models.folder("tiny", folder / name)) for name in ("one", "other")]


@pytest.fixture
def config(built, models, tmp_path):
    def make(**flags):
        given = {"release": built, "model": tuple(models), "workspace": tmp_path, "max_tokens": 12, "candidates": 2}
        return Config(**(given | {"resamples": 50, "device": "cpu"} | flags))

    return make


def outputs(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_model_is_asked_the_same_with_every_search(config, tmp_path):
    report = run(config=config(search=("greedy", "stage-beam"), judge=("rules", "random")))
    assert report.out == tmp_path / "runs" / "verify-release"
    ways = [("greedy", None), ("stage-beam", "rules"), ("stage-beam", "random")]
    assert [(row.model, row.search, row.judge) for row in report.systems] == [
        (model, *way) for model in ("one", "other") for way in ways
    ]
    assert report.questions == 8  # four samples of the split, two turns each that can be scored
    for row in report.systems:
        assert row.questions == 8
        assert 0 < row.new_tokens <= 24
        assert 0 <= row.accuracy.low <= row.accuracy.mean <= row.accuracy.high <= 1
        assert sum(row.extracted_by.values()) == 8
        assert (row.any_correct is None) == (row.search == "greedy")
    assert {(row.label, row.value, row.questions) for row in report.strata} == {
        ("source", "scenes", 8),
        ("level", "easy", 4),
        ("level", "hard", 4),
    }
    found = outputs(report.out)
    assert {"report.html", "results.json"} <= found
    assert sum(name.startswith("answers/") for name in found) == 6
    assert json.loads((report.out / "results.json").read_text()) == report.as_json()
    assert report.exit_code == Exit.DONE


def test_what_is_printed_names_every_system(config):
    report = run(config=config(search=("greedy", "majority")))
    tables = {table.title: table for table in report.tables()}
    assert {len(table.rows) for table in tables.values()} == {4}
    assert "accuracy by level (questions)" in tables
    assert all(len(row) == len(table.columns) for table in tables.values() for row in table.rows)
    assert report.lines() == [f"8 questions for each; the page: {report.page}"]


def test_a_finished_run_asks_nothing_again(config, monkeypatch):
    flags = {"search": ("greedy", "majority")}
    first = run(config=config(**flags))
    monkeypatch.setattr(asking.families, "open_model", None)
    assert run(config=config(**flags)) == first


def test_a_run_that_was_stopped_goes_on(config, monkeypatch):
    whole = asking.search.run
    answered = []

    def stopping(name, model, questions, settings):
        for result in whole(name, model, questions, settings):
            if len(answered) == 3:
                raise KeyboardInterrupt
            answered.append(result.question_id)
            yield result

    monkeypatch.setattr(asking.search, "run", stopping)
    with pytest.raises(StoppedError, match="the same command goes on"):
        run(config=config(model=(config().model[0],)))
    asked = []
    monkeypatch.setattr(
        asking.search, "run", lambda name, model, questions, settings: whole(name, model, noted(questions), settings)
    )

    def noted(questions):
        for question in questions:
            asked.append(question.id)
            yield question

    stopped = run(config=config(model=(config().model[0],)))
    assert len(answered) == 3
    assert len(asked) == 5
    assert not set(answered) & set(asked)
    monkeypatch.undo()
    straight = run(config=config(model=(config().model[0],), out=stopped.out.with_name("straight")))
    assert stopped.systems[0].accuracy == straight.systems[0].accuracy
    assert stopped.systems[0].extracted_by == straight.systems[0].extracted_by


def test_a_limit_takes_the_first_questions_only(config):
    assert run(config=config(limit=3)).questions == 3


def test_a_model_that_is_not_there_is_refused_before_anything_is_asked(config, tmp_path):
    with pytest.raises(MissingError, match="nowhere"):
        run(config=config(model=(config().model[0], str(tmp_path / "nowhere"))))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        ({"search": ("gredy",)}, "did you mean 'greedy'"),
        ({"search": ("stage-beam",), "judge": ("rule",)}, "did you mean 'rules'"),
        ({"search": ("retracing",), "judge": ("verdict",)}, "retracing can't use the judge verdict"),
        ({"search": ("retracing",), "split": "validation"}, "fits a threshold on the validation split"),
        ({"device": "abacus"}, "no device 'abacus' here"),
        ({"family": "llava"}, "of the family tiny, not llava"),
        ({"release": None}, "nothing to ask"),
    ],
)
def test_wrong_flags_are_answered_with_what_to_do(config, flags, hint):
    with pytest.raises(UsageError, match=hint):
        run(config=config(**flags))


def test_retracing_fits_its_threshold_on_the_validation_split(config, built, monkeypatch):
    asked = {}

    def scoring(name, model, questions, settings):
        for number, question in enumerate(questions):
            asked.setdefault(name, {})[question.id] = settings.threshold
            reasoning = Candidate(Stage.REASONING, 0, None, "r", 1, 0.0, score=float(number % 2))
            yield Result(question.id, "", (reasoning,), Cost())

    monkeypatch.setattr(asking.search, "run", scoring)
    run(config=config(search=("retracing",), model=(config().model[0],)))
    assert asked["stage-beam"] == {problem.id: None for problem in of_release(built, "validation")}
    assert asked["retracing"] == {problem.id: fit_threshold([0, 1] * 4) for problem in of_release(built, "test")}


def test_a_model_without_stages_can_not_be_retraced(config):
    with pytest.raises(UsageError, match="one wrote no reasonings to fit a threshold on"):
        run(config=config(search=("retracing",), max_tokens=2))


# Releases


def test_every_turn_that_can_be_scored_is_asked_with_or_without_a_trace(built):
    problems = of_release(built, "test")
    assert [problem.id for problem in problems] == [f"scenes/test/{n:03d}#{t}" for n in (4, 5, 10, 11) for t in (0, 2)]
    assert [problem.reference is not None for problem in problems] == [False] * 4 + [True] + [False] * 3
    assert len({problem.group for problem in problems}) == 2


def test_a_flipped_byte_is_refused(config, tmp_path):
    built = Release(tmp_path).build()
    image = next(path for path in (built / "images").rglob("*.png"))
    data = bytearray(image.read_bytes())
    data[20] ^= 1
    image.write_bytes(data)
    with pytest.raises(DataError, match=f"not what was built: images/.*{image.name}"):
        run(config=config(release=built))


def test_an_empty_split_says_what_the_release_has(config, tmp_path):
    built = Release(tmp_path).build(count=2)
    with pytest.raises(DataError, match=r"nothing to ask in the split 'test': it has none; it has train \(2 samples\)"):
        run(config=config(release=built))


def test_a_release_that_can_not_be_read_back_says_how_to_build_one(config, tmp_path):
    built = Release(tmp_path).build("llava")
    with pytest.raises(UsageError, match="the format llava, which no model is trained on: export --format jsonl"):
        run(config=config(release=built))
    with pytest.raises(MissingError, match="is not a release"):
        run(config=config(release=tmp_path))


class Counted(Coverage):
    """Strata that are counted, as `export` does, while a release is built."""

    beside = staticmethod(nullcontext)
    agreement = staticmethod(dict)

    def describe(self, folder):
        """No card."""


def counted(built):
    return {row.name: (row.before, row.left) for row in coverage.of_release(built)}


def test_coverage_is_that_of_the_selection_where_something_was_dropped(tmp_path):
    selection = Counted()
    drawn = Release(tmp_path)
    for number in range(12):
        selection.add(drawn.item(number).sample, Reached(taken={0} if number % 2 == 0 else set()))
    levels = {"scenes level=easy": (6, 6), "scenes level=hard": (6, 0)}
    assert levels.items() <= counted(drawn.build(selection=selection)).items()


def test_coverage_is_that_of_the_traces_in_train_where_all_was_selected(tmp_path):
    assert counted(Release(tmp_path).build(count=24)) == {"scenes level=easy": (2, 2), "scenes level=hard": (4, 0)}


# Benchmarks


@pytest.fixture
def benchmark(tmp_path):
    image = pybase64.b64encode(picture(3).data).decode()
    lines = ["index\timage\tquestion\tA\tB\tanswer\tcategory"]
    lines += [f"{n}\t{image if n < 3 else 1}\tWhat is it?\tcat\tdog\tB\tc{n % 2}" for n in range(4)]
    path = tmp_path / "MMTiny.tsv"
    path.write_text("\n".join([*lines, "9\tbad\t?\tcat\tdog\tA\tc0"]))
    return path


def test_a_benchmark_is_asked_and_its_predictions_written_twice(config, benchmark):
    report = run(config=config(release=None, benchmark=(benchmark,), model=(config().model[0],)))
    assert report.out.name == "verify-MMTiny"
    assert (report.questions, report.exit_code) == (4, Exit.FAILURES)
    assert report.faults == ["MMTiny.tsv, line 6: its image is that of row 'bad', which has none"]
    assert "the first: MMTiny.tsv, line 6" in report.lines()[1]
    written = {path.relative_to(report.out).as_posix() for path in report.predictions}
    assert {"predictions/raw/one_greedy_MMTiny.tsv", "predictions/conclusion/one_greedy_MMTiny.tsv"} <= written
    raw = (report.out / "predictions/raw/one_greedy_MMTiny.tsv").read_text()
    assert raw.startswith("index\tquestion\tA\tB\tanswer\tcategory\tprediction\n0\tWhat is it?\tcat\tdog\tB\tc0\t")


def test_a_picture_that_can_not_be_decoded_is_named_and_its_question_not_right(config, benchmark):
    whole, broken = (pybase64.b64encode(data).decode() for data in (picture(3).data, broken_inside()))
    benchmark.write_text(benchmark.read_text().replace(whole, broken, 1))
    report = run(config=config(release=None, benchmark=(benchmark,), search=("greedy", "majority")))
    (named,) = (fault for fault in report.faults if "line 6" not in fault)
    assert named.startswith("MMTiny/0: no prompt could be made: ")
    assert all(row.questions == 4 and row.unparsed >= 1 for row in report.systems)


def test_a_release_and_benchmarks_are_asked_together(config, benchmark, tmp_path):
    report = run(config=config(benchmark=(benchmark,)))
    assert report.out.name == "verify-release-MMTiny"
    sources = {row.value: row.questions for row in report.strata if row.label == "source"}
    assert sources == {"scenes": 8, "MMTiny": 4}
    with pytest.raises(UsageError, match="two benchmarks are named MMTiny"):
        run(config=config(benchmark=(benchmark, tmp_path / "x" / "MMTiny.tsv")))


# The command line


def test_the_flags_are_read_without_torch():
    code = "import sys, curation.verify; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command_prints_its_report(built, models, tmp_path, capsys):
    flags = ["--release", built, "--model", models[0], "--max-tokens", "4", "--limit", "2", "--workspace", tmp_path]
    assert main(["verify", *map(str, flags), "--device", "cpu", "--resamples", "10"]) == 0
    printed = capsys.readouterr().out
    assert "2 questions for each" in printed
    assert "greedy" in printed
