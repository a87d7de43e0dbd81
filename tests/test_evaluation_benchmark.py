"""VLMEvalKit's files: read row by row, what is wrong is named, predictions go back in the same form."""

import csv
import io
import sys
from random import Random

import pybase64
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from curation.errors import DataError, MissingError
from curation.evaluation import predictions
from curation.evaluation.benchmark import read
from curation.prompts.wording import question_text

COLUMNS = ("index", "image", "question", "A", "B", "C", "answer", "category")


def picture(shade=0, side=8):
    data = io.BytesIO()
    Image.new("RGB", (side, side), (shade, 9, 9)).save(data, "PNG")
    return pybase64.b64encode(data.getvalue()).decode()


def row(index=1, **cells):
    given = {"index": str(index), "image": picture(), "question": "What?", "A": "cat", "B": "dog", "C": ""}
    return given | {"answer": "B", "category": "coarse"} | cells


def write(path, rows, columns=COLUMNS):
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, columns, delimiter="\t", extrasaction="ignore")
        lines.writeheader()
        lines.writerows(rows)
    return path


@pytest.fixture
def benchmark(tmp_path):
    def build(*rows, columns=COLUMNS, limit=None):
        return read(write(tmp_path / "MMStar.tsv", rows, columns), tmp_path / "images", limit)

    return build


def test_a_row_becomes_a_problem(benchmark):
    columns = (*COLUMNS, "hint", "l2-category", "split")
    given = row(7, hint="Look.", **{"l2-category": "fine", "split": "test"})
    found = benchmark(given, columns=columns)
    (problem,) = found.problems
    assert (problem.id, problem.source, found.faults) == ("MMStar/7", "MMStar", [])
    assert problem.labels == {"category": "coarse", "l2-category": "fine", "split": "test"}
    assert question_text(problem.turn) == "Look.\nWhat?\nA. cat\nB. dog"
    assert (problem.turn.targets, problem.turn.scorer) == (("B", "dog"), "multiple-choice")
    assert problem.pictures[0].path.read_bytes() == pybase64.b64decode(given["image"])


@pytest.mark.parametrize(
    ("answer", "scorer"), [("Yes", "yes-no"), ("no", "yes-no"), ("42", "exact-match"), ("No way", "exact-match")]
)
def test_without_options_the_answer_decides_the_scorer(benchmark, answer, scorer):
    (problem,) = benchmark(row(A="", B="", answer=answer)).problems
    assert (problem.turn.choices, problem.turn.targets, problem.turn.scorer) == ((), (answer,), scorer)


def test_an_image_can_be_that_of_another_row_and_is_kept_once(benchmark, tmp_path):
    found = benchmark(row(1, image="2"), row(2), row(3, image="2"), row(4, image=picture(4)))
    assert [problem.id for problem in found.problems] == ["MMStar/1", "MMStar/2", "MMStar/3", "MMStar/4"]
    assert len({problem.group for problem in found.problems}) == 2
    assert len(list((tmp_path / "images").iterdir())) == 2


def test_the_image_of_a_row_that_can_not_be_asked_is_there_for_others(benchmark):
    found = benchmark(row(1, question=""), row(2, image="1"))
    assert [problem.id for problem in found.problems] == ["MMStar/2"]


def test_several_images_are_a_list(benchmark):
    (problem,) = benchmark(row(image=str([picture(1), picture(2)]))).problems
    assert len(problem.pictures) == 2


BAD = [
    ({"image": "99"}, "its image is that of row '99', which has none"),
    ({"image": "!" * 80}, "not base64"),
    ({"image": picture()[:-3]}, "not base64"),
    ({"image": pybase64.b64encode(bytes(100)).decode()}, "unreadable"),
    ({"image": "[" + picture()}, "begins as a list, and is none"),
    ({"image": "[]"}, "not one of base64 texts"),
    ({"image": "[3]"}, "not one of base64 texts"),
    ({"question": " "}, "a question or an answer is missing"),
    ({"answer": ""}, "a question or an answer is missing"),
    ({"answer": "C"}, "not the letter of an option"),
    ({"answer": "dog"}, "not the letter of an option"),
    ({"B": "", "C": "cow"}, "its options are A, C: one between them is missing"),
    ({"index": "1"}, "was there before"),
    ({"index": ""}, "the index '' is empty"),
]


