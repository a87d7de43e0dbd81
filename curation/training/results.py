"""What a run leaves behind, and how it is told from another.

model/              weights, tokenizer, template and image processor: plain `from_pretrained` loads them
adapter/            with LoRA: the adapters by themselves; in model/ they are merged
result.json         what came of it
manifest.json       what it was made from, and the digest of every file of the two folders
log.jsonl           what it said; tensorboard/ where that is installed
checkpoints/        while it is not finished
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from curation.errors import DataError, UsageError
from curation.families import VisionModel
from curation.staging import staged
from curation.training import parts
from curation.training.outcome import Outcome
from curation.training.settings import Settings
from schemas.manifest import FileEntry, Manifest

FORMAT = "train"
FORMAT_VERSION = 1
_PACKAGES = ("curation-workbench", "numpy", "peft", "pillow", "torch", "torchvision", "transformers")


class Place(NamedTuple):
    """Where a run is kept, so that it can go on after a stop, and what it is made from."""

    out: Path
    identity: dict[str, str]
    """What decides the result beside the settings: `release` (a digest), `family`, `model`."""

    def config(self, settings: Settings) -> dict[str, Any]:
        """Return all that another run in the same place must have in common with this one."""
        return {**self.identity, **settings.binding()}


def versions() -> dict[str, str]:
    """Return the versions that can change a result. Which backend resizes images is told by torchvision being there."""
    present = [name for name in _PACKAGES if name == "curation-workbench" or util.find_spec(_module(name))]
    return {name: metadata.version(name) for name in present}


def _module(package: str) -> str:
    return {"pillow": "PIL"}.get(package, package)


def refuse_change(before: Mapping[str, Any], now: Mapping[str, Any], out: Path) -> None:
    """Raise UsageError, with the difference, where a run was begun with another configuration."""
    different = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if different:
        changes = ", ".join(
            f"{name} was {json.dumps(before.get(name))} and is {json.dumps(now.get(name))}" for name in different
        )
        raise UsageError(f"{out} holds a run with another configuration ({changes}): give another --out, or remove it")


def finished(place: Place, settings: Settings) -> Outcome | None:
    """Return what came of a run that is finished already. Raises UsageError where it is another one."""
    try:
        manifest = Manifest.model_validate_json((place.out / "manifest.json").read_bytes())
        outcome = Outcome.model_validate_json((place.out / "result.json").read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise DataError(f"{place.out}: manifest.json or result.json is damaged; remove the folder") from error
    refuse_change(manifest.config, place.config(settings), place.out)
    return outcome


def save_model(out: Path, model: VisionModel, adapters: parts.Adapters | None) -> None:
    """Write the model whole or not at all; adapters are merged into it first."""
    if adapters:
        with staged(out / "adapter") as folder:
            parts.merge(adapters, folder)
    with staged(out / "model") as folder:
        model.model.save_pretrained(folder)
        model.renderer.save(folder)


def write(place: Place, settings: Settings, outcome: Outcome) -> None:
    """Write result and manifest; the checkpoints, from which nothing can go on any more, are removed."""
    out = place.out
    _replace(out / "result.json", outcome.model_dump_json(indent=1))
    manifest = Manifest(
        kind="run",
        format=FORMAT,
        format_version=FORMAT_VERSION,
        counts={"train": {"steps": outcome.steps, **outcome.counts}},
        config=place.config(settings),
        inputs={"release": place.identity["release"]},
        versions=versions(),
        files=tuple(_entry(out, path) for path in _files(out)),
    )
    _replace(out / "manifest.json", json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True))
    shutil.rmtree(out / "checkpoints", ignore_errors=True)


def _files(out: Path) -> list[Path]:
    folders = [path for name in ("adapter", "model") for path in (out / name).rglob("*") if path.is_file()]
    return sorted(folders)


def _entry(out: Path, path: Path) -> FileEntry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(path=path.relative_to(out).as_posix(), bytes=path.stat().st_size, digest=f"sha256:{digest}")


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)
