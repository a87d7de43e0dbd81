"""A workspace of as many checked traces as wanted, for `bench_survey`; its rows are those that the store's steps write.

Five sources with labels and choices, one with three turns a sample; a few hundred drawn pictures. A tenth of the
traces were asked blind, one in fifty was asked for again, one in four has an issue; every one has a check of each
validator and sweep, and a verdict of a judge, where that is asked for. Some rows are read back through their models.
"""

import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from curation import sweeps, validators
from curation.images import inspect
from curation.scene_graph import objects, picture
from curation.store import Store, tables
from curation.store.text import from_json
from schemas.digest import digest_json
from schemas.issue import Issue
from schemas.sample import Sample, Turn
from schemas.trace import STAGES, Trace
from schemas.verdict import Verdict

_PICTURES = 300
_PAGE = 5000
_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
_LABELS = {
    "chartqa": {"origin": ("human", "augmented")},
    "clevr": {"question-type": ("count", "exist", "query_color", "query_shape", "compare_integer"), "image": ()},
    "scienceqa": {"subject": ("natural", "social", "language"), "grade": tuple(f"grade{n}" for n in range(1, 13))},
    "docvqa": {"kind": ("form", "table", "figure", "layout")},
    "sharegpt4v": {},
}
"""Values of the labels by source; of one without values, each sample has its own."""
_TURNS = {"sharegpt4v": 3}
_FOUND = {
    ("answer:wrong", "error", "conclusion"): 10,
    ("consistency:arithmetic", "error", "reasoning"): 4,
    ("consistency:unsupported", "warning", "reasoning"): 8,
    ("duplicate:near", "warning", "reasoning"): 3,
    ("length:short", "info", "summary"): 5,
}
"""How many traces in a hundred have the issue."""
_ENDPOINT = "https://api.openai.com/v1"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SAMPLE = Sample(id="a/b/c", turns=(Turn(question="?"),)).model_dump(mode="json")


class Size(NamedTuple):
    """How large a workspace is to be."""

    traces: int
    judged: bool
    """A judge has spoken on every trace."""


def build(folder: Path, size: Size) -> None:
    """Make the workspace; the same for the same size."""
    with Store.open(folder, create=True) as store:
        maker = _Maker(store, size)
        store.close()
        with closing(sqlite3.connect(folder / "curation.db")) as connection:
            _write(connection, maker, size.traces)
        store.analyze()
        _read_back(store)


def _write(connection: sqlite3.Connection, maker: "_Maker", traces: int) -> None:
    """Write the rows. Nobody else writes, and the indexes are made last: else it takes hours."""
    for pragma in ("journal_mode = DELETE", "journal_mode = OFF", "synchronous = OFF", "cache_size = -2000000"):
        connection.execute(f"PRAGMA {pragma}")
    kept = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for name, _ in kept:
        connection.execute(f"DROP INDEX {name}")
    while maker.made < traces:
        for table, rows in maker.page().items():
            columns = list(rows[0])
            marks = ", ".join(f":{name}" for name in columns)
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
    for _, made_by in kept:
        connection.execute(made_by)
    connection.commit()


def _read_back(store: Store) -> None:
    """Read some of the records through their models, which hold them against their digests."""
    kinds = {tables.samples: Sample, tables.traces: Trace, tables.issues: Issue, tables.verdicts: Verdict}
    with store.snapshot() as connection:
        for table, kind in kinds.items():
            for record in connection.execute(select(table.c.record).limit(200)).scalars():
                from_json(kind, record)