@pytest.mark.parametrize(("cells", "reason"), BAD)
def test_a_bad_row_is_left_out_and_named(benchmark, cells, reason):
    found = benchmark(row(1), row(2) | cells, row(3))
    assert [problem.id for problem in found.problems] == ["MMStar/1", "MMStar/3"]
    assert len(found.rows) == 2
    (fault,) = found.faults
    assert fault.startswith("MMStar.tsv, line 3: ")
    assert reason in fault


def test_a_row_with_too_few_or_too_many_cells_is_named(tmp_path):
    path = write(tmp_path / "b.tsv", [row(1)])
    with path.open("a") as file:
        file.write("2\tx\n3" + "\tx" * 20 + "\n")
    faults = read(path, tmp_path / "images").faults
    assert faults == [f"b.tsv, line {line}: not as many cells as there are columns" for line in (3, 4)]


def test_a_file_that_is_no_benchmark_is_refused(tmp_path):
    path = tmp_path / "b.tsv"
    with pytest.raises(MissingError, match="can't be read: No such file"):
        read(path, tmp_path / "images")
    for content in (b"", b"index\tquestion\n1\tx\n", bytes(range(256)) * 40, "índex\timage".encode("utf-16")):
        path.write_bytes(content)
        with pytest.raises(DataError, match="lacks the columns"):
            read(path, tmp_path / "images")
    write(path, [row(image="x" * 99)])
    with pytest.raises(DataError, match=r"no row of b can be used: .* line 2: its image is not base64"):
        read(path, tmp_path / "images")


def test_a_field_of_a_megabyte_is_read_and_the_limit_put_back(benchmark):
    before = csv.field_size_limit()
    noise = Image.frombytes("RGB", (700, 700), Random(1).randbytes(700 * 700 * 3))
    data = io.BytesIO()
    noise.save(data, "PNG")
    text = pybase64.b64encode(data.getvalue()).decode()
    assert len(text) > 2**20 > before
    assert len(benchmark(row(image=text), row(2, question="x" * 2**20)).problems) == 2
    assert csv.field_size_limit() == before < sys.maxsize


def test_a_limit_is_one_of_rows_that_can_be_asked(benchmark):
    found = benchmark(row(1, answer="Z"), row(2), row(3), limit=1)
    assert [problem.id for problem in found.problems] == ["MMStar/2"]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
CELLS = st.lists(st.tuples(TEXTS.filter(str.strip), TEXTS), min_size=1, max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(cells=CELLS)
def test_a_prediction_file_gives_back_the_rows_and_the_predictions(benchmark, tmp_path, cells):
    rows = [row(number, question=question, category=answer) for number, (question, answer) in enumerate(cells)]
    found = benchmark(*rows)
    answers = [answer for _, answer in cells]
    path = predictions.write(tmp_path / "raw", "my model_stage-beam (rules)", found, answers)[0]
    assert path.name == "my-model_stage-beam-rules_MMStar.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        read_back = list(csv.DictReader(file, delimiter="\t"))
    without_image = [{name: cell for name, cell in given.items() if name != "image"} for given in rows]
    assert read_back == [given | {"prediction": answer} for given, answer in zip(without_image, answers, strict=True)]


def test_a_workbook_is_written_where_openpyxl_is_installed(benchmark, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    given = ["=1+1", "a\x0bb"]
    paths = predictions.write(tmp_path, "m", benchmark(row(1), row(2)), given)
    assert [path.name for path in paths] == ["m_MMStar.tsv", "m_MMStar.xlsx"]
    sheet = openpyxl.load_workbook(paths[1]).active
    assert [cell.value for cell in sheet["H"]] == ["prediction", "=1+1", "a\ufffdb"]
    assert sheet["H2"].data_type == "s"
