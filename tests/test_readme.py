"""README is true: its commands run, its examples work, its map, flags, links and messages are those of the code.

Each section is one test, in a copy of the code. An HTML comment before a fence says what is special about a block:
`<!-- not run: why -->`, or `<!-- beside the next block -->` for one that serves until Ctrl-C.
"""

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from cyclopts import App

from curation.__main__ import build
from schemas.trace import Stages, parse_tagged

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OFFICIAL = ROOT.parent / "shared/data/chartqa"
"""Holds the folder `ChartQA Dataset`, where there is one."""

_FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_PROSE = re.sub(_FENCE, "", README)


class Block(NamedTuple):
    mark: str
    language: str
    text: str


class Command(NamedTuple):
    line: str
    exit_code: int
    output: list[str]
    """Lines that README shows of it."""


def blocks(text: str = README) -> list[Block]:
    return [Block(found["mark"] or "", found["language"], found["text"]) for found in _FENCE.finditer(text)]


def sections() -> dict[str, list[Block]]:
    """The blocks that are run, by the heading above them."""
    parts = {part.partition("\n")[0]: blocks(part) for part in README.split("\n## ")}
    run = {
        title: [b for b in some if b.language in {"console", "python"} and not b.mark.startswith("not run")]
        for title, some in parts.items()
    }
    return {title: some for title, some in run.items() if some}


def commands(block: Block) -> list[Command]:
    found = []
    for part in block.text.removeprefix("$ ").split("\n$ "):
        line, *output = part.rstrip().split("\n")
        code = re.search(r"  # exit (\d)$", line)
        found.append(Command(line, int(code[1]) if code else 0, output))
    return found


_PYTHON = """
import contextlib, io, json, sys
from curation.__main__ import main
for line in sys.stdin:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(json.loads(line))
    print(json.dumps([code, out.getvalue()]), flush=True)
"""
"""Runs commands one after the other: starting Python anew takes longer than most of them."""