class _Maker:
    def __init__(self, store: Store, size: Size) -> None:
        self.made = 0
        """Traces so far."""
        self._rng = random.Random(0)
        self._judged = size.judged
        self._text = " ".join(self._rng.choices(_words(self._rng), k=400_000))
        self._versions = validators.versions() | sweeps.versions()
        drawn = [picture.to_png(objects.draw(random.Random(seed), 2, 5)) for seed in range(_PICTURES)]
        loaded = [inspect(data) for data in drawn]
        for image in loaded:
            store.images.put(image)
        self._images = [image.ref.model_dump(mode="json") for image in loaded]
        self._number = 0

    def page(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of some new samples, by table."""
        rows: dict[str, list[dict[str, Any]]] = {"samples": [], "traces": [], "issues": [], "checks": []}
        rows |= {"verdicts": []} if self._judged else {}
        for _ in range(_PAGE):
            self._put_sample(rows)
        return rows

    def _put_sample(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        self._number += 1
        source = self._rng.choice(list(_LABELS))
        sample_id = f"{source}/train/{self._number}"
        labels = {name: self._value(values) for name, values in _LABELS[source].items()}
        turns = [self._turn(source) for _ in range(_TURNS.get(source, 1))]
        record = _SAMPLE | {"id": sample_id, "images": [self._rng.choice(self._images)], "turns": turns}
        record |= {"labels": labels, "licence": "CC-BY-4.0", "citation": "Someone et al. 2022"}
        row = {"id": sample_id, "source": source, "split": "train", "turns": len(turns), "record": _json(record)}
        rows["samples"].append(row)
        for turn, asked in enumerate(turns):
            for again in range(1 + (self._rng.random() < 0.02)):
                self._put_trace(rows, sample_id, turn, asked["targets"][0], again)

    def _value(self, values: Sequence[str]) -> str:
        return self._rng.choice(values) if values else f"{self._number:06}.png"

    def _turn(self, source: str) -> dict[str, Any]:
        kind = "choice" if source == "scienceqa" else self._rng.choice(("yes-no", "number", "text"))
        choices = [self._prose(12) for _ in range(4)] if kind == "choice" else []
        answers = {"choice": choices, "yes-no": ("Yes", "No"), "number": (str(self._rng.randrange(2000)),)}
        targets = [self._rng.choice(answers.get(kind) or (self._prose(18),))]
        turn = {"question": f"{self._prose(70)}?", "targets": targets, "choices": choices, "scorer": "exact-match"}
        return _SAMPLE["turns"][0] | turn

    def _put_trace(
        self, rows: dict[str, list[dict[str, Any]]], sample_id: str, turn: int, target: str, again: int
    ) -> None:
        at = _BEGIN + timedelta(seconds=self.made)
        stages = dict(zip((stage.value for stage in STAGES), map(self._prose, (90, 180, 320)), strict=False))
        made: dict[str, Any] = {
            "kind": "model", "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "model": "gpt-4o",
            "model_answered": "gpt-4o-2024-08-06", "recipe": "paper", "prompt_version": "v1", "calls": [],
            "parent": None,
        }  # fmt: skip
        if self._rng.random() < 0.1:
            right = self._rng.randrange(5)
            made |= {"recipe": "blind", "sampling": {"samples": 4, "right": right, "rationalised": not right}}
        trace = {"sample_id": sample_id, "turn": turn, "stages": stages | {"conclusion": target}, "provenance": made}
        trace = {"id": digest_json(trace), **trace}
        copied = {name: made[name] for name in ("kind", "recipe", "prompt_version", "model")}
        created = at.isoformat(timespec="microseconds")
        row = {"id": trace["id"], "sample_id": sample_id, "turn": turn, "endpoint": _ENDPOINT, "created_at": created}
        rows["traces"].append(row | copied | {"record": _json(trace)})
        rows["checks"] += [{"subject": trace["id"], "validator": n, "version": v} for n, v in self._versions.items()]
        rows["issues"] += self._issues(trace, again)
        if self._judged:
            rows["verdicts"].append(self._verdict(trace))
        self.made += 1

    def _issues(self, trace: dict[str, Any], again: int) -> Iterator[dict[str, Any]]:
        for (code, severity, stage), percent in _FOUND.items():
            if self._rng.random() * 100 < percent * (1 - again):
                validator = code.split(":", 1)[0]
                other = f"{trace['sample_id'].rsplit('/', 1)[0]}/{self._rng.randrange(1, self._number + 1)}"
                issue = {
                    "sample_id": trace["sample_id"], "turn": trace["turn"], "trace_id": trace["id"], "call_key": None,
                    "code": code, "severity": severity, "stage": stage, "message": f"it is not what is in {other}",
                    "evidence": trace["stages"][stage][:40], "version": self._versions[validator],
                }  # fmt: skip
                issue = {"id": digest_json(issue), **issue}
                columns = ("id", "sample_id", "turn", "trace_id", "call_key", "code", "version", "severity", "stage")
                row = {name: issue[name] for name in columns}
                yield row | {"validator": validator, "record": _json(issue)}

    def _verdict(self, trace: dict[str, Any]) -> dict[str, Any]:
        good, length = {"verdict": "positive", "quote": "", "reason": ""}, len(trace["stages"]["reasoning"])
        steps = [
            {
                "number": n + 1,
                "start": n * length // 4,
                "end": (n + 1) * length // 4,
                "verdict": "positive",
                "quote": "",
            }
            for n in range(4)
        ]
        record = {
            "sample_id": trace["sample_id"], "turn": trace["turn"], "trace_id": trace["id"], "model": "gpt-4o",
            "endpoint": _ENDPOINT, "prompt_version": "v1", "simulated": False,
            "at": trace["provenance"]["created_at"], "call": trace["id"],
            "stages": {stage.value: good for stage in STAGES}, "steps": steps,
        }  # fmt: skip
        return {"trace_id": trace["id"], "judge": "gpt-4o", "at": record["at"], "record": _json(record)}

    def _prose(self, length: int) -> str:
        """Return so many characters, none of them a blank at an end."""
        at = self._rng.randrange(len(self._text) - length)
        return f"x{self._text[at : at + length - 2]}x"


def _words(rng: random.Random) -> list[str]:
    return ["".join(rng.choices("etaoinshrdlucmfwypvbgk", k=rng.randint(2, 9))) for _ in range(3000)]


def _json(record: dict[str, Any]) -> str:
    return _ENCODER.encode(record)
