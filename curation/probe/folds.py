"""A run repeated without each fold of its release, and what the model of each fold makes of the traces it never saw."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, TypeVar

import polars as pl
import torch
from pydantic import BaseModel, ConfigDict

from curation import search
from curation.evaluation.systems import digest
from curation.families import VisionModel, open_model, tiny
from curation.probe.astray import Continued, continued
from curation.probe.findings import Finding, findings
from curation.probe.neighbours import deviations, worst_stages
from curation.probe.traces import judged, losses, write
from curation.progress import Advance
from curation.training import Data, Place, Rows, Settings, fit, index
from curation.training.records import texts
from curation.training.shards import World
from schemas.digest import canonical_json

R = TypeVar("R")
NEW = "new"
"""In place of a model: a new one of the family tiny."""


class Plan(BaseModel):
    """What is probed, and how."""

    model_config = ConfigDict(frozen=True)

    release: Path
    release_digest: str
    out: Path
    model: str
    """Folder or Hub id: of the model that judges, or that each fold's training begins with, which may be NEW."""
    family: str
    training: Settings | None
    """How each fold's model is trained; None for a model that did not see the release, and judges as it is."""
    folds: int
    suspects: int
    """Traces, those that stand out most, that the models go on from."""
    search: search.Settings
    """How they go on: `candidates` times from each stage."""
    device: str
    threads: int
    """Of torch, in each process."""
    jobs: int
    """Folds that are worked on at a time, each in a process of its own."""


class Probed(NamedTuple):
    """What came of a probe."""

    findings: list[Finding]
    """The strangest traces first."""
    worst: pl.DataFrame
    """A row for each trace, its strangest stage, the strangest traces first; see `worst_stages`."""


class _Fold(NamedTuple):
    plan: Plan
    number: int
    chosen: frozenset[str] | None = None
    """Ids of the traces to go on from."""

    @property
    def out(self) -> Path:
        return self.plan.out / f"fold-{self.number + 1}-of-{self.plan.folds}"

    @property
    def losses(self) -> Path:
        return self.out / "losses.parquet"

    @property
    def source(self) -> str:
        """Where the fold's model is."""
        return str(self.out / "model") if self.plan.training else self.plan.model

    def rows(self, *, judged: bool) -> Rows:
        """Return the traces that the fold's model judges, or those that it is trained on."""
        return index(self.plan.release, "train", lambda sample_id: self._judges(sample_id) is judged)

    def _judges(self, sample_id: str) -> bool:
        seed = self.plan.search.seed
        drawn = int.from_bytes(sha256(canonical_json([seed, sample_id])).digest()[:8], "big")
        return drawn % self.plan.folds == self.number


def probe(plan: Plan, said: Advance) -> Probed:
    """Judge every trace of the release's training split that the model can read whole.

    What is done stays in `plan.out`, and the same plan goes on from there. Raises what training and search raise.
    """
    folds = [_Fold(plan, number) for number in range(plan.folds)]
    with _Pool(min(plan.jobs, len(folds))) as pool:
        pool.each(_measure, folds, lambda done: said(done, "folds trained and measured"))
        worst = worst_stages(deviations(pl.concat([pl.read_parquet(fold.losses) for fold in folds])))
        chosen = frozenset(worst["trace"].head(plan.suspects).to_list())
        suspected = [fold._replace(chosen=chosen) for fold in folds]
        some = pool.each(_continue, suspected, lambda done: said(done, "folds continued"))
    checkpoints = {fold.number: digest(Path(fold.source)) for fold in folds}
    return Probed(findings(worst, [each for part in some for each in part], checkpoints), worst)


class _Pool:
    """Processes for the folds; with one job the work is done in this one."""

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(jobs, context) if jobs > 1 else None

    def __enter__(self) -> "_Pool":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def each(self, task: Callable[[_Fold], R], folds: Sequence[_Fold], said: Callable[[int], None]) -> list[R]:
        """Do the task for each fold; return the results in the order of the folds."""
        if self._pool is None:
            return [_told(task(fold), number, said) for number, fold in enumerate(folds, 1)]
        waiting = [self._pool.submit(task, fold) for fold in folds]
        for done, _ in enumerate(as_completed(waiting), 1):
            said(done)
        return [future.result() for future in waiting]


def _told(result: R, done: int, said: Callable[[int], None]) -> R:
    said(done)
    return result


def _measure(fold: _Fold) -> None:
    """Train the fold's model, where it is to be trained, and take the losses of the traces it did not see."""
    if fold.losses.is_file():
        return
    torch.set_num_threads(fold.plan.threads)
    fold.out.mkdir(parents=True, exist_ok=True)
    settings = fold.plan.training
    model = _trained(fold, settings) if settings else _opened(fold)
    raw = (settings or Settings(steps=1)).model_copy(update={"arm": "raw"})
    write(losses(fold.rows(judged=True), model, raw, fold.number), fold.losses)


def _trained(fold: _Fold, settings: Settings) -> VisionModel:
    """Train the run's model anew on the other folds; with less to learn from, for as many passes."""
    plan = fold.plan
    fewer = settings.model_copy(update={"steps": max(1, settings.steps * (plan.folds - 1) // plan.folds)})
    identity = {"release": plan.release_digest, "family": plan.family, "model": plan.model, "fold": str(fold.number)}
    if plan.model == NEW:
        model = tiny.create(texts(plan.release, "train"), settings.seed)
        model.model.to(torch.device(plan.device))  # type: ignore[arg-type]
    else:
        model = open_model(plan.model, plan.family, device=plan.device)
    fit(model, Data(fold.rows(judged=False)), fewer, Place(fold.out, identity), World(device=torch.device(plan.device)))
    return model


def _opened(fold: _Fold) -> VisionModel:
    return open_model(fold.source, fold.plan.family, device=fold.plan.device)


def _continue(fold: _Fold) -> list[Continued]:
    """Go on from the chosen traces that the fold's model judges."""
    torch.set_num_threads(fold.plan.threads)
    model = _opened(fold)
    raw = (fold.plan.training or Settings(steps=1)).model_copy(update={"arm": "raw"})
    return list(continued(judged(fold.rows(judged=True), model, raw, fold.chosen), model, fold.plan.search))
