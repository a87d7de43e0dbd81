"""Traces that were made elsewhere: read whole or damaged, once or twice, and as good as any other from then on."""

import io
import json
import sqlite3
import struct
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import exports
from curation import imports, registry
from curation.import_ import BATCH
from curation.imports import DataSet, Owner, _images
from curation.imports._images import Joined
from curation.prompts.wording import answer_text
from curation.registry import names
from curation.store import Store
from curation.store.steps import put_issues
from exports import Item, jsonl
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace, parse_answer
from tests import records, strategies
from tests.workbench import here, report, start

REAL = Path(__file__).parents[2] / "shared/data"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
STAGES = Stages(summary="Look.", caption="Two bars, 3 and 4.", reasoning="4 is more than 3.", conclusion="4")
TAGGED = answer_text(STAGES)


def png(shade: int = 0) -> bytes:
    data = io.BytesIO()
    Image.new("L", (8, 8), shade).save(data, "PNG")
    return data.getvalue()


def record(number: int = 0, answer: object = TAGGED, **fields: Any) -> dict[str, Any]:
    talk = [{"from": "human", "value": f"How high is bar {number}?"}, {"from": "gpt", "value": answer}]
    return {"id": f"r{number}", "image": "coco/train2017/0.png", "conversations": talk} | fields


def lines(path: Path, some: Iterable[object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in some), encoding="utf-8")


def dataset(folder: Path, some: Iterable[object], images: int = 1) -> Path:
    """Write records, and so many images in the folder that their paths name."""
    lines(folder / "train.jsonl", some)
    for number in range(images):
        path = folder / f"coco/train2017/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return folder


