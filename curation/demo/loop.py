"""The loop on scenes: annotate with planted faults, release, train an arm for each way to curate, verify, probe.

The teacher errs in two ways. At random, in one answer of seven: it sees, reasons or concludes wrongly. And out of
habit: where there are two or more to count, it nearly always leaves one out. Dropping what the checks find cures the
first, but takes nearly all that is hard with the second; asking again, with what was found, brings that back.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from curation import annotate, export, verify
from curation.config import Report, Table
from curation.demo.crowd import Command, Crowd
from curation.probe.report import ProbeReport

_FAULTS = "wrong_caption=0.06,wrong_reasoning=0.04,wrong_conclusion=0.04"
_TEACHER = ("--offline", "--habit", "miscount=0.9")
_ALL, _CLEAN, _REPAIRED = "scenes-all", "scenes-clean", "scenes-repaired"


class Arm(NamedTuple):
    """A model to train: on which release, and on what of it."""

    name: str
    release: str
    arm: str


RAW = Arm("raw", _ALL, "raw")
CURATED = Arm("curated", _ALL, "curated")
REPAIRED = Arm("repaired", _REPAIRED, "curated")
DIRECT = Arm("direct", _ALL, "direct")


class Scale(NamedTuple):
    """How much of everything."""

    scenes: dict[str, int]
    """To draw, by split; train and val are annotated, test is what arms are compared on."""
    steps: int
    arms: tuple[Arm, ...]
    searched: tuple[Arm, ...]
    """Models that are also asked with a stage-level search."""
    questions: int
    """That searches are compared on."""
    folds: int
    suspects: int
    """Traces that the probe goes on from."""
    tokens: int = 160
    """Of an answer at most."""


FULL = Scale(
    {"train": 7000, "val": 200, "test": 2500}, 1000, (RAW, CURATED, REPAIRED, DIRECT), (RAW, REPAIRED), 800, 2, 100
)
QUICK = Scale({"train": 2400, "val": 60, "test": 2000}, 400, (RAW, REPAIRED), (REPAIRED,), 600, 2, 10)


class LoopReport(Report):
    """What each step reported."""

    annotated: annotate.AnnotateReport
    repaired: annotate.AnnotateReport
    clean: export.ExportReport
    """The release of what is left when flawed traces are dropped."""
    mended: export.ExportReport
    """The release of what is clean after asking again."""
    arms: verify.VerifyReport
    searches: verify.VerifyReport
    probe: ProbeReport
    commands: list[str]

    def tables(self) -> list[Table]:
        """Return coverage, the arms side by side, the searches, and what the model found in the traces."""
        after = {stratum.name: stratum for stratum in self.mended.strata}
        rows = [
            (stratum.name, stratum.samples, f"{stratum.share:.1%}", f"{after[stratum.name].share:.1%}")
            for stratum in self.clean.strata
        ]
        return [
            *self.annotated.tables(),
            Table("scenes to train on", ("stratum", "scenes", "clean", "clean after repair"), rows),
            *(table._replace(title=f"arms: {table.title}") for table in self.arms.tables()),
            *(table._replace(title=f"searches: {table.title}") for table in self.searches.tables()[:2]),
            *self.probe.tables(),
        ]

    def lines(self) -> list[str]:
        """Return where the pages are, and the commands that were run."""
        return [
            f"The arms side by side, {self.arms.questions:,} questions: {self.arms.page}",
            f"The searches side by side, {self.searches.questions:,} questions: {self.searches.page}",
            *self.probe.lines(),
            "",
            "The same by hand:",
            *(f"  {command}" for command in self.commands),
        ]


def loop(workspace: Path, scale: Scale) -> LoopReport:
    """Run the loop. What is done stays in the workspace, and running it again goes on from there."""
    crowd = Crowd(workspace / "logs" / "demo")
    annotated = _annotate(crowd, workspace, scale)
    found = crowd.together("the loop", [*_data(workspace), *_models(workspace, scale)])
    reports = {name: found[name] for name in ("repaired", "clean", "mended", "arms", "searches", "probe")}
    return LoopReport.model_validate({**reports, "annotated": annotated, "commands": crowd.lines})


def _annotate(crowd: Crowd, workspace: Path, scale: Scale) -> dict[str, Any]:
    """Draw the scenes; annotate those to train on, and store those to test with."""
    folder = workspace / "scenes"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenes.json").write_text(json.dumps({"seed": 0, "count": scale.scenes}) + "\n", encoding="utf-8")
    place, rows = ("--workspace", str(workspace)), ("--source", "scenes", "--data", str(folder))
    annotated = crowd.run("annotate", *rows, "--split", "train,val", *_TEACHER, "--fault", _FAULTS, *place)
    crowd.run("annotate", *rows, "--split", "test", "--ingest", *place)
    return annotated


def _data(workspace: Path) -> Iterator[Command]:
    """Give what makes the releases: of all traces, of the clean ones, and of the clean ones after repair."""
    place = ("--workspace", str(workspace))

    def release(folder: str, select: str) -> tuple[str, ...]:
        out = str(workspace / "releases" / folder)
        flags = ("--source", "scenes", "--format", "jsonl", "--select", select, "--splits", "source", "--out", out)
        return ("export", *flags, *place)

    yield Command(release(_ALL, "all"), "all")
    yield Command(release(_CLEAN, "clean"), "clean")
    yield Command(("annotate", "--source", "scenes", "--repair", *_TEACHER, *place), "repaired", ("all", "clean"))
    yield Command(release(_REPAIRED, "clean"), "mended", ("repaired",))


def _models(workspace: Path, scale: Scale) -> Iterator[Command]:
    """Give what trains the arms, asks each of them alone, puts the answers side by side, and probes the traces."""
    for arm in scale.arms:
        yield _training(workspace, arm, scale)
    yield _probing(workspace, scale)
    arms, searches = workspace / "runs" / "verify-arms", workspace / "runs" / "verify-searches"
    searching = ("--search", "greedy,stage-beam", "--limit", str(scale.questions))
    for what, out, models, flags in (("ask", arms, scale.arms, ()), ("search", searches, scale.searched, searching)):
        for arm in models:
            alone = _asking(workspace, scale, out, (arm,), *flags)
            yield Command(alone, f"{what} {arm.name}", (f"train {arm.name}",), total=scale.steps // 4, ahead=True)
    yield Command(_asking(workspace, scale, arms, scale.arms), "arms", tuple(f"ask {arm.name}" for arm in scale.arms))
    found = tuple(f"search {arm.name}" for arm in scale.searched)
    yield Command(_asking(workspace, scale, searches, scale.searched, *searching), "searches", found)


def _training(workspace: Path, arm: Arm, scale: Scale) -> Command:
    out = workspace / "runs" / arm.name
    release = str(workspace / "releases" / arm.release)
    flags = ("--family", "tiny", "--arm", arm.arm, "--steps", str(scale.steps), "--threads", "1", "--workers", "0")
    every = ("--eval-every", str(max(1, scale.steps // 5)))
    arguments = ("train", "--release", release, *flags, *every, "--out", str(out))
    after = ("mended",) if arm.release == _REPAIRED else ("all",)
    return Command(arguments, f"train {arm.name}", after, out / "log.jsonl", scale.steps)


def _asking(workspace: Path, scale: Scale, out: Path, arms: tuple[Arm, ...], *flags: str) -> tuple[str, ...]:
    """Ask some of the models; what was asked of each alone before is at hand for all of them together."""
    release = str(workspace / "releases" / _ALL)
    models = ",".join(str(workspace / "runs" / arm.name) for arm in arms)
    place = ("--workspace", str(workspace), "--out", str(out), "--threads", "1", "--at-once", "128")
    return ("verify", "--release", release, "--model", models, *flags, "--max-tokens", str(scale.tokens), *place)


def _probing(workspace: Path, scale: Scale) -> Command:
    release, run, out = (workspace / place for place in (f"releases/{_ALL}", f"runs/{RAW.name}", "runs/probe"))
    flags = ("--folds", str(scale.folds), "--suspects", str(scale.suspects), "--max-tokens", str(scale.tokens))
    place = ("--workspace", str(workspace), "--out", str(out), "--threads", "1")
    arguments = ("verify", "--probe", "--release", str(release), "--model", str(run), *flags, *place)
    log = out / f"fold-1-of-{scale.folds}" / "log.jsonl"
    return Command(arguments, "probe", (f"train {RAW.name}",), log, scale.steps)