class Checkout:
    """A copy of the code with a clean environment around it: no key, no settings, a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        for package in ("curation", "exports", "schemas"):
            shutil.copytree(ROOT / package, self.folder / package)
        programs, home = folder / "bin", folder / "home"
        programs.mkdir()
        home.mkdir()
        python = programs / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error "$@"\n')
        python.chmod(0o755)
        env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home), "HF_HUB_OFFLINE": "1"}
        self._place: dict[str, Any] = {"cwd": self.folder, "env": env, "text": True}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])  # for the simulator's, which may be taken
        self._python = self._start("python", "-c", _PYTHON)

    def _start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, **self._place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def close(self) -> None:
        self._python.communicate(timeout=60)

    def run(self, block: Block) -> None:
        if block.language == "console":
            for command in commands(block):
                code, out = self._run(command.line.replace("8811", self._port))
                assert code == command.exit_code, f"{command.line}\n{out}"
                printed = {_shape(line) for line in out.splitlines()}
                assert not [line for line in command.output if _shape(line) not in printed], f"{command.line}\n{out}"
        elif named := re.match(r"# ([\w/]+\.py)\n", block.text):
            (self.folder / named[1]).write_text(block.text, encoding="utf-8")
        else:
            subprocess.run(["python", "-c", block.text], **self._place, check=True, timeout=120)

    def _run(self, line: str) -> tuple[int, str]:
        words = shlex.split(line, comments=True)
        if words[:3] == ["python", "-m", "curation"]:
            assert self._python.stdin is not None
            assert self._python.stdout is not None
            self._python.stdin.write(json.dumps(words[3:]) + "\n")
            self._python.stdin.flush()
            code, out = json.loads(self._python.stdout.readline())
            return code, out
        done = subprocess.run(["/bin/bash", "-c", line], **self._place, capture_output=True, check=False, timeout=120)
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def beside(self, block: Block) -> Iterator[None]:
        """Serve while the next block runs."""
        (command,) = commands(block)
        with self._start(*shlex.split(command.line.replace("8811", self._port))) as process:
            try:
                assert process.stdout is not None
                assert "listens on" in process.stdout.readline()
                yield
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
        assert process.returncode == command.exit_code


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path)
    yield made
    made.close()


def _shape(line: str) -> str:
    """What stays of a line when the figures and the width of the columns change."""
    return " ".join(re.sub(r"\d[\d,.]*", "#", line).split())


@pytest.mark.parametrize("title", sections())
def test_what_a_section_shows_works(title: str, checkout: Checkout) -> None:
    some = sections()[title]
    if any("--data ChartQA" in block.text for block in some):
        if not OFFICIAL.is_dir():
            pytest.skip(f"the official ChartQA folder is not at {OFFICIAL}")
        (checkout.folder / "ChartQA").symlink_to(OFFICIAL)
    waiting = iter(some)
    for block in waiting:
        if block.mark == "beside the next block":
            with checkout.beside(block):
                checkout.run(next(waiting))
        else:
            checkout.run(block)


def test_there_is_an_example_of_each_plugin() -> None:
    files = [re.match(r"# (.+)/\w+\.py\n", block.text) for block in blocks() if block.language == "python"]
    folders = {"curation/sources", "curation/scorers", "curation/recipes", "curation/validators", "exports"}
    assert {found[1] for found in files if found} == folders


def test_blocks_that_are_not_run_say_why() -> None:
    marks = {block.mark for block in blocks()}
    assert all(re.fullmatch(r"not run: .+|beside the next block|", mark) for mark in marks)


def test_the_example_is_a_trace() -> None:
    (example,) = [block.text for block in blocks() if "<SUMMARY>" in block.text]
    assert isinstance(parse_tagged(example), Stages)


def mapped() -> set[str]:
    """The paths that the map names, folders with a slash at the end."""
    (tree,) = [block.text for block in blocks() if block.text.startswith("schemas/")]
    paths, folder = set(), ""
    for line in tree.splitlines():
        name, about = line.split(maxsplit=1) if len(line.split()) > 1 else (line.strip(), "")
        folder = folder if line.startswith(" ") else name
        inside = folder if line.startswith(" ") else ""
        paths |= {inside + name} | {inside + other for other in re.findall(r"\w+(?:\.py|/)", about)}
    return paths


def test_the_map_names_what_exists_and_all_of_curation() -> None:
    missing = {path for path in mapped() if not (ROOT / path).exists()}
    assert not missing
    modules = {f"curation/{file.name}" for file in (ROOT / "curation").glob("*.py")} - {"curation/__init__.py"}
    packages = {f"curation/{file.parent.name}/" for file in (ROOT / "curation").glob("*/__init__.py")}
    top = {f"{file.parent.name}/" for file in ROOT.glob("*/__init__.py")}
    assert modules | packages | top - {"tests/"} <= mapped()


def test_the_arrows_of_the_readme_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    checked = [{name.strip().removeprefix("curation.") for name in layer.split("|")} for layer in reversed(layers)]
    sentence = next(part for part in README.split("\n\n") if "←" in part)
    arrows = [re.findall(r"`(\w+)`", part) for part in sentence.partition("In short: ")[2].split("←")]
    places = [
        {place for name in part for place, layer in enumerate(checked) if name in layer} for part in arrows if part
    ]
    assert all(max(below) < min(above) for below, above in pairwise(places))
    assert {name for part in arrows for name in part} <= set().union(*checked)


def addressed(words: list[str]) -> App:
    """The command that a line's first words name."""
    app = build()
    for word in words:
        if word.startswith("-") or word not in app:
            break
        app = app[word]
    return app


def flags(app: App) -> set[str]:
    own = app.assemble_argument_collection() if app.default_command else ()
    below = (flags(app[name]) for name in app if not name.startswith("-"))
    return {name for argument in own for name in argument.names}.union(*below)


def test_every_flag_exists() -> None:
    for block in blocks():
        for line in re.findall(r"^\$ python -m curation (.*)$", block.text, re.MULTILINE):
            assert set(re.findall(r"--[a-z][a-z-]+", line)) <= flags(addressed(line.split())), line
    known = flags(build()) | {"--help", "--nproc-per-node"}  # the last is torchrun's
    assert set(re.findall(r"--[a-z][a-z-]+", _PROSE)) <= known


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"`make\s(\w+)", README)) <= targets


def test_every_link_leads_somewhere() -> None:
    for name in ("README.md", "CHANGELOG.md"):
        targets = re.findall(r"\]\(<?([^)>]+)>?\)", (ROOT / name).read_text(encoding="utf-8"))
        here = [target for target in targets if not target.startswith("https://")]
        assert not [target for target in here if not (ROOT / unquote(target)).exists()]


def test_every_message_is_one_of_the_code() -> None:
    """What stands in the table of messages stands in the code, but for what fills a place in it."""
    sources = [file for folder in ("curation", "exports") for file in (ROOT / folder).rglob("*.py")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    code = re.sub(r'"\s*\n\s*f?"', "", code)  # texts that go on in the next line
    rows = re.findall(r"^\| (`.*?`) \|", README, re.MULTILINE)
    assert len(rows) > 8
    unknown = [text for row in rows for text in re.findall("`(.+?)`", row) if text not in code]
    assert not unknown