def zipped(images: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in images.items():
            archive.writestr(name, content)
    return data.getvalue()


def split_zip(folder: Path, data: bytes, parts: int = 16) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-len(data) // parts)
    for number in range(parts):
        part = data[number * size : (number + 1) * size]
        (folder / f"image.zip.part-a{'abcdefghijklmnop'[number]}").write_bytes(part)


@pytest.fixture
def read(tmp_path):
    """Import what lies in `d` into the workspace `w`, and return the report."""

    def run(*flags: object, data: str = "d") -> dict[str, Any]:
        return report("import", "--data", tmp_path / data, "--workspace", tmp_path / "w", *flags)

    return run


def refused(tmp_path: Path, *flags: object) -> str:
    done = here("import", "--data", tmp_path / "d", "--workspace", tmp_path / "w", *flags)
    assert done.returncode == 2, done.stdout
    assert done.stderr.count("\n") == 1
    return done.stderr


def held(workspace: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows that say what was imported."""
    with closing(sqlite3.connect(workspace / "curation.db")) as database:
        tables = ("samples", "traces", "issues", "checks", "failures")
        return {table: sorted(database.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}


def released(workspace: Path, *flags: object) -> list[Item]:
    report("export", "--workspace", workspace, "--format", "jsonl", "--out", workspace / "out", *flags)
    return list(jsonl.read(workspace / "out"))


def issues(workspace: Path) -> dict[str, int]:
    return {code: count for _, code, _, count in report("status", "--workspace", workspace)["issues"]}


# LLaVA-CoT-100k


def test_the_form_of_llava_cot_100k_is_read_with_its_images_in_the_parts_of_a_zip(tmp_path):
    folder = tmp_path / "LLaVA-CoT-100k"
    pictures = {f"sqa/train/{number}/image.png": png(number) for number in range(40)}
    lines(folder / "train.jsonl", [record(i, image=name) for i, name in enumerate(pictures)])
    split_zip(folder, zipped(pictures))
    before = sorted(folder.rglob("*"))
    done = report("import", "--data", folder, "--workspace", tmp_path / "w")
    assert (done["rows"], done["samples"], done["traces"], done["unusable_rows"]) == (40, 40, 40, {})
    stored = {path.read_bytes() for path in (tmp_path / "w/images").rglob("*.png")}
    assert stored == set(pictures.values())
    assert sorted(folder.rglob("*")) == before
    (item, *_) = released(tmp_path / "w")
    assert item.sample.id.startswith("llava-cot-100k/train/r")
    assert item.sample.licence == "Apache-2.0"
    assert "2411.10440" in item.sample.citation
    assert item.sample.labels["images"] == "sqa"
    assert item.sample.labels["record"].startswith("train.jsonl, record ")
    assert (item.traces[0].provenance.kind, item.traces[0].stages) == ("imported", STAGES)


DAMAGE = {
    "import:untagged": "Bar 0 is 4 high.",
    "import:no-answer": " \n",
    "structure:unclosed": TAGGED.removesuffix("</CONCLUSION>"),
    "structure:missing": TAGGED.replace("<CAPTION> Two bars, 3 and 4. </CAPTION>", ""),
    "structure:doubled": TAGGED + TAGGED[TAGGED.index("<CONCLUSION>") :],
    "structure:reordered": "<CONCLUSION> 4 </CONCLUSION>" + TAGGED[: TAGGED.index("<CONCLUSION>")],
    "structure:nested": TAGGED.replace("Look.", "<CAPTION> Look. </CAPTION>"),
    "structure:empty": TAGGED.replace("Look.", ""),
    "structure:text-outside": f"Sure! {TAGGED}",
}


@pytest.mark.parametrize("code", DAMAGE)
def test_an_answer_that_is_no_trace_is_an_issue_of_its_kind_and_its_sample_is_kept(tmp_path, read, code):
    dataset(tmp_path / "d", [record(0, DAMAGE[code]), record(1)])
    done = read()
    assert (done["samples"], done["traces"], done["untraced"]) == (2, 1, 1)
    assert done["issues"][code] >= 1  # one for each stage that is wrong
    assert issues(tmp_path / "w")[code] == done["issues"][code]
    (row,) = report("status", "--workspace", tmp_path / "w")["sources"]
    assert (row["turns"], row["traced"], row["failed"], row["pending"]) == (2, 1, 1, 0)


def test_every_kind_of_damage_is_counted(tmp_path, read):
    talk = record()["conversations"]
    pair = [{"from": "human", "value": "And now?"}, {"from": "gpt", "value": "raw"}]
    some = [
        record(0),
        record(0),  # doubled
        record(0, DAMAGE["import:untagged"]),  # doubled, with another answer
        record(1, conversations=talk + pair),  # a raw turn behind a good one
        record(2, conversations=[*talk, pair[0]]),  # a question that nobody answers
        record(3, image="coco/train2017/9.png"),
        record(4, image="../../etc/passwd"),
        record(5, image="/etc/passwd"),
        record(6, image="coco/pointer.png"),
        record(7, image=None),
        record(8, image=7),
        record(9, answer=None),
        record(10, conversations=pair[1:]),
        record(11, conversations=[]),
        record(12, conversations=[{"from": "human", "value": "<image>"}, pair[1]]),
        record(13, conversations=["hi"]),
        record(14, conversations=[{"from": "tool", "value": "x"}, *pair]),
        record(15, conversations="hi"),
        record(16, answer="\ud800"),
        ["no", "object"],
    ]
    folder = dataset(tmp_path / "d", some)
    (folder / "coco/pointer.png").write_bytes(POINTER)
    done = read()
    assert done["rows"] == len(some)
    assert done["unusable_rows"] == {
        "source:image-missing": 1,
        "source:image-outside": 2,
        "source:image-lfs-pointer": 1,
        "source:bad-record": 9,
        "source:empty-question": 1,
    }
    assert done["remarks"] == {"source:duplicate-row": 1, "source:duplicate-id": 1, "source:text-only": 1}
    assert (done["samples"], done["turns"], done["traces"], done["untraced"]) == (4, 6, 4, 2)
    assert {code: done["issues"][code] for code in done["issues"] if code.startswith("import:")} == {
        "import:untagged": 1,
        "import:no-answer": 1,
    }
    (row,) = report("status", "--workspace", tmp_path / "w")["sources"]
    assert (row["samples"], row["unusable"]) == (4, 14)
    assert here("import", "--data", folder, "--workspace", tmp_path / "w").returncode == 1


def test_a_raw_turn_stays_in_its_sample_and_never_gets_into_a_release(tmp_path, read):
    talk = [
        ("human", "First?"),
        ("gpt", TAGGED),
        ("human", "Then?"),
        ("gpt", "raw"),
        ("human", "Last?"),
        ("gpt", TAGGED),
    ]
    dataset(tmp_path / "d", [record(conversations=[{"from": who, "value": said} for who, said in talk])])
    read()
    (item,) = released(tmp_path / "w")
    assert [turn.question for turn in item.sample.turns] == ["First?", "Then?", "Last?"]
    assert [trace.turn for trace in item.traces] == [0, 2]
    assert all(turn.scorer is None and not turn.targets for turn in item.sample.turns)


# Again


def test_importing_again_changes_nothing(tmp_path, read):
    dataset(tmp_path / "d", [record(i, answer) for i, answer in enumerate([TAGGED, *DAMAGE.values()])])
    first = read()
    before = held(tmp_path / "w")
    again = read()
    assert held(tmp_path / "w") == before
    assert (first["traces"], first["already"]) == (again["already"], again["traces"]) == (1, 0)
    assert again["untraced"] == len(DAMAGE)


def test_what_is_mended_is_traced_and_its_issues_are_gone(tmp_path, read):
    dataset(tmp_path / "d", [record(0, DAMAGE["import:untagged"]), record(1, DAMAGE["structure:empty"]), record(2)], 0)
    assert read()["unusable_rows"] == {"source:image-missing": 3}
    dataset(tmp_path / "d", [record(0, DAMAGE["import:untagged"]), record(1, DAMAGE["structure:empty"]), record(2)])
    assert read()["samples"] == 3
    assert set(issues(tmp_path / "w")) == {"import:untagged", "structure:empty"}
    dataset(tmp_path / "d", [record(0), record(1), record(2)])
    assert read()["traces"] == 2
    assert issues(tmp_path / "w") == {}
    (row,) = report("status", "--workspace", tmp_path / "w")["sources"]
    assert (row["rows"], row["traced"], row["failed"]) == (3, 3, 0)


def test_an_answer_that_was_rewritten_stands_for_its_turn(tmp_path, read):
    dataset(tmp_path / "d", [record()])
    read()
    dataset(tmp_path / "d", [record(answer=TAGGED.replace("Look.", "Look well."))])
    assert read()["traces"] == 1
    ((item),) = released(tmp_path / "w")
    assert [trace.stages.summary for trace in item.traces] == ["Look well."]


def stored(workspace: Path) -> int:
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(workspace / "curation.db")) as database:
        return int(database.execute("SELECT COUNT(*) FROM samples").fetchone()[0])
    return 0


def reached(workspace: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many samples are stored by a process that has not ended."""
    while stored(workspace) < count:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            raise AssertionError(process.communicate())


def test_kill_9_leaves_whole_batches_and_the_same_command_goes_on(tmp_path, read):
    answers, many = [TAGGED, DAMAGE["import:untagged"]], 3 * BATCH
    dataset(tmp_path / "d", [record(i, answers[i % 5 == 0]) for i in range(many)])
    workspace = tmp_path / "w"
    with start("import", "--data", tmp_path / "d", "--workspace", workspace) as process:
        reached(workspace, BATCH, process)
        process.kill()
    left = held(workspace)
    count = len(left["samples"])
    assert BATCH <= count < many
    assert count % BATCH == 0
    assert len(left["traces"]) == count * 4 // 5
    done = read()
    assert done["already"] == len(left["traces"])
    assert done["already"] + done["traces"] == many * 4 // 5
    after = held(workspace)
    assert [len(after[table]) for table in ("samples", "traces", "failures")] == [many, many * 4 // 5, many // 5]
    assert len(after["checks"]) == many * 4 // 5 * len(names("curation.validators"))


def test_importing_on_postgresql_twice_changes_nothing(tmp_path, postgres_url):
    dataset(tmp_path / "d", [record(0), record(1, DAMAGE["import:untagged"])])
    flags, where = ("--data", tmp_path / "d", "--workspace", tmp_path / "w"), {"CURATION_STORE": postgres_url}
    assert report("import", *flags, **where)["traces"] == 1
    again = report("import", *flags, **where)
    assert (again["traces"], again["already"], again["untraced"]) == (0, 1, 1)
    (row,) = report("status", "--workspace", tmp_path / "w", **where)["sources"]
    assert (row["traced"], row["failed"]) == (1, 1)


# What follows


def test_imported_traces_are_checked_exported_and_imported_as_what_they_were(tmp_path, read):
    texts = [
        Stages(summary=f"s{i}", caption=f"c {i}\n\nd", reasoning=f"r <b>{i}</b>", conclusion=f"{i}") for i in range(9)
    ]
    dataset(tmp_path / "d", [record(i, answer_text(stages)) for i, stages in enumerate(texts)])
    read()
    checked = report("validate", "--workspace", tmp_path / "w")
    assert not any(checked["checked"][name] for name in names("curation.validators"))
    assert checked["sources"][0]["traced"] == 9
    report("export", "--workspace", tmp_path / "w", "--format", "llava", "--select", "all", "--out", tmp_path / "ours")
    again = report("import", "--data", tmp_path / "ours", "--name", "ours", "--workspace", tmp_path / "w")
    assert again["traces"] == 9
    both = released(tmp_path / "w", "--select", "all")
    found = {name: {item.traces[0].stages for item in both if item.sample.source == name} for name in ("d", "ours")}
    assert found["d"] == found["ours"] == set(texts)
    assert {item.sample.images for item in both if item.sample.source == "ours"} == {both[0].sample.images}


def test_a_release_can_be_built_of_what_was_imported_alone(tmp_path, read):
    dataset(tmp_path / "d", [record()])
    read("--name", "theirs")
    assert [item.sample.source for item in released(tmp_path / "w", "--source", "theirs")] == ["theirs"]
    done = here("export", "--workspace", tmp_path / "w", "--source", "thiers", "--out", tmp_path / "none")
    assert done.returncode == 2
    assert "no source named 'thiers'" in done.stderr


def test_imported_traces_wait_for_reviewers(tmp_path, read):
    dataset(tmp_path / "d", [record()])
    read()
    done = here("review", "next", "--workspace", tmp_path / "w", "--reviewer", "ada", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["records"][0]["sample_id"].startswith("d/train/r0-")


def test_an_imported_trace_with_an_error_can_be_repaired(tmp_path, read):
    dataset(tmp_path / "d", [record()])
    read()
    ((item),) = released(tmp_path / "w")
    with Store.open(tmp_path / "w") as store:
        store.write(put_issues, [records.issue(item.traces[0])])
    done = report("annotate", "--repair", "--source", "d", "--offline", "--workspace", tmp_path / "w")
    assert done["traces"] == 1
    wrong = here("annotate", "--repair", "--source", "e", "--offline", "--workspace", tmp_path / "w")
    assert (wrong.returncode, "no source named 'e'" in wrong.stderr) == (2, True)


def item(stages: Stages) -> Item:
    sample = Sample(id="src/train/1", turns=(Turn(question="What?"),))
    provenance = Provenance(kind="model", created_at=records.BEGIN)
    return Item(sample, (Trace(sample_id=sample.id, turn=0, stages=stages, provenance=provenance),), "train")


def read_back(folder: Path, form: str = "llava") -> list[str | None]:
    with DataSet(folder, (), imports.get(form), Owner("x")) as data:
        return [answer for row in data.rows() for answer in data.read(row).answers]


@settings(max_examples=60)
@given(strategies.stages(strategies.unicode_text))
def test_whatever_is_exported_reads_back_as_the_same_stages(stages):
    with tempfile.TemporaryDirectory() as name:
        exports.get("llava").write([item(stages)], Path(name), lambda ref: Path())
        (answer,) = read_back(Path(name))
    assert parse_answer(answer or "") == stages


# Formats


@pytest.fixture(params=names("curation.imports"))
def form(request: pytest.FixtureRequest) -> ModuleType:
    return registry.load("curation.imports", request.param)


def test_a_format_says_what_it_reads(form):
    assert form.__doc__
    assert isinstance(form.KEY, str)
    assert isinstance(form.OTHER_KEYS, tuple)
    with pytest.raises(imports.NotOfFormat):
        form.read({form.KEY: [7]})


@given(value=strategies.json_values())
def test_a_format_raises_nothing_else_for_any_list(value):
    for name in names("curation.imports"):
        form = imports.get(name)
        with suppress(imports.NotOfFormat):
            form.read({form.KEY: value if isinstance(value, list) else [value], "id": value, "image": value})


@given(said=st.lists(st.tuples(st.sampled_from(["human", "gpt"]), st.sampled_from(["a", "b", "<image>\nc"]))))
def test_every_question_and_every_answer_is_in_an_exchange_or_the_record_is_refused(said):
    try:
        talk = imports.get("llava").read({"conversations": [{"from": who, "value": text} for who, text in said]})
    except imports.NotOfFormat:
        assert not said or any(who == "gpt" and (i == 0 or said[i - 1][0] == "gpt") for i, (who, _) in enumerate(said))
        return
    asked = [text.removeprefix("<image>\n") for who, text in said if who == "human"]
    assert [exchange.question for exchange in talk.exchanges] == asked
    assert [e.answer for e in talk.exchanges if e.answer is not None] == [text for who, text in said if who == "gpt"]


def parts(*texts: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text} for text in texts]


@pytest.mark.parametrize(
    "fields",
    [
        {"content": "<image>\nHow high?", "images": ["coco/train2017/0.png"]},
        {"content": "How high?\n<image>", "images": [{"path": "coco/train2017/0.png", "bytes": None}]},
        {"content": [{"type": "image"}, *parts("How high?")], "images": ["coco/train2017/0.png"]},
        {"content": [{"type": "image", "image": "coco/train2017/0.png"}, *parts("How ", "high?")]},
        {"content": [*parts("How high?"), {"type": "image_url", "image_url": {"url": "coco/train2017/0.png"}}]},
    ],
)
def test_messages_are_read_however_they_name_their_images(tmp_path, read, fields):
    content, images = fields["content"], {key: fields[key] for key in fields if key == "images"}
    talk = [{"role": "user", "content": content}, {"role": "assistant", "content": TAGGED}]
    dataset(tmp_path / "d", [{"messages": talk, **images}])
    assert read("--format", "messages")["traces"] == 1
    (found,) = released(tmp_path / "w")
    assert found.sample.turns[0].question == "How high?"
    assert len(found.sample.images) == 1
    assert found.traces[0].stages == STAGES


def test_a_system_prompt_and_places_without_an_image_are_remarked(tmp_path, read):
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "<image><image>What?"},
        {"role": "assistant", "content": parts(TAGGED)},
    ]
    dataset(tmp_path / "d", [{"messages": talk, "images": ["coco/train2017/0.png"]}])
    assert read("--format", "messages")["remarks"] == {"source:image-marks": 1, "source:system-prompt": 1}


def test_an_array_is_read_like_lines(tmp_path, read):
    folder = dataset(tmp_path / "d", [])
    (folder / "train.jsonl").unlink()
    (folder / "some.json").write_text(json.dumps([record(0), record(1)], indent=1), encoding="utf-8-sig")
    assert read()["traces"] == 2


def test_several_images_and_a_known_answer_are_kept(tmp_path, read):
    dataset(
        tmp_path / "d", [record(image=["coco/train2017/0.png", "coco/train2017/1.png"], answer_="", answers=["4"])], 2
    )
    lines(tmp_path / "d/train.jsonl", [record(image=[f"coco/train2017/{i}.png" for i in (0, 1)]) | {"answers": ["4"]}])
    read()
    (found,) = released(tmp_path / "w")
    assert len(found.sample.images) == 2
    assert found.sample.turns[0].targets == ("4",)


def test_ids_are_the_records_own_and_apart_where_the_questions_are(tmp_path, read):
    same = {"id": "a b/7"}
    dataset(tmp_path / "d", [record(0) | same, record(1) | same, record(2) | {"id": 12}, record(3) | {"id": None}])
    read()
    ids = [item.sample.id for item in released(tmp_path / "w")]
    assert len(set(ids)) == 4
    assert sum(name.startswith("d/train/a%20b/7-") for name in ids) == 2
    assert sum(name.startswith("d/train/12-") for name in ids) == 1


@pytest.mark.parametrize("text", ["\0", "\u202eabc", "🦉" * 3, "x" * 100_000, "\x1a0000"])
def test_hostile_text_is_kept_as_it_is(tmp_path, read, text):
    stages = STAGES.model_copy(update={"caption": f"a{text}b"})
    dataset(tmp_path / "d", [record(0, answer_text(stages), id=f"i{text[:50]}")])
    assert read()["traces"] == 1
    (found,) = released(tmp_path / "w", "--select", "all")
    assert found.traces[0].stages == stages


# Places


def test_every_split_is_read_or_the_one_that_is_named(tmp_path, read):
    folder = dataset(tmp_path / "d", [record(0)])
    lines(folder / "test.jsonl", [record(1), record(2)])
    (folder / "manifest.json").write_text("{}")
    assert read("--split", "test")["samples"] == 2
    assert read()["samples"] == 3
    assert read("--split", "dev", data="d/test.jsonl")["samples"] == 2
    ids = {item.sample.split for item in released(tmp_path / "w")}
    assert ids == {"train", "test", "dev"}


def test_a_draw_is_the_same_for_the_same_seed(tmp_path):
    dataset(tmp_path / "d", [record(i) for i in range(60)])
    drawn = []
    for number, seed in enumerate((1, 1, 2)):
        flags = ("--limit", 7, "--seed", seed, "--workspace", tmp_path / f"w{number}")
        assert report("import", "--data", tmp_path / "d", *flags)["rows"] == 7
        drawn.append([row[0] for row in held(tmp_path / f"w{number}")["samples"]])
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_record_that_is_cut_off_is_named_and_those_before_it_are_kept(tmp_path, read):
    folder = dataset(tmp_path / "d", [])
    whole = json.dumps([record(i) for i in range(5)])
    (folder / "train.json").write_text(whole[:-200])
    (folder / "train.jsonl").unlink()
    done = read()
    assert (done["samples"], done["unusable_rows"]) == (4, {"source:damaged-file": 1})


def break_(data: bytes, name: str) -> bytes:
    at = data.index(name.encode()) + len(name)
    return data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]


