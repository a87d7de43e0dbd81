"""The loop on scenes: does curation show in the model, does search, and does the model find planted faults?

    python tests/bench/bench_loop.py FOLDER [--seeds 3] [--scenes 9000] [--steps 2000] [--questions 3000]

Three teachers annotate the same scenes: one that never errs, one that errs at random in 30 % of its answers, and one
with a habit (of two or more objects to count it leaves one out, nine times in ten). Seven models are trained with the
same steps: clean, direct (answers alone), raw and curated (flawed traces dropped) of the second; raw, curated and
repaired (asked again, with what the checks found) of the third. All answer the same questions, none of which any
teacher saw. Then a probe is run over the traces of the second teacher, and its order is held against the scenes.

Prints a table for each seed, and the differences over all seeds with 95 % intervals. What is done stays in the folder,
and the same command goes on from there.
"""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from curation.demo.crowd import Command, Crowd
from curation.evaluation.marking import mark_all
from curation.evaluation.outcomes import Outcome
from curation.evaluation.questions import of_release
from curation.probe.neighbours import deviations, worst_stages
from curation.scene_graph import questions, traces
from curation.scene_graph.picture import read_scene
from exports import jsonl

TEACHERS = {
    "clean": (),
    "random": ("--fault", "wrong_caption=0.1,wrong_reasoning=0.1,wrong_conclusion=0.1"),
    "habit": ("--habit", "miscount=0.9"),
}


class Arm(NamedTuple):
    """A model: its teacher, whether flawed traces were asked for again, and what of the release it is trained on."""

    name: str
    release: str
    arm: str


ARMS = (
    Arm("clean", "clean", "raw"),
    Arm("direct", "clean", "direct"),
    Arm("raw", "random", "raw"),
    Arm("curated", "random", "curated"),
    Arm("habit-raw", "habit", "raw"),
    Arm("habit-curated", "habit", "curated"),
    Arm("habit-repaired", "habit-repaired", "curated"),
)
SEARCHED = ("clean", "raw")


class Seed:
    """All that is done for one seed."""

    def __init__(self, options: argparse.Namespace, number: int) -> None:
        self.folder = options.folder / f"seed-{number}"
        self.options, self.number = options, number
        self.crowd = Crowd(self.folder / "reports")

    def data(self) -> None:
        """Annotate with each teacher, side by side, and build the releases."""
        data = self.folder / "scenes"
        data.mkdir(parents=True, exist_ok=True)
        count = {"train": self.options.scenes, "test": self.options.questions}
        (data / "scenes.json").write_text(json.dumps({"seed": self.number, "count": count}))
        rows = ("--source", "scenes", "--data", str(data))

        def annotate(*flags: str) -> list[Command]:
            return [Command(("annotate", *flags, *self._at(name)), name) for name in TEACHERS]

        asked = [
            Command(("annotate", *rows, "--offline", *wrong, *self._at(name)), name) for name, wrong in TEACHERS.items()
        ]
        self.crowd.together("annotate", asked)
        self.crowd.together("ingest", annotate(*rows, "--split", "test", "--ingest"))
        self.crowd.together("export", [self._export(name, name, "all") for name in TEACHERS])
        repair = ("annotate", "--source", "scenes", "--repair", "--offline", *TEACHERS["habit"])
        self.crowd.run(*repair, *self._at("habit"))
        self.crowd.run(*self._export("habit", "habit-repaired", "clean").arguments)

    def _at(self, name: str) -> tuple[str, ...]:
        return "--workspace", str(self.folder / name)

    def _export(self, teacher: str, name: str, select: str) -> Command:
        flags = ("--format", "jsonl", "--select", select, "--splits", "source", "--out", str(self.folder / f"r-{name}"))
        return Command(("export", *flags, *self._at(teacher)), name)

    def models(self) -> None:
        """Train every arm."""
        self.crowd.together(f"train, seed {self.number}", [self._train(arm) for arm in ARMS])

    def _train(self, arm: Arm) -> Command:
        out = self.folder / "runs" / arm.name
        pace = ("--steps", str(self.options.steps), "--seed", str(self.number), "--threads", "1", "--workers", "0")
        release = ("--release", str(self.folder / f"r-{arm.release}"))
        flags = ("train", *release, "--family", "tiny", "--arm", arm.arm, *pace, "--out", str(out))
        return Command(flags, arm.name, log=out / "log.jsonl", total=self.options.steps)

    def verify(self, names: tuple[str, ...], *flags: str) -> dict[str, Any]:
        """Ask the models, side by side, and return the report over all of them."""
        commands = [self._verify((name,), *flags) for name in names]
        self.crowd.together(f"verify, seed {self.number}", commands)
        return self.crowd.run(*self._verify(names, *flags).arguments)

    def _verify(self, names: tuple[str, ...], *flags: str) -> Command:
        models = ",".join(str(self.folder / "runs" / name) for name in names)
        limits = ("--threads", "1", "--at-once", "128", "--max-tokens", "160", "--out", str(self.folder / "verify"))
        release = ("--release", str(self.folder / "r-clean"))
        return Command(("verify", *release, "--model", models, *flags, *limits), names[0])

    def right(self, name: str, search: str = "greedy") -> np.ndarray:
        """Return which questions a system answered right, in their order, [questions]."""
        problems = of_release(self.folder / "r-clean", "test")
        (path,) = [p for p in (self.folder / "verify/answers").glob("*.jsonl") if p.name.startswith(f"{name}_{search}")]
        known = {o.id: o for o in map(Outcome.model_validate_json, path.read_text().splitlines()[1:])}
        return np.array([m.correct for m in mark_all(problems, [known[p.id] for p in problems])])

    def hard(self) -> np.ndarray:
        """Return which questions are hard, [questions]."""
        return np.array([p.labels["level"] == "hard" for p in of_release(self.folder / "r-clean", "test")])

    def probe(self) -> float:
        """Probe the traces of the teacher that errs at random; return the AUC of its order."""
        run, out = str(self.folder / "runs" / "raw"), self.folder / "probe"
        flags = ("--max-tokens", "160", "--suspects", "100", "--out", str(out))
        self.crowd.run("verify", "--probe", "--release", str(self.folder / "r-random"), "--model", run, *flags,
                       *self._at("random"))  # fmt: skip
        frames = [pl.read_parquet(path) for path in sorted(out.glob("fold-*/losses.parquet"))]
        worst = worst_stages(deviations(pl.concat(frames)))
        planted = flawed(self.folder / "r-random")
        marks = np.array([planted[trace] for trace in worst["trace"]])
        return auc(worst["z"].to_numpy(), marks)


