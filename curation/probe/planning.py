"""How a release is probed with a model: by repeating its run without each fold, or as it is where it never saw it."""

import os
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from curation import search
from curation.errors import DataError, MissingError, UsageError
from curation.evaluation.asking import resolve
from curation.evaluation.systems import Contender
from curation.probe.folds import NEW, Plan
from curation.training import Settings
from schemas.manifest import Manifest


class Wish(NamedTuple):
    """What was asked for."""

    release: Path
    release_digest: str
    out: Path
    family: str
    base: str | None
    """Model that the run began with, where its manifest does not say it."""
    folds: int
    suspects: int
    candidates: int
    max_tokens: int
    seed: int
    device: str
    threads: int | None
    """To compute with, in all; None for as many as there are cores."""


def planned(judge: Contender, wish: Wish) -> Plan:
    """Return how the release is probed. Raises UsageError and MissingError for a run that can't be repeated."""
    manifest = _manifest(judge.run)
    saw_it = manifest is not None and manifest.inputs.get("release") == wish.release_digest
    training = _settings(manifest) if manifest and saw_it else None
    folds = wish.folds if training else 1
    every = wish.threads or os.cpu_count() or 1
    device = resolve(wish.device)
    jobs = min(folds, every) if device == "cpu" else 1
    return Plan(
        release=wish.release,
        release_digest=wish.release_digest,
        out=wish.out,
        model=_beginning(manifest, wish.base) if manifest and training else judge.source,
        family=str(manifest.config["family"]) if manifest and training else wish.family,
        training=training,
        folds=folds,
        suspects=wish.suspects,
        search=search.Settings(
            candidates=wish.candidates,
            temperature=1.0,
            top_p=1.0,
            max_tokens=wish.max_tokens,
            seed=wish.seed,
            at_once=64,
        ),
        device=device,
        threads=every // jobs,
        jobs=jobs,
    )


def _manifest(run: Path | None) -> Manifest | None:
    if run is None or not (run / "manifest.json").is_file():
        return None
    try:
        return Manifest.model_validate_json((run / "manifest.json").read_bytes())
    except ValidationError as error:
        raise DataError(f"{run / 'manifest.json'} is not a manifest, or it is damaged") from error


def _settings(manifest: Manifest) -> Settings:
    known = {name: value for name, value in manifest.config.items() if name in Settings.model_fields}
    settings = Settings.model_validate(known)
    if settings.arm not in ("raw", "curated"):
        raise UsageError(f"a model of the arm {settings.arm} was trained without stages: probe with raw or curated")
    return settings


def _beginning(manifest: Manifest, base: str | None) -> str:
    """Return what the run was begun with: a new model, a folder that is named by --base, or an id on the Hub."""
    name = str(manifest.config["model"])
    if name == NEW or base is None:
        if name != NEW and "/" not in name:
            raise MissingError(f"the run was begun with {name}: say with --base where that model is")
        return name
    return base