def test_what_is_wrong_with_a_member_of_a_zip_is_a_matter_of_its_record(tmp_path, read, monkeypatch):
    monkeypatch.setattr(_images, "MAX_BYTES", 5000)
    names_ = ["good.png", "bomb.png", "broken.png", "lies.png", "../climbs.png", "text.png"]
    members = dict.fromkeys(names_, png()) | {"bomb.png": bytes(6000), "lies.png": bytes(4000), "text.png": b"hi"}
    data = break_(zipped(members), "broken.png")
    entry = data.rindex(b"lies.png") - 46  # its size in the directory becomes smaller than what is there
    data = data[: entry + 24] + struct.pack("<I", 10) + data[entry + 28 :]
    dataset(tmp_path / "d", [record(i, image=name) for i, name in enumerate(names_)], 0)
    (tmp_path / "d/images.zip").write_bytes(data)
    done = read()
    assert done["samples"] == 2  # a member has no place on the disk that it could climb to
    assert done["unusable_rows"] == {"source:image-too-large": 1, "source:image-unreadable": 3}
    assert {path.read_bytes() for path in (tmp_path / "w/images").rglob("*.png")} == {png()}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "image.zip.part-ac").unlink(), "image.zip.part-ac is missing"),
        (lambda folder: (folder / "image.zip.part-ap").unlink(), "part-ao is the last of 15 parts"),
        (lambda folder: (folder / "image.zip.part-aa").write_bytes(POINTER), "git lfs pull"),
    ],
)
def test_a_zip_that_lacks_something_is_told_with_what(tmp_path, spoil, told):
    folder = dataset(tmp_path / "d", [record()], 0)
    noise = Image.effect_noise((200, 200), 90)
    data = io.BytesIO()
    noise.save(data, "PNG")
    split_zip(folder, zipped({"coco/train2017/0.png": data.getvalue()}))
    spoil(folder)
    assert told in refused(tmp_path)


