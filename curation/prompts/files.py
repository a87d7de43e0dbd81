"""The texts of prompts: files of ours, and a user's own in their place."""

from collections.abc import Mapping
from pathlib import Path

from curation.errors import UsageError


def read(ours: Path, paths: Mapping[str, str], folder: Path | None = None) -> dict[str, str]:
    """Return the texts by their names: `paths` says which file under `ours` each is; `folder` may hold `<name>.txt`.

    White space around a text is dropped. Raises UsageError for a folder that isn't there, a file of another name, and
    a file that holds no text.
    """
    own = _own(folder, [f"{name}.txt" for name in paths]) if folder else {}
    return {name: _text(own.get(f"{name}.txt", ours / path)) for name, path in paths.items()}


def _own(folder: Path, known: list[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError(f"--prompts: there is no folder {folder}")
    files = {file.name: file for file in sorted(folder.iterdir()) if not file.name.startswith(".")}
    if strange := [name for name in files if name not in known]:
        known_ones = ", ".join(known)
        raise UsageError(f"--prompts: {folder / strange[0]} is no prompt of this recipe or judge; it has {known_ones}")
    return files


def _text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--prompts: {file} can't be read: {error}") from error
    if not text:
        raise UsageError(f"--prompts: {file} is empty; without it, our own text is used")
    return text