def flawed(release: Path) -> dict[str, bool]:
    """Tell for each trace whether it differs from what its scene says."""
    found = {}
    for item in jsonl.read(release):
        for trace in item.traces:
            scene = read_scene(jsonl.image_file(release, item.sample.images[0]).read_bytes())
            question = questions.parse(item.sample.turns[trace.turn].question)
            assert scene is not None
            assert question is not None
            found[trace.id] = traces.stages(scene.rows, question) != trace.stages
    return found


def auc(scores: np.ndarray, marks: np.ndarray) -> float:
    """Return the chance that a marked one scores above one that is not, ties counted half."""
    ranks = np.empty(len(scores))
    order = np.argsort(scores, kind="stable")
    ranks[order] = np.arange(1, len(scores) + 1)
    positive = marks.sum()
    return float((ranks[marks].sum() - positive * (positive + 1) / 2) / (positive * (~marks).sum()))


def interval(differences: list[np.ndarray]) -> str:
    """Return the mean difference in points over all questions of all seeds, with a 95 % bootstrap interval."""
    pooled = np.concatenate(differences).astype(float) * 100
    rng = np.random.default_rng(0)
    means = [pooled[rng.integers(0, len(pooled), len(pooled))].mean() for _ in range(2000)]
    low, high = np.percentile(means, [2.5, 97.5])
    seeds = ", ".join(f"{100 * each.mean():+.1f}" for each in differences)
    return f"{pooled.mean():+.1f} [{low:+.1f}, {high:+.1f}]  by seed: {seeds}"


def compare(seeds: list[Seed]) -> list[tuple[str, str]]:
    """Return the differences that the loop is judged by."""

    def over(one: tuple[str, str], other: tuple[str, str], *, hard: bool = False) -> str:
        rows = []
        for seed in seeds:
            kept = seed.hard() if hard else slice(None)
            rows.append((seed.right(*one).astype(int) - seed.right(*other).astype(int))[kept])
        return interval(rows)

    stage = "stage-beam-rules"
    return [
        ("four stages over direct", over(("clean", "greedy"), ("direct", "greedy"))),
        ("curated over raw, 30 % random faults", over(("curated", "greedy"), ("raw", "greedy"))),
        ("curated over clean", over(("curated", "greedy"), ("clean", "greedy"))),
        ("habit: curated over raw, hard", over(("habit-curated", "greedy"), ("habit-raw", "greedy"), hard=True)),
        ("habit: repaired over raw, hard", over(("habit-repaired", "greedy"), ("habit-raw", "greedy"), hard=True)),
        ("stage search over greedy, clean model", over(("clean", stage), ("clean", "greedy"))),
        ("stage search over greedy, noisy model", over(("raw", stage), ("raw", "greedy"))),
    ]


def main() -> None:
    """Run what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for name, default in (("seeds", 3), ("scenes", 9000), ("steps", 2000), ("questions", 3000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    seeds = [Seed(options, number) for number in range(options.seeds)]
    for seed in seeds:
        seed.data()
        seed.models()
        report = seed.verify(tuple(arm.name for arm in ARMS))
        searches = seed.verify(SEARCHED, "--search", "greedy,stage-beam")
        for row in [*report["systems"], *searches["systems"]]:
            figure, cost = row["accuracy"], row["new_tokens"] + row["judge_tokens"]
            spread = f"[{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]"
            name = f"{row['model']} {row['search']}"
            print(f"seed {seed.number}  {name:28} {100 * figure['mean']:5.1f} {spread}  {cost:6.1f} tokens", flush=True)
        print(f"seed {seed.number}  probe AUC {seed.probe():.3f}", flush=True)
    for name, figure in compare(seeds):
        print(f"{name:40} {figure}")


if __name__ == "__main__":
    main()