@given(
    st.lists(st.binary(max_size=9), min_size=1, max_size=5), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)))
)
@settings(max_examples=60)
def test_files_that_are_joined_read_like_one(pieces, places):
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / str(number) for number in range(len(pieces))]
        for path, piece in zip(paths, pieces, strict=True):
            path.write_bytes(piece)
        one = io.BytesIO(b"".join(pieces))
        with Joined(paths) as joined, io.BufferedReader(joined, 4) as several:
            assert several.seek(0, io.SEEK_END) == one.seek(0, io.SEEK_END)
            for start_, count in places:
                assert several.seek(start_) == one.seek(start_)
                assert several.read(count) == one.read(count)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--format", "lava"), "no format named 'lava'; did you mean 'llava'?"),
        (("--format", "messages"), "expected lines with messages"),
        (("--seed", 1), "--limit"),
        (("--name", "chartqa"), "chartqa is a source of this program"),
        (("--name", "a/b"), "can't be a name"),
        (("--split", "../x"), "expected"),
        (("--split", "test"), "train.jsonl"),
    ],
)
def test_what_can_not_be_imported_is_told_in_a_line(tmp_path, flags, told):
    dataset(tmp_path / "d", [record()])
    assert told in refused(tmp_path, *flags)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "expected"),
        ({"a.json": b"[]", "b.json": b"[]"}, "a.json, b.json"),
        ({"train.jsonl": POINTER}, "git lfs pull"),
        ({"train.jsonl": b"\x80\x04]q\x00."}, "not JSON"),
        ({"train.json": b'{"a": 1}'}, "another data set"),
    ],
)
def test_a_folder_without_readable_records_is_told_in_a_line(tmp_path, files, told):
    (tmp_path / "d").mkdir()
    for name, content in files.items():
        (tmp_path / "d" / name).write_bytes(content)
    assert told in refused(tmp_path)


@pytest.fixture
def sharegpt4v(tmp_path) -> Iterator[Path]:
    source = REAL / "sharegpt4v/sharegpt4v_instruct_gpt4-vision_cap100k.json"
    if not source.exists():
        pytest.skip("the real ShareGPT4V record is not here")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / source.name).write_bytes(source.read_bytes())
    return tmp_path / "d"


def test_a_real_record_of_sharegpt4v_is_read_and_its_image_is_missed_or_only_a_pointer(sharegpt4v, read):
    assert read()["unusable_rows"] == {"source:image-missing": 1}
    (sharegpt4v / "coco").symlink_to(REAL / "_defects/lfs_pointer/coco")
    assert set(read()["unusable_rows"]) == {"source:image-outside"}
    (sharegpt4v / "coco").unlink()
    (sharegpt4v / "coco/train2017").mkdir(parents=True)
    (sharegpt4v / "coco/train2017/000000000009.jpg").write_bytes(png())
    done = read()
    assert (done["samples"], done["issues"]) == (1, {"import:untagged": 1})
